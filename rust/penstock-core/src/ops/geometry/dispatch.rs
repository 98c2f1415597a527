//! The doors to the loops of geometry, compiled for each level's vectors.
#![expect(unsafe_code, reason = "calls of functions that enable CPU features")]

use penstock_jpeg::simd::Level;
#[cfg(target_arch = "x86_64")]
use penstock_jpeg::simd::Vectors;

use super::field::Field;
use super::places::{Frame, Places, Run};
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
