//! Mixtures with AVX2, 32 values at a time.
//!
//! What the compiler makes of the plain loop takes half as long again: it cuts values off at 0 and 255 before they are
//! whole numbers, where packing these does it.

use std::arch::x86_64::{
    __m256, _mm_cvtsi64_si128, _mm256_add_ps, _mm256_cvtepi32_ps, _mm256_cvtepu8_epi32, _mm256_cvttps_epi32,
    _mm256_fmadd_ps, _mm256_min_ps, _mm256_mul_ps, _mm256_packs_epi32, _mm256_packus_epi16,
    _mm256_permutevar8x32_epi32, _mm256_set1_ps, _mm256_setr_epi32, _mm256_setzero_ps, _mm256_setzero_si256,
    _mm256_sub_ps,
};

use super::blend::Blend;
use super::kernels;
use crate::ops::kinds::Block;
use crate::ops::library::Library;
use penstock_jpeg::simd::arch::x86_64::memory::store32;

/// See [`kernels::saturate`].
#[target_feature(enable = "avx2,fma")]
pub(super) fn saturate_avx2(blend: Blend, block: &mut Block) {
    let dull = kernels::gray(blend.library, block);
    match blend.library {
        Library::Pillow => mix_pillow(blend, &dull, block),
        Library::Torch1 | Library::Torch2Unfused => mix_torch(blend, &dull, block),
        Library::Torch2 => mix_torch_fused(blend, &dull, block),
    }
}

/// Defines, as a function, the mixture of a block's values with a plane.
macro_rules! mixture {
    ($name:ident, $mixed:ident) => {
        #[inline]
        #[target_feature(enable = "avx2,fma")]
        fn $name(blend: Blend, dull: &kernels::Plane, block: &mut Block) {
            let [factor, rest, most] =
                [_mm256_set1_ps(blend.factor), _mm256_set1_ps(blend.rest), _mm256_set1_ps(255.0)];
            let in_order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
            for (half, dull) in dull.as_chunks::<32>().0.iter().enumerate() {
                let mut dulls = [_mm256_setzero_ps(); 4];
                for (dulls, bytes) in dulls.iter_mut().zip(dull.as_chunks().0) {
                    *dulls = floats(*bytes);
                }
                for plane in block.iter_mut() {
                    let Some(values) = plane.as_chunks_mut::<32>().0.get_mut(half) else { return };
                    let mut wholes = [_mm256_setzero_si256(); 4];
                    for ((whole, bytes), dull) in wholes.iter_mut().zip(values.as_chunks().0).zip(dulls) {
                        let mixed = $mixed([factor, rest], dull, floats(*bytes));
                        *whole = _mm256_cvttps_epi32(_mm256_min_ps(mixed, most));
                    }
                    let [a, b, c, d] = wholes;
                    let packed = _mm256_packus_epi16(_mm256_packs_epi32(a, b), _mm256_packs_epi32(c, d));
                    store32(values, _mm256_permutevar8x32_epi32(packed, in_order));
                }
            }
        }
    };
}

mixture!(mix_pillow, pillow);
mixture!(mix_torch, torch);
mixture!(mix_torch_fused, torch_fused);

/// Eight bytes.
#[inline]
#[target_feature(enable = "avx2")]
fn floats(bytes: [u8; 8]) -> __m256 {
    _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_cvtsi64_si128(i64::from_le_bytes(bytes))))
}

/// See [`super::blend::pillow`].
#[inline]
#[target_feature(enable = "avx2,fma")]
fn pillow([factor, _]: [__m256; 2], dull: __m256, value: __m256) -> __m256 {
    _mm256_add_ps(dull, _mm256_mul_ps(factor, _mm256_sub_ps(value, dull)))
}

/// See [`super::blend::torch`].
#[inline]
#[target_feature(enable = "avx2,fma")]
fn torch([factor, rest]: [__m256; 2], dull: __m256, value: __m256) -> __m256 {
    _mm256_add_ps(_mm256_mul_ps(value, factor), _mm256_mul_ps(dull, rest))
}

/// See [`super::blend::torch_fused`].
#[inline]
#[target_feature(enable = "avx2,fma")]
fn torch_fused([factor, rest]: [__m256; 2], dull: __m256, value: __m256) -> __m256 {
    _mm256_fmadd_ps(dull, rest, _mm256_mul_ps(value, factor))
}
