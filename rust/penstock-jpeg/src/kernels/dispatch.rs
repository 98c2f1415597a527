//! The doors to the vector kernels, one function per job.
//!
//! The kernels are safe functions that enable CPU features; calling one is sound exactly if the processor has them,
//! which a value of [`Level`] proves. AVX-512 means the kernels of AVX2: with wider vectors, colour conversion and
//! reordering of blocks were measured to be slower.
#![expect(unsafe_code, reason = "calls of functions that enable CPU features")]

use super::idct::{Block, Quant};
#[cfg(target_arch = "x86_64")]
use super::x86_64;
use super::{color, idct, unstuff, upsample};
use crate::simd::Level;
#[cfg(target_arch = "x86_64")]
use crate::simd::Vectors;

/// See [`idct::blocks_to_samples`].
#[inline]
pub(crate) fn blocks_to_samples(
    level: Level,
    blocks: &mut [Block],
    extents: &[u8],
    quant: &Quant,
    out: &mut [u8],
    stride: usize,
) -> bool {
    match level.vectors() {
        // SAFETY: the level proves that the processor has AVX2 or more.
        #[cfg(target_arch = "x86_64")]
        Some(Vectors::Avx2 | Vectors::Avx512) => unsafe {
            x86_64::blocks::blocks_to_samples(blocks, extents, quant, out, stride)
        },
        _ => idct::blocks_to_samples(blocks, extents, quant, out, stride),
    }
}

/// Copies bytes up to the first 0xFF; gives their number. What it leaves in `out` behind them is unspecified.
#[inline]
pub(crate) fn copy_before_ff(level: Level, bytes: &[u8], out: &mut [u8]) -> usize {
    match level.vectors() {
        // SAFETY: the level proves that the processor has AVX2 or more.
        #[cfg(target_arch = "x86_64")]
        Some(Vectors::Avx2 | Vectors::Avx512) => unsafe { x86_64::rows::copy_before_ff(bytes, out) },
        _ => unstuff::copy_before_ff(bytes, out),
    }
}

/// See [`upsample::h2v1`].
#[inline]
pub(crate) fn h2v1(level: Level, input: &[u8], out: &mut [u8]) {
    match level.vectors() {
        // SAFETY: the level proves that the processor has AVX2 or more.
        #[cfg(target_arch = "x86_64")]
        Some(Vectors::Avx2 | Vectors::Avx512) => unsafe { x86_64::rows::h2v1(input, out) },
        _ => upsample::h2v1(input, out),
    }
}

/// See [`upsample::h2v2`].
#[inline]
pub(crate) fn h2v2(level: Level, near: &[u8], next: &[u8], out: &mut [u8]) {
    match level.vectors() {
        // SAFETY: the level proves that the processor has AVX2 or more.
        #[cfg(target_arch = "x86_64")]
        Some(Vectors::Avx2 | Vectors::Avx512) => unsafe { x86_64::rows::h2v2(near, next, out) },
        _ => upsample::h2v2(near, next, out),
    }
}

/// See [`upsample::h1v2`].
#[inline]
pub(crate) fn h1v2(level: Level, near: &[u8], next: &[u8], bias: u8, out: &mut [u8]) {
    match level.vectors() {
        // SAFETY: the level proves that the processor has AVX2 or more.
        #[cfg(target_arch = "x86_64")]
        Some(Vectors::Avx2 | Vectors::Avx512) => unsafe { x86_64::rows::h1v2(near, next, bias, out) },
        _ => upsample::h1v2(near, next, bias, out),
    }
}

/// See [`color::ycc_to_pixels`].
#[inline]
pub(crate) fn ycc_to_pixels<const BGR: bool>(level: Level, rows: [&[u8]; 3], out: &mut [u8]) {
    match level.vectors() {
        // SAFETY: the level proves that the processor has AVX2 or more.
        #[cfg(target_arch = "x86_64")]
        Some(Vectors::Avx2 | Vectors::Avx512) => unsafe { x86_64::rows::ycc_to_pixels::<BGR>(rows, out) },
        _ => color::ycc_to_pixels::<BGR>(rows, out),
    }
}

/// See [`color::ycc_to_planes`].
#[inline]
pub(crate) fn ycc_to_planes(level: Level, rows: [&[u8]; 3], out: [&mut [u8]; 3]) {
    match level.vectors() {
        // SAFETY: the level proves that the processor has AVX2 or more.
        #[cfg(target_arch = "x86_64")]
        Some(Vectors::Avx2 | Vectors::Avx512) => unsafe { x86_64::rows::ycc_to_planes(rows, out) },
        _ => color::ycc_to_planes(rows, out),
    }
}

/// See [`color::rgb_to_pixels`].
#[inline]
pub(crate) fn rgb_to_pixels(level: Level, rows: [&[u8]; 3], out: &mut [u8]) {
    match level.vectors() {
        // SAFETY: the level proves that the processor has AVX2 or more.
        #[cfg(target_arch = "x86_64")]
        Some(Vectors::Avx2 | Vectors::Avx512) => unsafe { x86_64::rows::rgb_to_pixels(rows, out) },
        _ => color::rgb_to_pixels(rows, out),
    }
}
