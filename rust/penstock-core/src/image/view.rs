//! Images that already lie in memory, which somebody else owns.
//!
//! [`ImageView`] is a view of a uint8 array with any strides: CIFAR's `.data` is a transposed view of planar
//! RGB, SVHN's has its columns far apart, most arrays are interleaved. For the kernels it can be seen as
//! [`Lines`]: stretches of contiguous bytes, each one row (or one column) of one channel, or of three
//! interleaved channels.
//!
//! Python may own the memory and may write to it while it is read, so no Rust reference to it is ever made:
//! bytes are read through raw pointers, and any value read is a valid one.
#![expect(unsafe_code, reason = "strided views of memory that Python owns")]

use std::marker::PhantomData;
use std::ops::Range;
use std::ptr;

use super::ahead::Ahead;
use super::axis::Run;
use super::lines::Lines;

/// A uint8 image of shape (height, width, channels) in memory that somebody else keeps alive for `'a`.
#[derive(Clone, Copy, Debug)]
pub struct ImageView<'a> {
    base: *const u8,
    /// Height, width, channels.
    shape: [usize; 3],
    /// Bytes from one row, column and channel to the next.
    strides: [isize; 3],
    owner: PhantomData<&'a [u8]>,
}

// SAFETY: an image only ever reads, plain bytes, from memory which the maker of the view keeps readable from
// any thread (the contract of `from_raw`).
unsafe impl Send for ImageView<'_> {}
// SAFETY: as above; a shared view has no state of its own.
unsafe impl Sync for ImageView<'_> {}

impl<'a> ImageView<'a> {
    /// A view of `shape` (height, width, channels) whose pixel (0, 0, 0) is at `base`; `strides` are in bytes,
    /// for the same three axes, and may be negative or zero.
    ///
    /// # Safety
    /// For the whole of `'a` and from any thread, `base + y * row + x * col + c * channel` must be readable
    /// for every `y`, `x` and `c` below the shape, all within one allocation (a null `base` is fine if the
    /// shape is empty). Others may write there meanwhile: then the bytes read may be old or new.
    #[must_use]
    pub unsafe fn from_raw(base: *const u8, shape: [usize; 3], strides: [isize; 3]) -> Self {
        ImageView { base, shape, strides, owner: PhantomData }
    }

    /// An interleaved image; `None` unless `bytes` holds exactly `height * width * channels` bytes.
    #[must_use]
    pub fn from_slice(bytes: &'a [u8], height: usize, width: usize, channels: usize) -> Option<Self> {
        let row = width.checked_mul(channels)?;
        Self::from_strided(bytes, 0, [height, width, channels], [row as isize, channels as isize, 1])
            .filter(|_| row.checked_mul(height) == Some(bytes.len()))
    }

    /// A strided image within `bytes`, pixel (0, 0, 0) at `offset`; `None` if any pixel lies outside.
    #[must_use]
    pub fn from_strided(
        bytes: &'a [u8],
        offset: usize,
        shape: [usize; 3],
        strides: [isize; 3],
    ) -> Option<Self> {
        if shape.contains(&0) {
            return Some(ImageView { base: bytes.as_ptr(), shape, strides, owner: PhantomData });
        }
        let (mut low, mut high) = (offset as i128, offset as i128);
        for (n, stride) in shape.into_iter().zip(strides) {
            let reach = (n as i128 - 1).checked_mul(stride as i128)?;
            low += reach.min(0);
            high += reach.max(0);
        }
        if low < 0 || high >= bytes.len() as i128 {
            return None;
        }
        let base = bytes.get(offset..)?.as_ptr();
        // SAFETY: `low` and `high` bound every pixel's offset and both lie inside `bytes`, borrowed for `'a`.
        Some(unsafe { Self::from_raw(base, shape, strides) })
    }

    /// Number of rows.
    #[must_use]
    pub fn height(&self) -> usize {
        self.shape[0]
    }

    /// Number of columns.
    #[must_use]
    pub fn width(&self) -> usize {
        self.shape[1]
    }

    /// Number of channels.
    #[must_use]
    pub fn channels(&self) -> usize {
        self.shape[2]
    }

    /// The part of the image that a run of rows and a run of columns take, without a copy; `None` if a run
    /// is a fill or reaches beyond the image.
    pub(crate) fn select(&self, rows: Run, columns: Run) -> Option<ImageView<'a>> {
        let mut selected = *self;
        let mut offset = 0;
        for (axis, run) in [rows, columns].into_iter().enumerate() {
            let Run::Source { start, len, step } = run else { return None };
            let last = i64::from(start) + (i64::from(len) - 1) * i64::from(step);
            let size = self.shape[axis] as i64;
            if len == 0 || i64::from(start) >= size || !(0..size).contains(&last) {
                return None;
            }
            offset += start as isize * self.strides[axis];
            selected.shape[axis] = len as usize;
            selected.strides[axis] *= isize::from(step);
        }
        if self.shape[2] > 0 {
            selected.base = self.base.wrapping_offset(offset);
        }
        Some(selected)
    }

    /// A rectangle of the image, without a copy; `None` if it reaches beyond the image.
    #[must_use]
    pub fn part(&self, rows: &Range<u32>, columns: &Range<u32>) -> Option<ImageView<'a>> {
        let inside = |range: &Range<u32>, size: usize| range.start <= range.end && range.end as usize <= size;
        if !inside(rows, self.height()) || !inside(columns, self.width()) {
            return None;
        }
        let shape = [rows.len(), columns.len(), self.channels()];
        if shape.contains(&0) {
            return Some(ImageView { shape, ..*self });
        }
        let run = |range: &Range<u32>| Run::Source { start: range.start, len: range.len() as u32, step: 1 };
        self.select(run(rows), run(columns))
    }

    /// The image with rows and columns exchanged, without a copy.
    pub(crate) fn transposed(&self) -> ImageView<'a> {
        let ([height, width, channels], [row, column, channel]) = (self.shape, self.strides);
        ImageView { shape: [width, height, channels], strides: [column, row, channel], ..*self }
    }

    /// The first channel alone, if all channels are the same memory.
    pub(crate) fn gray(&self) -> Option<ImageView<'a>> {
        if self.channels() > 1 && self.strides[2] == 0 { self.channel(0) } else { None }
    }

    /// One channel alone, `None` if there is none of that number.
    pub(crate) fn channel(&self, number: usize) -> Option<ImageView<'a>> {
        let ([height, width, channels], offset) = (self.shape, number as isize * self.strides[2]);
        let base = if self.shape.contains(&0) { self.base } else { self.base.wrapping_offset(offset) };
        (number < channels).then_some(ImageView { base, shape: [height, width, 1], ..*self })
    }

    /// The first channel as so many channels.
    pub(crate) fn with_channels(&self, channels: usize) -> ImageView<'a> {
        let ([height, width, own], [row, column, _]) = (self.shape, self.strides);
        ImageView { shape: [height, width, channels.min(own * channels)], strides: [row, column, 0], ..*self }
    }

    /// The byte of pixel (y, x, c), or 0 if there is no such pixel.
    #[must_use]
    pub fn get(&self, y: usize, x: usize, c: usize) -> u8 {
        let mut byte = [0];
        self.read(y, x, 0, c, &mut byte);
        byte[0]
    }

    /// Reads `out.len()` pixels of row `y`, channel `c`, from column `x` on, `step` columns apart. Leaves
    /// `out` as it is if any of them lies outside.
    #[inline]
    pub(crate) fn read(&self, y: usize, x: usize, step: isize, c: usize, out: &mut [u8]) {
        let [height, width, channels] = self.shape;
        let reach = (out.len() as isize).saturating_sub(1).saturating_mul(step);
        let inside = |x: isize| x >= 0 && (x as usize) < width;
        if y >= height || c >= channels || !inside(x as isize) || !inside((x as isize).saturating_add(reach))
        {
            return;
        }
        let [row, col, channel] = self.strides;
        // SAFETY: (y, x, c) is inside the image (checked above), so `from_raw` vouches for its address.
        let first = unsafe { self.base.offset(y as isize * row + x as isize * col + c as isize * channel) };
        match step * col {
            1 => {
                // SAFETY: the first and the last pixel are inside the image and lie `len - 1` bytes apart,
                // so these are pixels; `out` is ours alone.
                unsafe { ptr::copy_nonoverlapping(first, out.as_mut_ptr(), out.len()) };
            }
            stride => {
                for (i, byte) in out.iter_mut().enumerate() {
                    // SAFETY: columns x to x + reach are inside (checked above), and this is one of them.
                    *byte = unsafe { first.offset(i as isize * stride).read() };
                }
            }
        }
    }

    /// The image as contiguous lines, if its strides allow that.
    pub(crate) fn lines(&self) -> Option<Lines<'a>> {
        let [height, width, channels] = self.shape;
        let [row, col, channel] = self.strides;
        if self.shape.contains(&0) {
            return None;
        }
        let rows = (row, height);
        let cols = (col, width);
        let (along, across, step, transposed) = if contiguous(cols, 1) {
            (cols, rows, 1, false)
        } else if contiguous(rows, 1) {
            (rows, cols, 1, true)
        } else if channels == 3 && channel.abs() == 1 && contiguous(cols, 3) {
            (cols, rows, 3, false)
        } else if channels == 3 && channel.abs() == 1 && contiguous(rows, 3) {
            (rows, cols, 3, true)
        } else {
            return None;
        };
        Some(self.lines_along(along, across, step, transposed))
    }

    /// The image as contiguous rows, forwards, with one channel or three in order, if it lies so.
    pub(crate) fn rows(&self) -> Option<Lines<'a>> {
        let [height, width, channels] = self.shape;
        let [row, col, channel] = self.strides;
        if self.shape.contains(&0) {
            return None;
        }
        let is = |step: isize| col == step || width == 1;
        let step = match (channels, channel) {
            (3, 1) if is(3) => 3,
            _ if is(1) => 1,
            _ => return None,
        };
        // The stride of a single column means nothing.
        Some(self.lines_along((step as isize, width), (row, height), step, false))
    }

    /// Lines along one axis (stride, length), one after another across it, of pixels `step` bytes apart.
    fn lines_along(
        &self,
        along: (isize, usize),
        across: (isize, usize),
        step: usize,
        transposed: bool,
    ) -> Lines<'a> {
        let (channels, channel) = (self.shape[2], self.strides[2]);
        // A line starts at its lowest address: at its far end if it runs backwards.
        let mut lowest = if along.0 < 0 { along.0 * (along.1 as isize - 1) } else { 0 };
        if step == 3 && channel < 0 {
            lowest += 2 * channel;
        }
        Lines {
            // SAFETY: `lowest` leads from pixel (0, 0, 0) to another pixel of the image: the far end of the
            // first line, its last channel.
            start: unsafe { self.base.offset(lowest) },
            pixels: along.1,
            step,
            count: across.1,
            line_stride: across.0,
            planes: if step == 3 { 1 } else { channels },
            plane_stride: channel,
            backwards: along.0 < 0,
            blue_first: step == 3 && channel < 0,
            transposed,
            owner: PhantomData,
        }
    }

    /// Has the image's memory fetched soon: what is one piece is left to the caller to ask for line by line,
    /// anything else is asked for at once.
    pub(crate) fn ahead(&self) -> Ahead {
        let Some(lines) = self.lines() else { return Ahead::default() };
        // Lines that touch are one stretch; a stretch per line else, and few lines per image for the sake of
        // the time this takes.
        let line = lines.bytes_per_line();
        let joined = lines.line_stride.unsigned_abs() == line;
        let (stretches, bytes) = if joined { (1, line * lines.count) } else { (lines.count, line) };
        let lowest = if joined { (lines.line_stride * (lines.count as isize - 1)).min(0) } else { 0 };
        let touching = lines.planes == 1 || usize::try_from(lines.plane_stride) == Ok(bytes);
        if joined && touching {
            let bytes = lines.planes * bytes.min(PREFETCH_BYTES);
            return Ahead::new(lines.start.wrapping_offset(lowest), bytes);
        }
        for plane in 0..lines.planes {
            for i in 0..stretches {
                let offset = plane as isize * lines.plane_stride + i as isize * lines.line_stride + lowest;
                Ahead::new(lines.start.wrapping_offset(offset), bytes.min(PREFETCH_BYTES)).fetch();
            }
        }
        Ahead::default()
    }
}

/// The most that is prefetched of one stretch: more would drive out what is being worked on.
const PREFETCH_BYTES: usize = 4096;

/// Whether an axis (stride, length) has its pixels `step` bytes apart.
fn contiguous((stride, length): (isize, usize), step: isize) -> bool {
    stride.abs() == step || (length == 1 && step == 1)
}

#[cfg(test)]
#[path = "view_tests.rs"]
mod tests;
