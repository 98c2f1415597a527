//! What the vertical pass makes a row of, and what its kernels share with those of the horizontal one.

use penstock_jpeg::simd::Part;

use crate::image::lines::Lines;

/// Rows that the horizontal pass makes at a time.
pub(crate) const BLOCK: usize = 4;

/// Neighbouring lines of a plane and their weights: what a row of the vertical pass is made of.
#[derive(Clone, Copy)]
pub(crate) struct Column<'a> {
    pub(super) lines: &'a Lines<'a>,
    pub(super) plane: usize,
    pub(super) first: usize,
    /// Number of lines.
    pub(crate) count: usize,
    /// Padded with zeros to whole groups.
    pub(crate) weights: &'a [i32],
    /// Fractional bits of the weights.
    pub(crate) bits: u32,
}

impl<'a> Column<'a> {
    /// Line `index`; the last one in place of those after it.
    #[inline]
    pub(crate) fn line(&self, index: usize) -> Option<Part<'a>> {
        self.lines.line(self.plane, self.first + index.min(self.count.saturating_sub(1)))
    }

    /// Bytes of a line.
    #[inline]
    pub(crate) fn bytes(&self) -> usize {
        self.lines.bytes_per_line()
    }
}

/// Half of the last place of the weights, which every sum of products begins with.
#[inline]
pub(crate) fn half(bits: u32) -> i32 {
    (1 << bits) >> 1
}
