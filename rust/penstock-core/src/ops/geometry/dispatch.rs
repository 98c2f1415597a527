//! The doors to the loops of geometry, compiled for each level's vectors, and numbers without their fractions.
#![expect(
    unsafe_code,
    reason = "calls of functions that enable CPU features, and conversions of bounded numbers"
)]

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::{__m512i, _mm512_i32gather_epi32, _mm512_loadu_si512, _mm512_setzero_si512};

use penstock_jpeg::simd::Level;
#[cfg(target_arch = "x86_64")]
use penstock_jpeg::simd::Vectors;

use super::field::{Field, Frame, Places, Run};
use super::sample::{self, Interpolation, Pixels};
use super::sampled_floats::SampledFloats;
use super::sampled_grid::{SampledGrid, Texels};
#[cfg(target_arch = "x86_64")]
use super::x86_64;
use crate::image::{Planes, Region};

/// See [`Field::fill`].
pub(crate) fn places(level: Level, field: &Field, frame: &Frame, wanted: &Region, places: &mut Places) {
    match level.vectors() {
        // SAFETY: the level proves that the processor has the features.
        #[cfg(target_arch = "x86_64")]
        Some(Vectors::Avx512) => unsafe { x86_64::places_avx512(field, frame, wanted, places) },
        // SAFETY: the level proves that the processor has the features.
        #[cfg(target_arch = "x86_64")]
        Some(Vectors::Avx2) => unsafe { x86_64::places_avx2(field, frame, wanted, places) },
        _ => field.fill(frame, wanted, places),
    }
}

/// Makes rows of pixels of those at some offsets, all of which lie in a texture.
///
/// Rows of `out` are `stride` bytes apart.
pub(crate) fn nearest(
    level: Level,
    pixels: &Pixels<'_>,
    offsets: &[i32],
    width: usize,
    out: &mut [u8],
    stride: usize,
) {
    match level.vectors() {
        // SAFETY: the level proves that the processor has the features.
        #[cfg(target_arch = "x86_64")]
        Some(_) => unsafe { x86_64::nearest_rows(pixels, offsets, width, out, stride) },
        _ => sample::nearest_rows(pixels, offsets, width, out, stride),
    }
}

/// See [`sample::run`].
pub(crate) fn sample(
    level: Level,
    interpolation: Interpolation,
    pixels: &Pixels<'_>,
    run: &Run<'_>,
    out: &mut [u8],
) {
    match level.vectors() {
        // SAFETY: the level proves that the processor has the features.
        #[cfg(target_arch = "x86_64")]
        Some(Vectors::Avx512) => unsafe { x86_64::sample_avx512(interpolation, pixels, run, out) },
        // SAFETY: the level proves that the processor has the features.
        #[cfg(target_arch = "x86_64")]
        Some(Vectors::Avx2) => unsafe { x86_64::sample_avx2(interpolation, pixels, run, out) },
        _ => sample::run(interpolation, pixels, run, out),
    }
}

/// Makes pixels of a row of a grid, from one column on, of 1 or 3 channels. See [`SampledGrid::row`].
pub(crate) fn sampled(
    level: Level,
    grid: &SampledGrid,
    texels: &Texels<'_>,
    channels: usize,
    [row, first]: [u32; 2],
    out: &mut [u8],
) {
    match level.vectors() {
        // SAFETY: the level proves that the processor has the features.
        #[cfg(target_arch = "x86_64")]
        Some(_) => unsafe { x86_64::sampled(grid, texels, channels, [row, first], out) },
        _ if channels == 3 => grid.row::<3>(texels, row, first, out),
        _ => grid.row::<1>(texels, row, first, out),
    }
}

/// Makes a row of what is wanted of a grid of numbers. See [`SampledFloats::row`].
pub(super) fn sampled_floats(
    level: Level,
    step: &SampledFloats,
    source: &Planes,
    from: [u32; 2],
    to: (usize, &mut Planes),
) {
    match level.vectors() {
        // SAFETY: the level proves that the processor has the features.
        #[cfg(target_arch = "x86_64")]
        Some(_) => unsafe { x86_64::sampled_floats(step, source, from, to) },
        _ => step.row(source, from, to),
    }
}

/// Pixels whose surroundings were all found to lie in a texture, so that none has to be looked for again.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(not(target_arch = "x86_64"), expect(dead_code, reason = "no kernel looks at them"))]
pub(crate) struct Inside<'t, const ROWS: usize, const BYTES: usize> {
    bytes: &'t [u8],
    stride: usize,
    offsets: &'t [i32],
}

#[cfg_attr(not(target_arch = "x86_64"), expect(dead_code, reason = "no kernel looks at them"))]
impl<'t, const ROWS: usize, const BYTES: usize> Inside<'t, ROWS, BYTES> {
    /// Of each of these offsets, `BYTES` bytes of `ROWS` rows; `None` if any of them are outside.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "it is compiled for each level's vectors")]
    pub(crate) fn new(pixels: &Pixels<'t>, offsets: &'t [i32]) -> Option<Self> {
        // Seen as unsigned, negative ones are the largest.
        let most = offsets.iter().fold(0, |most, &offset| most.max(offset as u32)) as usize;
        let end = pixels.stride.checked_mul(ROWS - 1)?.checked_add(BYTES)?.checked_add(most)?;
        (end <= pixels.bytes.len()).then_some(Inside { bytes: pixels.bytes, stride: pixels.stride, offsets })
    }

    /// `N` bytes of a row of a pixel, from one of its `BYTES` on. Zeros if there is no such pixel.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "it is compiled for each level's vectors")]
    pub(crate) fn load<const N: usize>(&self, pixel: usize, row: usize, at: usize) -> [u8; N] {
        let Some(&offset) = self.offsets.get(pixel).filter(|_| row < ROWS && at + N <= BYTES) else {
            return [0; N];
        };
        // SAFETY: it is one of the offsets, and of each of them the last of `BYTES` bytes of the last of `ROWS` rows was
        // found to lie in the texture, of which these are no later ones.
        unsafe { *self.bytes.as_ptr().add(offset as usize + row * self.stride + at).cast::<[u8; N]>() }
    }

    /// Four bytes of a row of each of sixteen pixels, from one of their `BYTES` on. Zeros if there are no such pixels.
    #[cfg(target_arch = "x86_64")]
    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(crate) fn gather(&self, pixel: usize, row: usize, at: usize) -> __m512i {
        let offsets = self.offsets.get(pixel..).and_then(<[i32]>::first_chunk::<16>);
        let Some(offsets) = offsets.filter(|_| row < ROWS && at + 4 <= BYTES) else {
            return _mm512_setzero_si512();
        };
        // SAFETY: the reference covers the 64 bytes, and of each of these offsets the last of `BYTES` bytes of the last of
        // `ROWS` rows was found to lie in the texture, of which these are no later ones. Nothing has to be aligned.
        unsafe {
            let offsets = _mm512_loadu_si512(offsets.as_ptr().cast());
            _mm512_i32gather_epi32::<1>(offsets, self.bytes.as_ptr().add(row * self.stride + at).cast())
        }
    }
}

/// A number without its fraction, as a byte; what is less than 0, or more than 255, is one of these, and what is no
/// number is 0. Plain, for loops that the compiler makes vectors of: `as` would do as much, lane by lane.
#[inline(always)]
#[expect(clippy::inline_always, reason = "it is compiled for each level's vectors")]
pub(crate) fn byte(value: f64) -> u8 {
    let value = if value > 0.0 { value } else { 0.0 };
    let value = if value < 255.0 { value } else { 255.0 };
    // SAFETY: it is a number from 0 to 255.
    unsafe { value.to_int_unchecked::<i32>() as u8 }
}

/// A number without its fraction if it is not negative, else -1.
#[inline(always)]
#[expect(clippy::inline_always, reason = "it is compiled for each level's vectors")]
pub(crate) fn place(value: f64) -> i32 {
    let value = if value >= 0.0 { value } else { -1.0 };
    let value = if value < f64::from(i32::MAX) { value } else { -1.0 };
    // SAFETY: it is a number from -1 to the largest integer.
    unsafe { value.to_int_unchecked::<i32>() }
}
