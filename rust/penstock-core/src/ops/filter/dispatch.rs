//! The doors to the vector kernels of filters. One that returns false has written nothing.
#![expect(unsafe_code, reason = "calls of functions that enable CPU features")]

#[cfg(target_arch = "x86_64")]
use penstock_jpeg::simd::Vectors;
use penstock_jpeg::simd::{Level, Part};

use super::convolution::{self, Given, Rows, Taps};
use super::convolution_floats;
use super::kernel::Weights;
use super::means::{self, Mean};
use super::sharpness::Sharpness;
use super::strip::{BLOCK, Chunk};
#[cfg(target_arch = "x86_64")]
use super::x86_64;
use crate::image::Number;

/// See [`means::pass`].
pub(crate) fn pass(level: Level, mean: &Mean, from: &[Chunk], to: &mut [Chunk], step: usize) {
    match level.vectors() {
        // SAFETY: the level proves that the processor has the features.
        #[cfg(target_arch = "x86_64")]
        Some(Vectors::Avx512) if mean.is_small() => unsafe { x86_64::pass_avx512(mean, from, to, step) },
        // SAFETY: the level proves that the processor has the features.
        #[cfg(target_arch = "x86_64")]
        Some(Vectors::Avx2) if mean.is_small() => unsafe { x86_64::pass_avx2(mean, from, to, step) },
        _ => means::pass(mean, from, to, step),
    }
}

/// Transposes rows to chunks. False if the level has no kernel, or the rows are too short for it.
pub(crate) fn gather(level: Level, rows: &[Part<'_>; Chunk::BYTES], strip: &mut [Chunk]) -> bool {
    match level.vectors() {
        // SAFETY: the level proves that the processor has the features.
        #[cfg(target_arch = "x86_64")]
        Some(_) if strip.len() >= BLOCK => unsafe { x86_64::gather(rows, strip) },
        _ => {
            let _ = (rows, strip);
            return false;
        }
    }
    true
}

/// Transposes `count` chunks to rows. False if the level has no kernel.
pub(crate) fn scatter(level: Level, strip: &[Chunk], count: usize, rows: &mut [Chunk]) -> bool {
    match level.vectors() {
        // SAFETY: the level proves that the processor has the features.
        #[cfg(target_arch = "x86_64")]
        Some(_) => unsafe { x86_64::scatter(strip, count, rows) },
        _ => {
            let _ = (strip, count, rows);
            return false;
        }
    }
    true
}

/// See [`convolution::convolve`].
pub(crate) fn convolve(level: Level, taps: &Taps, given: &Given, out: &mut Rows<'_>) {
    match level.vectors() {
        // SAFETY: the level proves that the processor has the features.
        #[cfg(target_arch = "x86_64")]
        Some(Vectors::Avx512) => unsafe { x86_64::convolve_avx512(taps, given, out) },
        // SAFETY: the level proves that the processor has the features.
        #[cfg(target_arch = "x86_64")]
        Some(Vectors::Avx2) => unsafe { x86_64::convolve_avx2(taps, given, out) },
        _ => convolution::convolve(taps, given, out),
    }
}

/// See [`convolution_floats::convolve`].
pub(super) fn convolve_floats(
    level: Level,
    from: &[f32],
    stride: usize,
    weights: (&[f32], usize),
    out: &mut [Number],
) {
    match level.vectors() {
        // SAFETY: the level proves that the processor has the features.
        #[cfg(target_arch = "x86_64")]
        Some(Vectors::Avx512) => unsafe { x86_64::convolve_floats_avx512(from, stride, weights, out) },
        // SAFETY: the level proves that the processor has the features.
        #[cfg(target_arch = "x86_64")]
        Some(Vectors::Avx2) => unsafe { x86_64::convolve_floats_avx2(from, stride, weights, out) },
        _ => convolution_floats::convolve(from, stride, weights, out),
    }
}

/// See [`Weights::make`].
pub(crate) fn weigh<const SIDE: usize>(
    level: Level,
    weights: &Weights<SIDE>,
    rows: &[&[u8]; SIDE],
    step: usize,
    count: usize,
    out: &mut [u8],
) {
    match level.vectors() {
        // SAFETY: the level proves that the processor has the features.
        #[cfg(target_arch = "x86_64")]
        Some(Vectors::Avx512) => unsafe { x86_64::weigh_avx512(weights, rows, step, count, out) },
        // SAFETY: the level proves that the processor has the features.
        #[cfg(target_arch = "x86_64")]
        Some(Vectors::Avx2) => unsafe { x86_64::weigh_avx2(weights, rows, step, count, out) },
        _ => weights.make(rows, step, count, out),
    }
}

/// See [`Sharpness::row`].
pub(crate) fn sharpen(
    level: Level,
    sharpness: &Sharpness,
    rows: &[&[u8]; 3],
    step: usize,
    count: usize,
    out: &mut [u8],
) {
    match level.vectors() {
        // SAFETY: the level proves that the processor has the features.
        #[cfg(target_arch = "x86_64")]
        Some(Vectors::Avx512) => unsafe { x86_64::sharpen_avx512(sharpness, rows, step, count, out) },
        // SAFETY: the level proves that the processor has the features.
        #[cfg(target_arch = "x86_64")]
        Some(Vectors::Avx2) => unsafe { x86_64::sharpen_avx2(sharpness, rows, step, count, out) },
        _ => sharpness.row(rows, step, count, out),
    }
}

/// A number without its fraction, as a byte; what is less than 0, or more than 255, is one of these. Plain, for loops
/// that the compiler makes vectors of: `as` would do as much, lane by lane.
#[inline(always)]
#[expect(clippy::inline_always, reason = "it is compiled for each level's vectors")]
pub(crate) fn byte(value: f32) -> u8 {
    // What is no number compares as false.
    let value = if value > 0.0 { value } else { 0.0 };
    let value = if value < 255.0 { value } else { 255.0 };
    // SAFETY: it is a number from 0 to 255.
    unsafe { value.to_int_unchecked::<i32>() as u8 }
}
