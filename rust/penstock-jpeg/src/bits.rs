//! Entropy-coded data as bits: stuffing and markers are taken out first, so that the reader can take eight
#![expect(clippy::inline_always, reason = "parts of loops that are compiled for several processors")]
//! bytes at a time without looking at them.
//!
//! [`ScanData`] holds the plain bytes of a scan, or of a part of it, and where restart intervals end. A
//! [`Reader`] that runs past an end reads what follows (zeros at the very end) and is found out by its position:
//! decoders check that after every few MCUs, and exactly at the end of an interval.

use crate::error::{Irregular, Reason, give_up};
use crate::kernels::dispatch;
use crate::simd::Level;

/// Zero bytes behind the data, so that whole words can be read.
const PADDING: usize = 16;
/// Longest file; positions have 32 bits.
const MAX_BYTES: usize = 1 << 30;

/// A scan's bytes without stuffing.
#[derive(Debug, Default)]
pub(crate) struct ScanData {
    /// Plain bytes and what is left of longer scans; it only grows, so that memory is cleared once.
    bytes: Vec<u8>,
    /// Where each restart interval ends in `bytes`; the last one is the end of the scan.
    ends: Vec<usize>,
    /// Where in `bytes` a byte of the file was left out before: one or two bytes each.
    gaps: Vec<Gap>,
    /// Position in the file of the first byte.
    origin: usize,
    /// Position in the file of the marker behind the scan.
    pub(crate) behind: usize,
}

/// `skipped` bytes of the file stand between `at - 1` and `at`.
#[derive(Clone, Copy, Debug)]
struct Gap {
    at: usize,
    skipped: usize,
}

impl ScanData {
    /// Takes the bytes of `file` from `start` up to the first marker that is no restart marker, or without one
    /// up to `stop`, if there is that. The restart markers must count on from `restart`. Gaps are kept if
    /// `index` is set.
    pub(crate) fn fill(
        &mut self,
        file: &[u8],
        start: usize,
        stop: Option<usize>,
        restart: u8,
        index: bool,
        level: Level,
    ) -> Result<(), Irregular> {
        if file.len() > MAX_BYTES {
            give_up!(Limit);
        }
        self.ends.clear();
        self.gaps.clear();
        self.origin = start;
        let stop = stop.filter(|&stop| stop < file.len());
        let mut restart = restart;
        let mut rest = file.get(start..stop.unwrap_or(file.len())).unwrap_or(&[]);
        let room = rest.len() + PADDING;
        if self.bytes.len() < room {
            self.bytes.resize(room, 0);
        }
        let mut used = 0;
        loop {
            let Some(out) = self.bytes.get_mut(used..) else { give_up!(Limit) };
            let length = dispatch::copy_before_ff(level, rest, out);
            used += length;
            let (_, tail) = rest.split_at(length);
            let fill = tail.iter().take_while(|&&byte| byte == 0xFF).count();
            let Some((&code, behind)) = tail.get(fill..).and_then(<[u8]>::split_first) else {
                if stop.is_none() {
                    give_up!(Truncated);
                }
                return self.end(used);
            };
            let skipped = match code {
                0 => {
                    if fill > 1 {
                        give_up!(Marker);
                    }
                    let Some(out) = self.bytes.get_mut(used) else { give_up!(Limit) };
                    *out = 0xFF;
                    used += 1;
                    1
                }
                0xD0..=0xD7 => {
                    if code & 7 != restart & 7 {
                        give_up!(Restart);
                    }
                    restart = restart.wrapping_add(1);
                    self.ends.push(used);
                    fill + 1
                }
                _ => {
                    self.behind = file.len() - tail.len();
                    return self.end(used);
                }
            };
            if index {
                self.gaps.push(Gap { at: used, skipped });
            }
            rest = behind;
        }
    }

    /// Ends the data.
    fn end(&mut self, used: usize) -> Result<(), Irregular> {
        self.ends.push(used);
        let Some(padding) = self.bytes.get_mut(used..used + PADDING) else { give_up!(Limit) };
        padding.fill(0);
        Ok(())
    }

    /// Fails unless `mcus` MCUs take just the restart intervals that there are.
    pub(crate) fn expect_intervals(&self, interval: usize, mcus: usize) -> Result<(), Irregular> {
        let expected = if interval == 0 { 1 } else { mcus.div_ceil(interval) };
        if self.ends.len() == expected { Ok(()) } else { give_up!(Restart) }
    }

    /// Begins an interval `bit` bits behind its start.
    pub(crate) fn reader(&self, interval: usize, bit: usize) -> Result<Reader<'_>, Irregular> {
        let Some(&end) = self.ends.get(interval) else { give_up!(Restart) };
        let start = match interval.checked_sub(1) {
            Some(before) => self.ends.get(before).copied().unwrap_or(0),
            None => 0,
        };
        let mut reader = Reader { bytes: &self.bytes, pos: start as u32, bits: 0, window: 0, end };
        reader.refill();
        reader.drop_bits(bit as u32 & 7);
        Ok(reader)
    }

    /// Turns positions in the plain bytes into positions in the file; they must not decrease.
    pub(crate) fn positions(&self) -> Positions<'_> {
        Positions { gaps: &self.gaps, shift: self.origin }
    }

    pub(crate) fn memory(&self) -> usize {
        self.bytes.capacity()
            + self.ends.capacity() * size_of::<usize>()
            + self.gaps.capacity() * size_of::<Gap>()
    }
}

/// See [`ScanData::positions`].
#[derive(Debug)]
pub(crate) struct Positions<'a> {
    gaps: &'a [Gap],
    shift: usize,
}

impl Positions<'_> {
    /// The place in the file of the plain byte at `at`.
    pub(crate) fn in_file(&mut self, at: usize) -> usize {
        while let Some((gap, rest)) = self.gaps.split_first().filter(|(gap, _)| gap.at <= at) {
            self.shift += gap.skipped;
            self.gaps = rest;
        }
        at + self.shift
    }
}

/// A window of up to 64 bits onto plain bytes, highest bit first.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
    /// The next byte to come into the window.
    pos: u32,
    /// Valid bits of the window, which are its highest.
    bits: u32,
    window: u64,
    /// Where the interval ends.
    end: usize,
}

impl Reader<'_> {
    /// Brings at least 56 bits into the window.
    #[inline(always)]
    pub(crate) fn refill(&mut self) {
        // Positions of 32 bits, so that adding to them cannot wrap and needs no check.
        let at = self.pos as usize;
        let word = match self.bytes.get(at..at + 8).and_then(<[u8]>::first_chunk) {
            Some(&word) => u64::from_be_bytes(word),
            None => 0,
        };
        self.window |= word >> (self.bits & 63);
        self.pos = self.pos.wrapping_add(63_u32.wrapping_sub(self.bits) >> 3);
        self.bits |= 0b11_1000;
    }

    /// The whole window.
    #[inline(always)]
    pub(crate) fn window(&self) -> u64 {
        self.window
    }

    /// The next `count` bits, which is at most 16 and may be 0, without taking them.
    #[inline(always)]
    pub(crate) fn peek(&self, count: u32) -> u32 {
        ((self.window >> 1) >> (63 - (count & 63))) as u32
    }

    /// Takes `count` bits, which must be in the window.
    #[inline(always)]
    pub(crate) fn drop_bits(&mut self, count: u32) {
        self.window <<= count & 63;
        self.bits = self.bits.wrapping_sub(count);
    }

    /// The reader `count` taken bits ago.
    #[cold]
    #[inline(never)]
    pub(crate) fn before(self, count: u32) -> Self {
        let at = self.position() - count as usize;
        let mut reader = Reader { pos: (at / 8) as u32, bits: 0, window: 0, ..self };
        reader.refill();
        reader.drop_bits(at as u32 % 8);
        reader
    }

    /// Takes and gives `count` bits.
    #[inline(always)]
    pub(crate) fn take(&mut self, count: u32) -> u32 {
        let value = self.peek(count);
        self.drop_bits(count);
        value
    }

    /// Bits of the plain bytes taken so far.
    pub(crate) fn position(&self) -> usize {
        (8 * self.pos as usize).saturating_sub(self.bits as usize)
    }

    /// Fails if more bits were taken than the interval has.
    #[inline(always)]
    pub(crate) fn check(&self) -> Result<(), Irregular> {
        if self.position() > 8 * self.end { Err(Reason::Shortage.into()) } else { Ok(()) }
    }

    /// Fails unless the interval ends with the byte at hand.
    pub(crate) fn finish(&self) -> Result<(), Irregular> {
        self.check()?;
        if self.position() + 8 <= 8 * self.end { Err(Reason::Leftover.into()) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_gives_the_same_bits_as_the_whole() {
        // Stuffing, a restart marker, and a marker at the end.
        let file: Vec<u8> = (0..300_u32)
            .flat_map(|i| if i == 150 { vec![0xFF, 0xD0] } else { vec![(i * 7 % 255) as u8, 0xFF, 0] })
            .chain([0xFF, 0xD9])
            .collect();
        for level in Level::available() {
            let (mut whole, mut part) = (ScanData::default(), ScanData::default());
            whole.fill(&file, 0, None, 0, true, level).expect("a sound scan");
            let mut positions = whole.positions();
            let places: Vec<usize> =
                (0..whole.bytes.len() - PADDING).map(|at| positions.in_file(at)).collect();
            for from in (0..590).step_by(7) {
                for to in (from..590).step_by(11) {
                    let restart = u8::from(from >= whole.ends[0]);
                    part.fill(&file, places[from], Some(places[to] + 2), restart, false, level)
                        .expect("a part");
                    assert!(*part.ends.last().expect("an end") > to - from);
                    assert_eq!(part.bytes[..=to - from], whole.bytes[from..=to]);
                }
            }
        }
    }

    #[test]
    fn bits_are_given_back() {
        let bytes: Vec<u8> = (0..100_u32).map(|i| (i * i * 31) as u8).collect();
        for taken in 1..700 {
            let mut reader = Reader { bytes: &bytes, pos: 0, bits: 0, window: 0, end: bytes.len() };
            for _ in 0..taken {
                reader.refill();
                reader.drop_bits(1);
            }
            for count in 0..=taken.min(11) {
                let mut earlier = reader.before(count as u32);
                assert_eq!(earlier.position(), taken - count);
                for at in taken - count..taken {
                    assert_eq!(earlier.take(1), u32::from(bytes[at / 8] >> (7 - at % 8)) & 1);
                }
            }
        }
    }
}
