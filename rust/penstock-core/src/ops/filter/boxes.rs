//! Pillow's box blurs, bit for bit.
//!
//! All passes along the rows come first, then all those along the columns, each to bytes. What lies outside the image
//! counts as its outermost pixel. A pass that is made of a part of the image repeats that part's outermost pixel, which
//! spoils no more than its reach; so a part that is larger than what is wanted by the reach of all passes is enough.

use std::mem::swap;
use std::ops::Range;

use penstock_jpeg::simd::Level;

use super::chunk::{BLOCK, Chunk};
use super::dispatch;
use super::means::Mean;
use super::strip;
use crate::image::sheet::Sheet;
use crate::image::{ImageView, Region};
use crate::ops::kinds::Size;

/// A blur: so many passes of one box along the rows, then of another along the columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Blur {
    /// Along the rows.
    pub(crate) across: Mean,
    /// Along the columns.
    pub(crate) down: Mean,
    /// Of each.
    pub(crate) passes: u8,
}

impl Blur {
    /// The region of an image of `size` that a region of the output is made of.
    pub(crate) fn support(&self, size: Size, wanted: &Region) -> Region {
        if wanted.is_empty() {
            return Region::default();
        }
        let grown = |range: &Range<u32>, mean: &Mean, length: u32| {
            let reach = mean.reach().saturating_mul(self.passes.into());
            range.start.saturating_sub(reach)..range.end.saturating_add(reach).min(length)
        };
        Region {
            rows: grown(&wanted.rows, &self.down, size.0),
            columns: grown(&wanted.columns, &self.across, size.1),
        }
    }
}

/// Memory of one thread that blurs.
#[derive(Debug, Default)]
pub struct Boxes {
    /// A strip, and the same one after a pass.
    strip: Vec<Chunk>,
    passed: Vec<Chunk>,
    /// What lies between the passes along the rows and those along the columns, in strips of columns.
    columns: Vec<Chunk>,
    line: Vec<u8>,
    out: Sheet,
}

impl Boxes {
    /// Makes a region of the output from `source`, which is exactly its support of an image of `size`.
    pub(crate) fn blur<'m>(
        &'m mut self,
        level: Level,
        source: &ImageView<'m>,
        size: Size,
        wanted: &Region,
        blur: &Blur,
    ) -> Option<ImageView<'m>> {
        let support = blur.support(size, wanted);
        if source.height() != support.rows.len() || source.width() != support.columns.len() {
            return None;
        }
        if !blur.across.changes && !blur.down.changes {
            return Some(*source);
        }
        if let Some(gray) = source.gray() {
            return Some(self.blur(level, &gray, size, wanted, blur)?.with_channels(source.channels()));
        }
        let lines = source.rows()?;
        let (planes, height, step) = (lines.planes, lines.count, lines.step);
        let left = (wanted.columns.start - support.columns.start) as usize * step;
        let above = (wanted.rows.start - support.rows.start) as usize;
        let bytes = wanted.columns.len() * step;
        let strips = bytes.div_ceil(Chunk::BYTES);
        let longest = (lines.bytes_per_line() + BLOCK).max(height);
        if !self.out.shape(planes, wanted.rows.len(), wanted.columns.len(), step)
            || !room(&mut self.columns, strips * height)
            || !room(&mut self.strip, longest)
            || !room(&mut self.passed, longest)
        {
            return None;
        }
        let columns = &mut self.columns[..strips * height];
        for plane in 0..planes {
            for first in (0..height).step_by(Chunk::BYTES) {
                let line = |row: usize| lines.line(plane, height.min(first + row + 1) - 1);
                let mut rows = [line(0)?; Chunk::BYTES];
                for (row, part) in rows.iter_mut().enumerate() {
                    *part = line(row)?;
                }
                strip::gather(level, &rows, &mut self.line, &mut self.strip)?;
                let count = lines.bytes_per_line();
                passes(level, &blur.across, blur.passes, [&mut self.strip, &mut self.passed], count, step)?;
                strip::scatter(level, self.strip.get(left..)?, bytes, columns, height, first);
            }
            for (index, columns) in columns.chunks_exact(height).enumerate() {
                self.strip.get_mut(..height)?.copy_from_slice(columns);
                passes(level, &blur.down, blur.passes, [&mut self.strip, &mut self.passed], height, 1)?;
                let rows = self.strip.iter().skip(above).take(wanted.rows.len());
                for (row, chunk) in rows.enumerate() {
                    let out = self.out.rows_mut(plane, row, 1).as_chunks_mut().0;
                    *out.get_mut(index)? = chunk.0;
                }
            }
        }
        self.out.image()
    }
}

/// Makes all passes along the first `count` chunks of the first buffer; what they come to is there afterwards.
fn passes(
    level: Level,
    mean: &Mean,
    passes: u8,
    [strip, passed]: [&mut Vec<Chunk>; 2],
    count: usize,
    step: usize,
) -> Option<()> {
    if mean.changes {
        for _ in 0..passes {
            dispatch::pass(level, mean, strip.get(..count)?, passed.get_mut(..count)?, step);
            swap(strip, passed);
        }
    }
    Some(())
}

/// Chunks that a thread keeps; what exceeds this is given back.
const KEPT: usize = (8 << 20) / Chunk::BYTES;

/// Makes room for so many chunks; false if there is no memory.
fn room(chunks: &mut Vec<Chunk>, count: usize) -> bool {
    if chunks.len() > count.max(KEPT) {
        *chunks = Vec::new();
    }
    let missing = count.saturating_sub(chunks.len());
    if chunks.try_reserve_exact(missing).is_err() {
        return false;
    }
    chunks.resize(chunks.len() + missing, Chunk::EMPTY);
    true
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
