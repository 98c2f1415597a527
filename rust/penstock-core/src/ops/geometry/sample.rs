//! What a pixel of the output is made of, by interpolation, in Pillow's double precision.
//!
//! The loops are over the channels of a pixel, of which the fourth is the next pixel's first and counts for nothing:
//! a pixel is four bytes to load, and its channels are the lanes of a vector.

use super::places::Run;
use crate::ops::choice::Choice;
use crate::ops::truncated::byte_of_double;

/// How an image is looked at between its pixels. The names are Pillow's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interpolation {
    /// The pixel that it is in.
    Nearest,
    /// Of four pixels.
    Bilinear,
    /// Of sixteen pixels.
    Bicubic,
}

impl Choice for Interpolation {
    const ALL: &[(Self, &str)] = &[
        (Interpolation::Nearest, "nearest"),
        (Interpolation::Bilinear, "bilinear"),
        (Interpolation::Bicubic, "bicubic"),
    ];
}

impl Interpolation {
    /// Pixels that it looks at beyond the outermost ones.
    pub(crate) fn margin(self) -> u32 {
        match self {
            Interpolation::Nearest => 0,
            Interpolation::Bilinear => 1,
            Interpolation::Bicubic => 2,
        }
    }
}

/// Rows of pixels with their margins, one or three bytes each.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pixels<'t> {
    /// All rows; four bytes more than they take.
    pub(crate) bytes: &'t [u8],
    /// Bytes from row to row.
    pub(crate) stride: usize,
    /// Bytes of a pixel.
    pub(crate) step: usize,
}

impl Pixels<'_> {
    /// The `N` bytes from `at` on.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "it is compiled for each level's vectors")]
    pub(crate) fn bytes<const N: usize>(&self, at: usize) -> Option<&[u8; N]> {
        self.bytes.get(at..)?.first_chunk()
    }
}

/// Makes pixels that lie in the image; `out` begins with the first of them.
#[inline(always)]
#[expect(clippy::inline_always, reason = "it is compiled for each level's vectors")]
pub(crate) fn run(interpolation: Interpolation, pixels: &Pixels<'_>, run: &Run<'_>, out: &mut [u8]) {
    match (interpolation, pixels.step) {
        (Interpolation::Nearest, 3) => nearest::<3, 4>(pixels, run.offsets, out),
        (Interpolation::Nearest, _) => nearest_gray(pixels, run.offsets, out),
        (Interpolation::Bilinear, 3) => bilinear::<3, 4, 7>(pixels, run, out),
        (Interpolation::Bilinear, _) => bilinear::<1, 1, 2>(pixels, run, out),
        (Interpolation::Bicubic, 3) => bicubic::<3, 4, 13>(pixels, run, out),
        (Interpolation::Bicubic, _) => bicubic::<1, 1, 4>(pixels, run, out),
    }
}

/// Writes a pixel to the front of what is left of a run's pixels, without its fourth lane if it is the last.
#[inline(always)]
#[expect(clippy::inline_always, reason = "it is compiled for each level's vectors")]
pub(crate) fn store<const LANES: usize>(out: &mut [u8], pixel: [u8; LANES]) {
    if let Some(out) = out.first_chunk_mut() {
        *out = pixel;
    } else {
        for (out, byte) in out.iter_mut().zip(&pixel) {
            *out = *byte;
        }
    }
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "it is compiled for each level's vectors")]
pub(crate) fn nearest<const STEP: usize, const LANES: usize>(
    pixels: &Pixels<'_>,
    offsets: &[i32],
    out: &mut [u8],
) {
    for (index, offset) in offsets.iter().enumerate() {
        if let Some(pixel) = pixels.bytes::<LANES>(*offset as usize)
            && let Some(out) = out.get_mut(index * STEP..)
        {
            store(out, *pixel);
        }
    }
}

/// See [`super::dispatch::nearest`].
pub(crate) fn nearest_rows(
    pixels: &Pixels<'_>,
    offsets: &[i32],
    width: usize,
    out: &mut [u8],
    stride: usize,
) {
    for (offsets, out) in offsets.chunks_exact(width).zip(out.chunks_mut(stride)) {
        let Some(out) = out.get_mut(..width * pixels.step) else { return };
        match pixels.step {
            3 => nearest::<3, 4>(pixels, offsets, out),
            _ => nearest_gray(pixels, offsets, out),
        }
    }
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "it is compiled for each level's vectors")]
fn nearest_gray(pixels: &Pixels<'_>, offsets: &[i32], out: &mut [u8]) {
    for (out, offset) in out.iter_mut().zip(offsets) {
        if let Some(byte) = pixels.bytes.get(*offset as usize) {
            *out = *byte;
        }
    }
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "it is compiled for each level's vectors")]
fn bilinear<const STEP: usize, const LANES: usize, const BYTES: usize>(
    pixels: &Pixels<'_>,
    run: &Run<'_>,
    out: &mut [u8],
) {
    let fractions = run.fractions[0].iter().zip(run.fractions[1]);
    for (index, (offset, (dx, dy))) in run.offsets.iter().zip(fractions).enumerate() {
        let at = *offset as usize;
        let rows = [pixels.bytes::<BYTES>(at), pixels.bytes(at + pixels.stride)];
        let ([Some(upper), Some(lower)], Some(out)) = (rows, out.get_mut(index * STEP..)) else { return };
        let mut pixel = [0; LANES];
        for (lane, byte) in pixel.iter_mut().enumerate() {
            let between = |row: &[u8; BYTES]| {
                let (left, right) = (i32::from(row[lane]), i32::from(row[lane + STEP]));
                f64::from(left) + f64::from(right - left) * dx
            };
            let (upper, lower) = (between(upper), between(lower));
            *byte = byte_of_double(upper + (lower - upper) * dy);
        }
        store(out, pixel);
    }
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "it is compiled for each level's vectors")]
#[expect(clippy::suboptimal_flops, reason = "Pillow's own roundings")]
fn bicubic<const STEP: usize, const LANES: usize, const BYTES: usize>(
    pixels: &Pixels<'_>,
    run: &Run<'_>,
    out: &mut [u8],
) {
    let fractions = run.fractions[0].iter().zip(run.fractions[1]);
    for (index, (offset, (dx, dy))) in run.offsets.iter().zip(fractions).enumerate() {
        let Some(out) = out.get_mut(index * STEP..) else { return };
        let mut rows = [[0.0; LANES]; 4];
        for (i, values) in rows.iter_mut().enumerate() {
            let Some(row) = pixels.bytes::<BYTES>(*offset as usize + i * pixels.stride) else { return };
            for (lane, value) in values.iter_mut().enumerate() {
                let [a, b, c, d] = [
                    i32::from(row[lane]),
                    i32::from(row[lane + STEP]),
                    i32::from(row[lane + 2 * STEP]),
                    i32::from(row[lane + 3 * STEP]),
                ];
                // These are whole numbers, so their order does not matter.
                let (third, last) = (f64::from(2 * (a - b) + c - d), f64::from(b - a + d - c));
                *value = f64::from(b) + dx * (f64::from(c - a) + dx * (third + dx * last));
            }
        }
        let mut pixel = [0; LANES];
        for (lane, byte) in pixel.iter_mut().enumerate() {
            let [a, b, c, d] = [rows[0][lane], rows[1][lane], rows[2][lane], rows[3][lane]];
            let (third, last) = (2.0 * (a - b) + c - d, -a + b - c + d);
            *byte = byte_of_double(b + dy * ((c - a) + dy * (third + dy * last)));
        }
        store(out, pixel);
    }
}
