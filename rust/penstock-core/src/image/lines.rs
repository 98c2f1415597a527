//! An image as the kernels see it: stretches of contiguous bytes.
#![expect(unsafe_code, reason = "bytes that Python owns and may write to are read through raw pointers")]

use std::marker::PhantomData;

use penstock_jpeg::simd::Part;

/// An image as `planes` times `count` lines of `pixels * step` contiguous bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lines<'a> {
    pub(super) start: *const u8,
    /// Pixels of a line.
    pub(crate) pixels: usize,
    /// Bytes from pixel to pixel: 1, or 3 if three channels are interleaved.
    pub(crate) step: usize,
    /// Lines of a plane.
    pub(crate) count: usize,
    pub(super) line_stride: isize,
    /// Planes: the channels, or one if they are interleaved.
    pub(crate) planes: usize,
    pub(super) plane_stride: isize,
    /// Whether the first pixel in memory is the last of the image's row (or column).
    pub(crate) backwards: bool,
    /// Whether interleaved channels lie in memory last first.
    pub(crate) blue_first: bool,
    /// Whether a line is a column of the image, not a row.
    pub(crate) transposed: bool,
    pub(super) owner: PhantomData<&'a [u8]>,
}

impl<'a> Lines<'a> {
    /// Bytes of one line.
    pub(crate) fn bytes_per_line(&self) -> usize {
        self.pixels * self.step
    }

    /// Whether lines follow each other without a gap, so that two lines are one stretch of bytes.
    pub(crate) fn touching(&self) -> bool {
        usize::try_from(self.line_stride) == Ok(self.bytes_per_line())
    }

    /// The bytes of line `index` of plane `plane`, if there is such a line.
    #[inline]
    pub(crate) fn line(&self, plane: usize, index: usize) -> Option<Part<'a>> {
        let offset = plane as isize * self.plane_stride + index as isize * self.line_stride;
        (plane < self.planes && index < self.count).then(|| {
            // SAFETY: this is a line, all of whose bytes are pixels of the image.
            unsafe { Part::new(self.start.wrapping_offset(offset), self.bytes_per_line()) }
        })
    }

    /// All bytes of plane `plane`, if there is such a plane and its lines touch.
    pub(crate) fn plane(&self, plane: usize) -> Option<Part<'a>> {
        let offset = plane as isize * self.plane_stride;
        (plane < self.planes && self.touching()).then(|| {
            // SAFETY: without gaps between them, all lines of the plane are one stretch of pixels.
            unsafe { Part::new(self.start.wrapping_offset(offset), self.count * self.bytes_per_line()) }
        })
    }

    /// Bytes `at..at + bytes` of `count` lines of plane `plane`: line `first`, then every `step` lines. None
    /// at all if any of them lies outside. With [`Lines::touching`] lines, `bytes` may reach into the next
    /// line, if that exists.
    #[inline]
    pub(crate) fn parts(
        &self,
        plane: usize,
        [first, count]: [usize; 2],
        step: isize,
        [at, bytes]: [usize; 2],
    ) -> impl Iterator<Item = Part<'a>> + use<'a> {
        let last = first as isize + (count as isize - 1) * step;
        let line = self.bytes_per_line();
        // Bytes beyond the line are those of lines that must exist too.
        let extra = (at.saturating_add(bytes).saturating_sub(1) / line) as isize;
        let highest = last.max(first as isize) + extra;
        let inside = plane < self.planes
            && last >= 0
            && highest < self.count as isize
            && (extra == 0 || self.touching());
        let origin = plane as isize * self.plane_stride + first as isize * self.line_stride + at as isize;
        let (start, stride) = (self.start.wrapping_offset(origin), step * self.line_stride);
        (0..if inside { count as isize } else { 0 }).map(move |i| {
            // SAFETY: the first and the last of these lines are inside, and with them what lies between; `bytes` reach
            // beyond a line only into ones that are there and touch it.
            unsafe { Part::new(start.wrapping_offset(i * stride), bytes) }
        })
    }
}
