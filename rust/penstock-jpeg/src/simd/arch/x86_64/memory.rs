//! Vector loads and stores whose bounds are checked, so that the kernels can be safe code.
//!
//! Fixed-length array references need no check at run time; a [`Part`] is memory that others may write to,
//! so it is read through its raw pointer, after a check of the range.

use std::arch::x86_64::{
    __m128i, __m256, __m256i, __m512, __m512d, __m512i, _mm_loadu_si128, _mm_setzero_si128, _mm_storel_epi64,
    _mm_storeu_si128, _mm256_loadu_ps, _mm256_loadu_si256, _mm256_setzero_si256, _mm256_storeu_si256,
    _mm256_stream_si256, _mm512_loadu_pd, _mm512_loadu_ps, _mm512_loadu_si512, _mm512_maskz_loadu_epi8,
    _mm512_setzero_si512, _mm512_storeu_si512, _mm512_stream_si512,
};

use crate::simd::Part;

/// 16 bytes, as 8 words.
#[inline]
#[target_feature(enable = "avx2")]
#[must_use]
pub fn load8_words(words: &[i16; 8]) -> __m128i {
    // SAFETY: the reference covers the 16 bytes; no alignment is required.
    unsafe { _mm_loadu_si128(words.as_ptr().cast()) }
}

/// 16 bytes.
#[inline]
#[target_feature(enable = "avx2")]
#[must_use]
pub fn load16(bytes: &[u8; 16]) -> __m128i {
    // SAFETY: the reference covers the 16 bytes; no alignment is required.
    unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) }
}

/// 32 bytes.
#[inline]
#[target_feature(enable = "avx2")]
#[must_use]
pub fn load32(bytes: &[u8; 32]) -> __m256i {
    // SAFETY: the reference covers the 32 bytes; no alignment is required.
    unsafe { _mm256_loadu_si256(bytes.as_ptr().cast()) }
}

/// 64 bytes.
#[inline]
#[target_feature(enable = "avx512f")]
#[must_use]
pub fn load64(bytes: &[u8; 64]) -> __m512i {
    // SAFETY: the reference covers the 64 bytes; no alignment is required.
    unsafe { _mm512_loadu_si512(bytes.as_ptr().cast()) }
}

/// 16 bytes of a part from `at` on; zeros if they are not all inside.
#[inline]
#[target_feature(enable = "avx2")]
#[must_use]
pub fn load16_part(part: Part<'_>, at: usize) -> __m128i {
    match part.address(at, 16) {
        // SAFETY: `address` gives 16 readable bytes; no alignment is required.
        Some(start) => unsafe { _mm_loadu_si128(start.cast()) },
        None => _mm_setzero_si128(),
    }
}

/// The `count` (at most 64) bytes of a part from `at` on, then zeros; all zeros if they are not all inside.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
#[must_use]
pub fn load64_part(part: Part<'_>, at: usize, count: usize) -> __m512i {
    match part.address(at, count) {
        // SAFETY: `address` gives `count` readable bytes, and the mask leaves the others untouched.
        Some(start) => unsafe { _mm512_maskz_loadu_epi8(low_bits(count), start.cast()) },
        None => _mm512_setzero_si512(),
    }
}

/// The 64 bytes of a part from `at` on, with zeros for those behind its end.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
#[must_use]
pub fn load64_up_to_end(part: Part<'_>, at: usize) -> __m512i {
    match part.address(at, 64) {
        // SAFETY: `address` gives 64 readable bytes; no alignment is required.
        Some(start) => unsafe { _mm512_loadu_si512(start.cast()) },
        None => load64_part(part, at, part.len().saturating_sub(at)),
    }
}

/// 64 bytes of a part from `at` on; zeros if they are not all inside.
#[inline]
#[target_feature(enable = "avx512f")]
#[must_use]
pub fn load64_inside(part: Part<'_>, at: usize) -> __m512i {
    match part.address(at, 64) {
        // SAFETY: `address` gives 64 readable bytes; no alignment is required.
        Some(start) => unsafe { _mm512_loadu_si512(start.cast()) },
        None => _mm512_setzero_si512(),
    }
}

/// 32 bytes of a part from `at` on; zeros if they are not all inside.
#[inline]
#[target_feature(enable = "avx2")]
#[must_use]
pub fn load32_part(part: Part<'_>, at: usize) -> __m256i {
    match part.address(at, 32) {
        // SAFETY: `address` gives 32 readable bytes; no alignment is required.
        Some(start) => unsafe { _mm256_loadu_si256(start.cast()) },
        None => _mm256_setzero_si256(),
    }
}

/// 16 words.
#[inline]
#[target_feature(enable = "avx512f")]
#[must_use]
pub fn load_words(words: &[u32; 16]) -> __m512i {
    // SAFETY: the reference covers the 64 bytes; no alignment is required.
    unsafe { _mm512_loadu_si512(words.as_ptr().cast()) }
}

/// The first 8 of 16 words.
#[inline]
#[target_feature(enable = "avx2")]
#[must_use]
pub fn load_first_words(words: &[u32; 16]) -> __m256i {
    // SAFETY: the reference covers 64 bytes, of which these are the first 32; no alignment is required.
    unsafe { _mm256_loadu_si256(words.as_ptr().cast()) }
}

/// 8 numbers in single precision.
#[inline]
#[target_feature(enable = "avx2")]
#[must_use]
pub fn load8_floats(floats: &[f32; 8]) -> __m256 {
    // SAFETY: the reference covers the 32 bytes; no alignment is required.
    unsafe { _mm256_loadu_ps(floats.as_ptr()) }
}

/// 16 numbers in single precision.
#[inline]
#[target_feature(enable = "avx512f")]
#[must_use]
pub fn load16_floats(floats: &[f32; 16]) -> __m512 {
    // SAFETY: the reference covers the 64 bytes; no alignment is required.
    unsafe { _mm512_loadu_ps(floats.as_ptr()) }
}

/// 8 numbers in double precision.
#[inline]
#[target_feature(enable = "avx512f")]
#[must_use]
pub fn load8_doubles(doubles: &[f64; 8]) -> __m512d {
    // SAFETY: the reference covers the 64 bytes; no alignment is required.
    unsafe { _mm512_loadu_pd(doubles.as_ptr()) }
}

/// A mask of the lowest `count` bits of 64.
#[inline]
#[must_use]
pub fn low_bits(count: usize) -> u64 {
    if count >= 64 { u64::MAX } else { (1 << count) - 1 }
}

/// Writes the lower 8 bytes.
#[inline]
#[target_feature(enable = "avx2")]
pub fn store8(bytes: &mut [u8; 8], value: __m128i) {
    // SAFETY: the reference covers the 8 bytes; no alignment is required.
    unsafe { _mm_storel_epi64(bytes.as_mut_ptr().cast(), value) }
}

/// Writes 16 bytes.
#[inline]
#[target_feature(enable = "avx2")]
pub fn store16(bytes: &mut [u8; 16], value: __m128i) {
    // SAFETY: the reference covers the 16 bytes; no alignment is required.
    unsafe { _mm_storeu_si128(bytes.as_mut_ptr().cast(), value) }
}

/// Writes 64 bytes.
#[inline]
#[target_feature(enable = "avx512f")]
pub fn store64(bytes: &mut [u8; 64], value: __m512i) {
    // SAFETY: the reference covers the 64 bytes; no alignment is required.
    unsafe { _mm512_storeu_si512(bytes.as_mut_ptr().cast(), value) }
}

/// Writes 32 bytes.
#[inline]
#[target_feature(enable = "avx2")]
pub fn store32(bytes: &mut [u8; 32], value: __m256i) {
    // SAFETY: the reference covers the 32 bytes; no alignment is required.
    unsafe { _mm256_storeu_si256(bytes.as_mut_ptr().cast(), value) }
}

/// Writes 32 bytes, as 16 words.
#[inline]
#[target_feature(enable = "avx2")]
pub fn store16_words(words: &mut [i16; 16], value: __m256i) {
    // SAFETY: the reference covers the 32 bytes; no alignment is required.
    unsafe { _mm256_storeu_si256(words.as_mut_ptr().cast(), value) }
}

/// A cache line of output.
#[repr(C, align(64))]
#[derive(Clone, Copy, Debug)]
pub struct CacheLine([u8; 64]);

impl CacheLine {
    /// Zeros.
    pub const EMPTY: CacheLine = CacheLine([0; 64]);

    /// Its bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8; 64] {
        &self.0
    }
}

/// The bytes before the first whole cache line, the whole cache lines, and the bytes behind them.
#[inline]
pub fn cache_lines(bytes: &mut [u8]) -> (&mut [u8], &mut [CacheLine], &mut [u8]) {
    // SAFETY: a cache line is 64 bytes without padding, of which any values are valid.
    unsafe { bytes.align_to_mut() }
}

/// Writes a cache line, past the caches if `STREAM`; then [`fence_streams`](super::fence_streams) must follow.
#[inline]
#[target_feature(enable = "avx512f")]
pub fn put64<const STREAM: bool>(line: &mut CacheLine, value: __m512i) {
    if STREAM {
        // SAFETY: the reference covers the 64 bytes, and the type aligns them.
        unsafe { _mm512_stream_si512(line.0.as_mut_ptr().cast(), value) }
    } else {
        store64(&mut line.0, value);
    }
}

/// Writes a cache line from its two halves, past the caches if `STREAM`; then [`fence_streams`](super::fence_streams) must follow.
#[inline]
#[target_feature(enable = "avx2")]
pub fn put32_twice<const STREAM: bool>(line: &mut CacheLine, halves: [__m256i; 2]) {
    let (slots, _) = line.0.as_chunks_mut::<32>();
    for (slot, half) in slots.iter_mut().zip(halves) {
        if STREAM {
            // SAFETY: the reference covers the 32 bytes, and the cache line aligns them.
            unsafe { _mm256_stream_si256(slot.as_mut_ptr().cast(), half) }
        } else {
            store32(slot, half);
        }
    }
}
