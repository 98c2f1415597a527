//! What a pixel of the output is made of, by interpolation, in Pillow's double precision.
//!
//! The loops are over the channels of a pixel, of which the fourth is the next pixel's first and counts for nothing:
//! a pixel is four bytes to load, and its channels are the lanes of a vector.

use super::dispatch;
use super::field::Places;
use crate::ops::choice::Choice;

/// How a picture is looked at between its pixels. The names are Pillow's.
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

/// Makes a row of output: the pixels whose places lie in the picture.
#[inline(always)]
#[expect(clippy::inline_always, reason = "it is compiled for each level's vectors")]
pub(crate) fn row(interpolation: Interpolation, pixels: &Pixels<'_>, places: &Places, out: &mut [u8]) {
    match (interpolation, pixels.step) {
        (Interpolation::Nearest, 3) => nearest::<3, 4>(pixels, places, out),
        (Interpolation::Nearest, _) => nearest::<1, 1>(pixels, places, out),
        (Interpolation::Bilinear, 3) => bilinear::<3, 4, 7>(pixels, places, out),
        (Interpolation::Bilinear, _) => bilinear::<1, 1, 2>(pixels, places, out),
        (Interpolation::Bicubic, 3) => bicubic::<3, 4, 13>(pixels, places, out),
        (Interpolation::Bicubic, _) => bicubic::<1, 1, 4>(pixels, places, out),
    }
}

/// The `N` bytes from `at` on.
#[inline(always)]
#[expect(clippy::inline_always, reason = "it is compiled for each level's vectors")]
fn bytes<const N: usize>(bytes: &[u8], at: usize) -> Option<&[u8; N]> {
    bytes.get(at..)?.first_chunk()
}

/// Writes pixel `index` of a row, without its last lane if the next pixel is none of ours.
#[inline(always)]
#[expect(clippy::inline_always, reason = "it is compiled for each level's vectors")]
fn store<const STEP: usize, const LANES: usize>(
    out: &mut [u8],
    index: usize,
    pixel: [u8; LANES],
    next: Option<&i32>,
) {
    let Some(out) = out.get_mut(index * STEP..) else { return };
    if next.is_some_and(|next| *next >= 0)
        && let Some(out) = out.first_chunk_mut()
    {
        *out = pixel;
    } else {
        for (out, byte) in out.iter_mut().zip(&pixel).take(STEP) {
            *out = *byte;
        }
    }
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "it is compiled for each level's vectors")]
fn nearest<const STEP: usize, const LANES: usize>(pixels: &Pixels<'_>, places: &Places, out: &mut [u8]) {
    for (index, offset) in places.offsets.iter().enumerate() {
        if *offset >= 0
            && let Some(pixel) = bytes::<LANES>(pixels.bytes, *offset as usize)
        {
            store::<STEP, LANES>(out, index, *pixel, places.offsets.get(index + 1));
        }
    }
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "it is compiled for each level's vectors")]
#[expect(clippy::suboptimal_flops, reason = "Pillow's own roundings")]
fn bilinear<const STEP: usize, const LANES: usize, const BYTES: usize>(
    pixels: &Pixels<'_>,
    places: &Places,
    out: &mut [u8],
) {
    let fractions = places.fractions[0].iter().zip(&places.fractions[1]);
    for (index, (offset, (dx, dy))) in places.offsets.iter().zip(fractions).enumerate() {
        if *offset < 0 {
            continue;
        }
        let at = *offset as usize;
        let (Some(upper), Some(lower)) =
            (bytes::<BYTES>(pixels.bytes, at), bytes::<BYTES>(pixels.bytes, at + pixels.stride))
        else {
            continue;
        };
        let mut values = [0.0; LANES];
        for lane in 0..LANES {
            let between = |row: &[u8; BYTES]| {
                let (left, right) = (i32::from(row[lane]), i32::from(row[lane + STEP]));
                f64::from(left) + f64::from(right - left) * dx
            };
            let (upper, lower) = (between(upper), between(lower));
            values[lane] = upper + (lower - upper) * dy;
        }
        let mut pixel = [0; LANES];
        for (byte, value) in pixel.iter_mut().zip(&values) {
            *byte = dispatch::byte(*value);
        }
        store::<STEP, LANES>(out, index, pixel, places.offsets.get(index + 1));
    }
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "it is compiled for each level's vectors")]
#[expect(clippy::suboptimal_flops, reason = "Pillow's own roundings")]
fn bicubic<const STEP: usize, const LANES: usize, const BYTES: usize>(
    pixels: &Pixels<'_>,
    places: &Places,
    out: &mut [u8],
) {
    let fractions = places.fractions[0].iter().zip(&places.fractions[1]);
    for (index, (offset, (dx, dy))) in places.offsets.iter().zip(fractions).enumerate() {
        if *offset < 0 {
            continue;
        }
        let mut rows = [[0.0; LANES]; 4];
        for (i, values) in rows.iter_mut().enumerate() {
            let Some(row) = bytes::<BYTES>(pixels.bytes, *offset as usize + i * pixels.stride) else {
                continue;
            };
            for lane in 0..LANES {
                let [a, b, c, d] = [
                    i32::from(row[lane]),
                    i32::from(row[lane + STEP]),
                    i32::from(row[lane + 2 * STEP]),
                    i32::from(row[lane + 3 * STEP]),
                ];
                // These are whole numbers, so their order does not matter.
                let last = f64::from(b - a + d - c);
                let third = f64::from(2 * (a - b) + c - d);
                values[lane] = f64::from(b) + dx * (f64::from(c - a) + dx * (third + dx * last));
            }
        }
        let mut pixel = [0; LANES];
        let mut values = [0.0; LANES];
        for lane in 0..LANES {
            let [a, b, c, d] = [rows[0][lane], rows[1][lane], rows[2][lane], rows[3][lane]];
            let (third, last) = (2.0 * (a - b) + c - d, -a + b - c + d);
            values[lane] = b + dy * ((c - a) + dy * (third + dy * last));
        }
        for (byte, value) in pixel.iter_mut().zip(&values) {
            *byte = dispatch::byte(*value);
        }
        store::<STEP, LANES>(out, index, pixel, places.offsets.get(index + 1));
    }
}
