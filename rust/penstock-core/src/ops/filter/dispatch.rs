//! The doors to the vector kernels of filters. One that returns false has written nothing.
#![expect(unsafe_code, reason = "calls of functions that enable CPU features")]

#[cfg(target_arch = "x86_64")]
use penstock_jpeg::simd::Vectors;
use penstock_jpeg::simd::{Level, Part};

use super::chunk::{BLOCK, Chunk};
use super::convolution::{self, Given, Lines, Taps};
use super::means::{self, Mean};
use super::products;
use super::rows::Rows;
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
pub(crate) fn convolve(level: Level, taps: &Taps, given: &Given, out: &mut Lines<'_>) {
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

/// See [`products::convolve`].
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
        _ => products::convolve(from, stride, weights, out),
    }
}

/// See [`Rows::make`].
pub(crate) fn make<const SIDE: usize>(
    level: Level,
    filter: &impl Rows<SIDE>,
    rows: &[&[u8]; SIDE],
    step: usize,
    count: usize,
    out: &mut [u8],
) {
    match level.vectors() {
        // SAFETY: the level proves that the processor has the features.
        #[cfg(target_arch = "x86_64")]
        Some(Vectors::Avx512) => unsafe { x86_64::make_avx512(filter, rows, step, count, out) },
        // SAFETY: the level proves that the processor has the features.
        #[cfg(target_arch = "x86_64")]
        Some(Vectors::Avx2) => unsafe { x86_64::make_avx2(filter, rows, step, count, out) },
        _ => filter.make(rows, step, count, out),
    }
}
