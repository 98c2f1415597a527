//! The doors to the vector kernels, one function per job, and their loads and stores.
//!
//! The kernels in `x86` and `x86_blocks`, and the Huffman decoder where it is compiled for newer processors, are
//! safe functions that enable CPU features; calling one is sound exactly if the processor has them, which a value
//! of [`Level`] proves.
#![expect(unsafe_code, reason = "calls of functions that enable CPU features, vector loads and stores")]

use crate::bits::{self, Reader};
use crate::error::Irregular;
use crate::idct::{Block, Quant};
use crate::level::{Kind, Level};
use crate::sequential::{Batch, Job, Predictors, ScanTables};
use crate::{color, idct, sequential, upsample};
#[cfg(target_arch = "x86_64")]
use crate::{x86, x86_blocks};

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
    match level.kind() {
        // SAFETY: the level proves that the processor has AVX2 or more.
        #[cfg(target_arch = "x86_64")]
        Kind::Avx2 | Kind::Avx512 => unsafe {
            x86_blocks::blocks_to_samples(blocks, extents, quant, out, stride)
        },
        _ => idct::blocks_to_samples(blocks, extents, quant, out, stride),
    }
}

/// Copies bytes up to the first 0xFF; gives their number. What it leaves in `out` behind them is unspecified.
#[inline]
pub(crate) fn copy_before_ff(level: Level, bytes: &[u8], out: &mut [u8]) -> usize {
    match level.kind() {
        // SAFETY: the level proves that the processor has AVX2 or more.
        #[cfg(target_arch = "x86_64")]
        Kind::Avx2 | Kind::Avx512 => unsafe { x86::copy_before_ff(bytes, out) },
        _ => bits::copy_before_ff(bytes, out),
    }
}

/// See [`sequential::decode_mcus`].
#[inline]
pub(crate) fn decode_mcus(
    level: Level,
    reader: &mut Reader<'_>,
    tables: &ScanTables,
    jobs: &[Job],
    predictors: &mut Predictors,
    count: usize,
    batch: &mut Batch,
) -> Result<(), Irregular> {
    match level.kind() {
        // SAFETY: the level proves that the processor has BMI2.
        #[cfg(target_arch = "x86_64")]
        Kind::Avx2 | Kind::Avx512 => unsafe {
            decode_mcus_bmi2(reader, tables, jobs, predictors, count, batch)
        },
        _ => sequential::decode_mcus(reader, tables, jobs, predictors, count, batch),
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn decode_mcus_bmi2(
    reader: &mut Reader<'_>,
    tables: &ScanTables,
    jobs: &[Job],
    predictors: &mut Predictors,
    count: usize,
    batch: &mut Batch,
) -> Result<(), Irregular> {
    sequential::decode_mcus(reader, tables, jobs, predictors, count, batch)
}

/// See [`sequential::skip_mcus`].
#[inline]
pub(crate) fn skip_mcus(
    level: Level,
    reader: &mut Reader<'_>,
    tables: &ScanTables,
    jobs: &[Job],
    predictors: &mut Predictors,
    count: usize,
) -> Result<(), Irregular> {
    match level.kind() {
        // SAFETY: the level proves that the processor has BMI2.
        #[cfg(target_arch = "x86_64")]
        Kind::Avx2 | Kind::Avx512 => unsafe { skip_mcus_bmi2(reader, tables, jobs, predictors, count) },
        _ => sequential::skip_mcus(reader, tables, jobs, predictors, count),
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn skip_mcus_bmi2(
    reader: &mut Reader<'_>,
    tables: &ScanTables,
    jobs: &[Job],
    predictors: &mut Predictors,
    count: usize,
) -> Result<(), Irregular> {
    sequential::skip_mcus(reader, tables, jobs, predictors, count)
}

/// See [`upsample::h2v1`].
#[inline]
pub(crate) fn h2v1(level: Level, input: &[u8], out: &mut [u8]) {
    match level.kind() {
        // SAFETY: the level proves that the processor has AVX2 or more.
        #[cfg(target_arch = "x86_64")]
        Kind::Avx2 | Kind::Avx512 => unsafe { x86::h2v1(input, out) },
        _ => upsample::h2v1(input, out),
    }
}

/// See [`upsample::h2v2`].
#[inline]
pub(crate) fn h2v2(level: Level, near: &[u8], next: &[u8], out: &mut [u8]) {
    match level.kind() {
        // SAFETY: the level proves that the processor has AVX2 or more.
        #[cfg(target_arch = "x86_64")]
        Kind::Avx2 | Kind::Avx512 => unsafe { x86::h2v2(near, next, out) },
        _ => upsample::h2v2(near, next, out),
    }
}

/// See [`upsample::h1v2`].
#[inline]
pub(crate) fn h1v2(level: Level, near: &[u8], next: &[u8], bias: u8, out: &mut [u8]) {
    match level.kind() {
        // SAFETY: the level proves that the processor has AVX2 or more.
        #[cfg(target_arch = "x86_64")]
        Kind::Avx2 | Kind::Avx512 => unsafe { x86::h1v2(near, next, bias, out) },
        _ => upsample::h1v2(near, next, bias, out),
    }
}

/// See [`color::ycc_to_pixels`].
#[inline]
pub(crate) fn ycc_to_pixels(level: Level, rows: [&[u8]; 3], out: &mut [u8]) {
    match level.kind() {
        // SAFETY: the level proves that the processor has AVX2 or more.
        #[cfg(target_arch = "x86_64")]
        Kind::Avx2 | Kind::Avx512 => unsafe { x86::ycc_to_pixels(rows, out) },
        _ => color::ycc_to_pixels(rows, out),
    }
}

/// See [`color::ycc_to_planes`].
#[inline]
pub(crate) fn ycc_to_planes(level: Level, rows: [&[u8]; 3], out: [&mut [u8]; 3]) {
    match level.kind() {
        // SAFETY: the level proves that the processor has AVX2 or more.
        #[cfg(target_arch = "x86_64")]
        Kind::Avx2 | Kind::Avx512 => unsafe { x86::ycc_to_planes(rows, out) },
        _ => color::ycc_to_planes(rows, out),
    }
}

/// See [`color::rgb_to_pixels`].
#[inline]
pub(crate) fn rgb_to_pixels(level: Level, rows: [&[u8]; 3], out: &mut [u8]) {
    match level.kind() {
        // SAFETY: the level proves that the processor has AVX2 or more.
        #[cfg(target_arch = "x86_64")]
        Kind::Avx2 | Kind::Avx512 => unsafe { x86::rgb_to_pixels(rows, out) },
        _ => color::rgb_to_pixels(rows, out),
    }
}

/// Vector loads and stores of arrays, which need no check at run time.
#[cfg(target_arch = "x86_64")]
pub(crate) mod memory {
    use std::arch::x86_64::{
        __m128i, __m256i, _mm_loadu_si128, _mm_storel_epi64, _mm_storeu_si128, _mm256_loadu_si256,
        _mm256_storeu_si256,
    };

    /// 16 bytes, as 8 words.
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(crate) fn load8_words(words: &[i16; 8]) -> __m128i {
        // SAFETY: the reference covers the 16 bytes; no alignment is required.
        unsafe { _mm_loadu_si128(words.as_ptr().cast()) }
    }

    /// 32 bytes.
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(crate) fn load32(bytes: &[u8; 32]) -> __m256i {
        // SAFETY: the reference covers the 32 bytes; no alignment is required.
        unsafe { _mm256_loadu_si256(bytes.as_ptr().cast()) }
    }

    /// Writes the lower 8 bytes.
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(crate) fn store8(bytes: &mut [u8; 8], value: __m128i) {
        // SAFETY: the reference covers the 8 bytes; no alignment is required.
        unsafe { _mm_storel_epi64(bytes.as_mut_ptr().cast(), value) }
    }

    /// Writes 16 bytes.
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(crate) fn store16(bytes: &mut [u8; 16], value: __m128i) {
        // SAFETY: the reference covers the 16 bytes; no alignment is required.
        unsafe { _mm_storeu_si128(bytes.as_mut_ptr().cast(), value) }
    }

    /// Writes 32 bytes, as 16 words.
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(crate) fn store16_words(words: &mut [i16; 16], value: __m256i) {
        // SAFETY: the reference covers the 32 bytes; no alignment is required.
        unsafe { _mm256_storeu_si256(words.as_mut_ptr().cast(), value) }
    }

    /// Writes 32 bytes.
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(crate) fn store32(bytes: &mut [u8; 32], value: __m256i) {
        // SAFETY: the reference covers the 32 bytes; no alignment is required.
        unsafe { _mm256_storeu_si256(bytes.as_mut_ptr().cast(), value) }
    }
}

#[cfg(test)]
#[path = "simd_tests.rs"]
mod tests;
