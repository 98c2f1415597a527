//! A part of an image with a margin of its outermost pixels around it, so that nobody has to look where it ends.

use super::sample::Pixels;
use crate::image::lines::Lines;
use crate::system::scratch::Scratch;

/// Memory that is reused.
#[derive(Debug, Default)]
pub(crate) struct Texture {
    bytes: Scratch,
    stride: usize,
    step: usize,
}

/// Bytes behind the last pixel that may be read: four pixels of three bytes are loaded as sixteen.
const BEHIND: usize = 4;

impl Texture {
    /// Copies a plane. `None` if there is no memory for it, or if places in it would not be positive integers of 32 bits.
    pub(crate) fn copy(&mut self, lines: &Lines<'_>, plane: usize, margin: usize) -> Option<()> {
        let (step, bytes) = (lines.step, lines.bytes_per_line());
        let stride = bytes + 2 * margin * step;
        let size = stride.checked_mul(lines.count + 2 * margin)?.checked_add(BEHIND)?;
        i32::try_from(size).ok()?;
        self.bytes.fit(size, 0).then_some(())?;
        (self.stride, self.step) = (stride, step);
        let rows = self.bytes.get_mut(margin * stride..)?.chunks_exact_mut(stride);
        for (index, row) in rows.enumerate().take(lines.count) {
            let (left, row) = row.split_at_mut(margin * step);
            let (row, right) = row.split_at_mut(bytes);
            lines.line(plane, index)?.copy_to(row);
            for (margin, pixel) in [(left, &row[..step]), (right, &row[bytes - step..])] {
                margin.chunks_exact_mut(step).for_each(|out| out.copy_from_slice(pixel));
            }
        }
        for i in 0..margin {
            let (first, last) = (margin * stride, (margin + lines.count - 1) * stride);
            self.bytes.copy_within(first..first + stride, i * stride);
            self.bytes.copy_within(last..last + stride, last + (i + 1) * stride);
        }
        Some(())
    }

    /// Puts a colour of as many channels as the pixels have behind the last one; returns the place of that pixel.
    pub(crate) fn put_behind(&mut self, color: &[u8]) -> Option<i32> {
        let place = self.bytes.len().checked_sub(BEHIND)?;
        for (byte, value) in self.bytes.get_mut(place..)?.iter_mut().zip(color.iter().cycle()) {
            *byte = *value;
        }
        i32::try_from(place).ok()
    }

    /// What was copied last.
    pub(crate) fn pixels(&self) -> Pixels<'_> {
        Pixels { bytes: &self.bytes, stride: self.stride, step: self.step }
    }
}
