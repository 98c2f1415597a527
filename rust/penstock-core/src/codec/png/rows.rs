//! The rows of an image: inflated, their filters undone, a few at a time.
//!
//! Inflating looks back at 32 KiB of what it made, so filters are undone in place that far behind it. The window holds
//! these, two lines and some more, and moves along: what an image takes does not depend on its height.

use std::ops::Range;

use fdeflate::Decompressor;

use super::chunks::Chunks;
use super::filter::{MOST_FILTER, undo};
use super::ihdr::Ihdr;
use super::reason::Reason;
use crate::codec::error::Irregular;
use crate::level;
use penstock_jpeg::simd::Level;

/// How far deflate looks back.
const LOOK_BACK: usize = 32 << 10;
/// Bytes of the window beyond what it must keep. Large enough that moving it costs little, small enough for a cache.
const STEP: usize = 128 << 10;

/// One of the seven images that make an interlaced one, or all of another.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pass {
    /// Where its pixels are: the first column and row, and the steps to the next ones.
    pub(super) left: usize,
    pub(super) top: usize,
    pub(super) across: usize,
    pub(super) down: usize,
}

const WHOLE: [Pass; 1] = [Pass { left: 0, top: 0, across: 1, down: 1 }];
const ADAM7: [Pass; 7] = [
    Pass { left: 0, top: 0, across: 8, down: 8 },
    Pass { left: 4, top: 0, across: 8, down: 8 },
    Pass { left: 0, top: 4, across: 4, down: 8 },
    Pass { left: 2, top: 0, across: 4, down: 4 },
    Pass { left: 0, top: 2, across: 2, down: 4 },
    Pass { left: 1, top: 0, across: 2, down: 2 },
    Pass { left: 0, top: 1, across: 1, down: 2 },
];

impl Pass {
    /// Bytes of a line, without the one that names its filter.
    fn line_bytes(&self, ihdr: Ihdr) -> usize {
        ihdr.bytes(ihdr.width.saturating_sub(self.left).div_ceil(self.across))
    }

    fn lines(&self, ihdr: Ihdr) -> usize {
        ihdr.height.saturating_sub(self.top).div_ceil(self.down)
    }

    /// Bytes of all lines; a small image has no pixels in some passes, and no lines then.
    fn bytes(&self, ihdr: Ihdr) -> usize {
        match self.line_bytes(ihdr) {
            0 => 0,
            line => self.lines(ihdr) * (1 + line),
        }
    }
}

/// Memory that is used again for the next image.
#[derive(Debug, Default)]
pub(super) struct Window {
    bytes: Vec<u8>,
    zeros: Vec<u8>,
}

impl Window {
    pub(super) fn memory(&self) -> usize {
        self.bytes.capacity() + self.zeros.capacity()
    }
}

/// An image whose rows are being made, in the order in which they are in the file.
#[derive(Debug)]
pub(super) struct Rows<'a> {
    level: Level,
    ihdr: Ihdr,
    wanted: Range<usize>,
    window: &'a mut [u8],
    /// A line above the first one.
    zeros: &'a [u8],
    /// Ends, in the window, of what is inflated and of what was handed over.
    filled: usize,
    done: usize,
    /// Bytes that are not inflated yet.
    missing: usize,
    /// Passes that are not done, and the row of the first one's next line.
    passes: &'static [Pass],
    y: usize,
}

impl<'a> Rows<'a> {
    /// For an image of which only these rows are wanted.
    pub(super) fn new(ihdr: Ihdr, wanted: Range<usize>, memory: &'a mut Window) -> Self {
        let passes = if ihdr.interlaced { &ADAM7[..] } else { &WHOLE };
        let missing = passes.iter().map(|pass| pass.bytes(ihdr)).sum();
        let line = ihdr.bytes(ihdr.width);
        // One byte more, so that a stream that goes on is found out.
        let room = (LOOK_BACK + 2 * (1 + line) + STEP).min(missing + 1);
        memory.bytes.resize(room, 0);
        memory.zeros.clear();
        memory.zeros.resize(line, 0);
        let Window { bytes, zeros } = memory;
        let mut made = Self {
            level: level::in_use(),
            ihdr,
            wanted,
            window: bytes,
            zeros,
            filled: 0,
            done: 0,
            missing,
            passes,
            y: 0,
        };
        made.skip_empty();
        made
    }

    /// Inflates all of the image and hands over the lines in the wanted rows.
    ///
    /// # Errors
    /// [`Irregular`] if the chunks hold anything but one stream of exactly the image's length, or from `take`.
    pub(super) fn read(
        mut self,
        mut chunks: Chunks<'_>,
        mut take: impl FnMut(&[u8], usize, Pass) -> Result<(), Irregular>,
    ) -> Result<(), Irregular> {
        let mut stream = Decompressor::new();
        loop {
            let chunk = chunks.next()?;
            if chunk.kind != b"IDAT" {
                break;
            }
            let mut data = chunk.data;
            while !stream.is_done() {
                self.make_room();
                let (consumed, produced) =
                    stream.read(data, self.window, self.filled, false).map_err(|_| Reason::Deflate)?;
                data = &data[consumed..];
                self.filled += produced;
                self.missing = self.missing.checked_sub(produced).ok_or(Reason::Length)?;
                self.hand_over(LOOK_BACK, &mut take)?;
                if self.filled < self.window.len() {
                    break;
                }
            }
            if !data.is_empty() {
                return Err(Reason::Length.into());
            }
        }
        if !stream.is_done() || self.missing > 0 {
            return Err(Reason::Length.into());
        }
        self.hand_over(0, &mut take)
    }

    /// Moves what is still needed to the front of the window if little is free behind it.
    fn make_room(&mut self) {
        if self.window.len() - self.filled > self.missing.min(STEP / 2) {
            return;
        }
        let above = self.passes.first().map_or(0, |pass| pass.line_bytes(self.ihdr));
        let kept = self.done.saturating_sub(above).min(self.filled.saturating_sub(LOOK_BACK));
        self.window.copy_within(kept..self.filled, 0);
        self.filled -= kept;
        self.done -= kept;
    }

    /// Undoes the filters of the lines that end so far before the end of what is inflated.
    fn hand_over(
        &mut self,
        behind: usize,
        take: &mut impl FnMut(&[u8], usize, Pass) -> Result<(), Irregular>,
    ) -> Result<(), Irregular> {
        let bytes = (self.ihdr.bits() / 8).max(1);
        while let Some(&pass) = self.passes.first() {
            let length = pass.line_bytes(self.ihdr);
            if self.done + 1 + length + behind > self.filled {
                break;
            }
            let (before, line) = self.window.split_at_mut(self.done);
            let (filter, line) = (line[0], &mut line[1..=length]);
            if self.y < self.wanted.end {
                let above =
                    if self.y == pass.top { &self.zeros[..length] } else { &before[before.len() - length..] };
                undo(self.level, filter, bytes, above, line)?;
                if self.y >= self.wanted.start {
                    take(line, self.y, pass)?;
                }
            } else if filter > MOST_FILTER {
                return Err(Reason::Filter.into());
            }
            self.done += 1 + length;
            self.y += pass.down;
            if self.y >= self.ihdr.height {
                self.passes = &self.passes[1..];
                self.skip_empty();
            }
        }
        Ok(())
    }

    /// Begins the next pass that has any lines.
    fn skip_empty(&mut self) {
        while self.passes.first().is_some_and(|pass| pass.bytes(self.ihdr) == 0) {
            self.passes = &self.passes[1..];
        }
        self.y = self.passes.first().map_or(0, |pass| pass.top);
    }
}
