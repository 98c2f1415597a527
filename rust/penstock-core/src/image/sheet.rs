//! An image of our own, in memory that is used again for the next one.

use super::view::ImageView;
use crate::system::scratch::Scratch;

/// Rows begin at multiples of this, and may be read and written up to the next multiple: a vector's width, and a cache line.
pub(crate) const ROW_ALIGN: usize = 64;

/// Memory that a pass keeps for the next image; what exceeds this is given back after each.
const KEPT_BYTES: usize = 8 << 20;

/// Planes of rows of bytes; a row may hold one channel or three interleaved ones.
#[derive(Debug, Default)]
pub(crate) struct Sheet {
    bytes: Scratch,
    /// Bytes before the first row, which is at a whole cache line.
    start: usize,
    planes: usize,
    rows: usize,
    pixels: usize,
    /// Bytes from pixel to pixel: 1 or 3.
    step: usize,
    stride: usize,
}

impl Sheet {
    /// Takes another shape; what the sheet holds is lost. False if there is no memory for it.
    pub(crate) fn shape(&mut self, planes: usize, rows: usize, pixels: usize, step: usize) -> bool {
        // A store may begin in the last pixel.
        let stride = (pixels * step + ROW_ALIGN / 2).next_multiple_of(ROW_ALIGN);
        (self.planes, self.rows, self.pixels, self.step, self.stride) = (planes, rows, pixels, step, stride);
        let size = stride.checked_mul(rows).and_then(|size| size.checked_mul(planes));
        let Some(size) = size.and_then(|size| size.checked_add(ROW_ALIGN)) else { return false };
        if self.bytes.capacity() > size.max(KEPT_BYTES) {
            self.bytes = Scratch::default();
        }
        if !self.bytes.fit(size, 0) {
            return false;
        }
        self.start = self.bytes.as_ptr().align_offset(ROW_ALIGN).min(ROW_ALIGN);
        true
    }

    /// The same without room between rows and behind the last one.
    pub(crate) fn shape_dense(&mut self, planes: usize, rows: usize, pixels: usize, step: usize) -> bool {
        let fits = self.shape(planes, rows, pixels, step);
        self.stride = pixels * step;
        fits
    }

    /// Bytes from a row to the next.
    pub(crate) fn stride(&self) -> usize {
        self.stride
    }

    /// The rows from `first` on of a plane, at most `count` of them, with the room behind each.
    pub(crate) fn rows_mut(&mut self, plane: usize, first: usize, count: usize) -> &mut [u8] {
        let from = self.start + (plane * self.rows + first) * self.stride;
        let to = self.start + (plane * self.rows + self.rows.min(first + count)) * self.stride;
        self.bytes.get_mut(from..to).unwrap_or(&mut [])
    }

    /// All bytes of `channels` contiguous planes without room between rows, for a writer of such images.
    pub(crate) fn dense(&mut self, channels: usize, rows: usize, pixels: usize) -> Option<&mut [u8]> {
        if !self.shape_dense(channels, rows, pixels, 1) {
            return None;
        }
        self.bytes.get_mut(self.start..)?.get_mut(..channels * rows * pixels)
    }

    /// What the sheet holds; `None` before it has a shape.
    pub(crate) fn image(&self) -> Option<ImageView<'_>> {
        let (row, plane) = (self.stride as isize, (self.stride * self.rows) as isize);
        let (channels, channel) = if self.step == 1 { (self.planes, plane) } else { (self.step, 1) };
        let shape = [self.rows, self.pixels, channels];
        ImageView::from_strided(&self.bytes, self.start, shape, [row, self.step as isize, channel])
    }
}
