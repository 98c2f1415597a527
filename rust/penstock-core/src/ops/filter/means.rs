//! Running means of extended boxes: whole pixels, and at both ends a part of one more.
//!
//! Pillow's weights are integers, worth 2^-24 each, so a mean is an exact sum, rounded once.

use super::chunk::Chunk;

/// Radius from which on sums would not fit 32 bits.
const TOO_LARGE: f32 = 8_388_608.0;

/// The weights of a box.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mean {
    /// Pixels to each side that count in full.
    pub(crate) radius: u32,
    /// What each of them, and the pixel itself, is worth.
    pub(crate) inner: u32,
    /// What the next one on each side is worth.
    pub(crate) outer: u32,
    /// Whether Pillow makes a pass at all.
    pub(crate) changes: bool,
}

impl Mean {
    /// `None` for what Pillow refuses, and for boxes that are too large.
    pub(crate) fn new(radius: f32) -> Option<Mean> {
        if !(0.0..TOO_LARGE).contains(&radius) {
            return None;
        }
        let whole = radius as u32;
        let inner = ((1 << 24) as f32 / (radius * 2.0 + 1.0)) as u32;
        let outer = ((1_u32 << 24).wrapping_sub((2 * whole + 1).wrapping_mul(inner))) / 2;
        Some(Mean { radius: whole, inner, outer, changes: radius != 0.0 })
    }

    /// Whether a sum, and both parts of each weight, are signed words.
    pub(crate) fn is_small(&self) -> bool {
        self.radius < 64 && self.outer < 1 << 24
    }

    /// Pixels to each side that count at all.
    pub(crate) fn reach(&self) -> u32 {
        match (self.changes, self.outer) {
            (false, _) => 0,
            (true, 0) => self.radius,
            (true, _) => self.radius + 1,
        }
    }
}

/// Where the box of a place begins and ends, in a sequence in which what lies outside is the outermost one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ends {
    /// The one that joins the box: its last whole pixel.
    pub(crate) joins: usize,
    /// The one that has just left the box, and counts in part.
    pub(crate) left: usize,
    /// The one that will join it next, and counts in part.
    pub(crate) next: usize,
}

impl Ends {
    /// Of place `at` of `count`.
    #[inline]
    pub(crate) fn of(at: usize, radius: usize, count: usize) -> Ends {
        let last = count.saturating_sub(1);
        Ends {
            joins: last.min(at + radius),
            left: last.min(at.saturating_sub(radius + 1)),
            next: last.min(at + radius + 1),
        }
    }
}

/// How often each place counts in the box before the first one, which has `radius` places on each side: the first place,
/// those behind it as far as the box goes, and the last place for what it goes beyond.
#[inline]
pub(crate) fn before_first(radius: usize, count: usize) -> (u32, usize, u32) {
    let inside = radius.min(count);
    (radius as u32 + 1, inside, (radius - inside) as u32)
}

/// One pass along `step` sequences of chunks that alternate.
///
/// Chunk `i` of `to` becomes the means of the boxes around chunk `i` of `from`, each byte by itself.
pub(crate) fn pass(mean: &Mean, from: &[Chunk], to: &mut [Chunk], step: usize) {
    let (count, radius) = (from.len() / step, mean.radius as usize);
    for channel in 0..step {
        let line = |at: usize| from.get(at * step + channel);
        let (Some(first), Some(last)) = (line(0), line(count.wrapping_sub(1))) else { return };
        let (firsts, inside, lasts) = before_first(radius, count);
        let mut sums = [0_u32; Chunk::BYTES];
        for ((sum, first), last) in sums.iter_mut().zip(&first.0).zip(&last.0) {
            *sum = u32::from(*first) * firsts + u32::from(*last) * lasts;
        }
        for chunk in (0..inside).filter_map(line) {
            for (sum, byte) in sums.iter_mut().zip(&chunk.0) {
                *sum += u32::from(*byte);
            }
        }
        for (at, out) in to.iter_mut().skip(channel).step_by(step).enumerate() {
            let Ends { joins, left, next } = Ends::of(at, radius, count);
            let (Some(joins), Some(left), Some(next)) = (line(joins), line(left), line(next)) else { return };
            let ends = joins.0.iter().zip(&left.0).zip(&next.0);
            for ((byte, sum), ((joins, left), next)) in out.0.iter_mut().zip(&mut sums).zip(ends) {
                *sum = sum.wrapping_add(u32::from(*joins)).wrapping_sub(u32::from(*left));
                let parts = (u32::from(*left) + u32::from(*next)).wrapping_mul(mean.outer);
                let total = sum.wrapping_mul(mean.inner).wrapping_add(parts).wrapping_add(1 << 23);
                *byte = (total >> 24) as u8;
            }
        }
    }
}
