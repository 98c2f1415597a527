//! Lanes of AVX-512: sixteen numbers in single precision.

use std::arch::x86_64::{
    __m512, __m512i, __mmask16, _CMP_LE_OQ, _CMP_LT_OQ, _MM_FROUND_NO_EXC, _MM_FROUND_TO_NEG_INF,
    _mm512_abs_ps, _mm512_add_ps, _mm512_cmp_ps_mask, _mm512_cvtepi32_epi8, _mm512_cvtepi32_ps,
    _mm512_cvtepu8_epi32, _mm512_cvttps_epi32, _mm512_div_ps, _mm512_fmadd_ps, _mm512_fnmadd_ps,
    _mm512_mask_blend_ps, _mm512_max_ps, _mm512_min_ps, _mm512_mul_ps, _mm512_packs_epi32,
    _mm512_packus_epi16, _mm512_permutexvar_epi32, _mm512_permutexvar_ps, _mm512_roundscale_ps,
    _mm512_set1_ps, _mm512_setr_epi32, _mm512_setr_ps, _mm512_sub_ps,
};

use penstock_jpeg::simd::arch::x86_64::memory::{load16, store16, store64};

/// Numbers in a vector.
pub(in crate::ops::color) const LANES: usize = 16;
/// Numbers in single precision.
pub(in crate::ops::color) type Floats = __m512;
/// Whole numbers of 32 bits.
pub(in crate::ops::color) type Wholes = __m512i;
/// A bit for each lane.
pub(in crate::ops::color) type Mask = __mmask16;

/// Defines functions of this level.
macro_rules! lanes {
    ($($name:ident($($argument:ident: $type:ty),*) -> $result:ty { $body:expr })*) => {
        $(#[inline]
        #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx2,fma")]
        pub(in crate::ops::color) fn $name($($argument: $type),*) -> $result { $body })*
    };
}

lanes! {
    splat(value: f32) -> Floats { _mm512_set1_ps(value) }
    add(a: Floats, b: Floats) -> Floats { _mm512_add_ps(a, b) }
    sub(a: Floats, b: Floats) -> Floats { _mm512_sub_ps(a, b) }
    mul(a: Floats, b: Floats) -> Floats { _mm512_mul_ps(a, b) }
    div(a: Floats, b: Floats) -> Floats { _mm512_div_ps(a, b) }
    min(a: Floats, b: Floats) -> Floats { _mm512_min_ps(a, b) }
    max(a: Floats, b: Floats) -> Floats { _mm512_max_ps(a, b) }
    floor(a: Floats) -> Floats { _mm512_roundscale_ps::<{ _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC }>(a) }
    magnitude(a: Floats) -> Floats { _mm512_abs_ps(a) }
    product_and_sum(a: Floats, b: Floats, c: Floats) -> Floats { _mm512_fmadd_ps(a, b, c) }
    less_product(a: Floats, b: Floats, c: Floats) -> Floats { _mm512_fnmadd_ps(a, b, c) }
    is_less(a: Floats, b: Floats) -> Mask { _mm512_cmp_ps_mask::<_CMP_LT_OQ>(a, b) }
    is_at_most(a: Floats, b: Floats) -> Mask { _mm512_cmp_ps_mask::<_CMP_LE_OQ>(a, b) }
    choose(mask: Mask, yes: Floats, no: Floats) -> Floats { _mm512_mask_blend_ps(mask, no, yes) }
    wholes(bytes: &[u8; LANES]) -> Wholes { _mm512_cvtepu8_epi32(load16(bytes)) }
    floats(wholes: Wholes) -> Floats { _mm512_cvtepi32_ps(wholes) }
    table(entries: [f32; 8]) -> Floats {
        _mm512_setr_ps(
            entries[0], entries[1], entries[2], entries[3], entries[4], entries[5], entries[6], entries[7],
            0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0,
        )
    }
    look_up(table: Floats, at: Wholes) -> Floats { _mm512_permutexvar_ps(at, table) }
}

/// Stores the whole parts, which are bytes.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx2,fma")]
pub(in crate::ops::color) fn store(out: &mut [u8; LANES], values: Floats) {
    store16(out, _mm512_cvtepi32_epi8(_mm512_cvttps_epi32(values)));
}

/// Stores the whole parts of numbers of at most 255; those below 0 become 0.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx2,fma")]
pub(in crate::ops::color) fn store_four(out: &mut [u8; 4 * LANES], [a, b, c, d]: [Floats; 4]) {
    let first = _mm512_packs_epi32(_mm512_cvttps_epi32(a), _mm512_cvttps_epi32(b));
    let second = _mm512_packs_epi32(_mm512_cvttps_epi32(c), _mm512_cvttps_epi32(d));
    let in_order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    store64(out, _mm512_permutexvar_epi32(in_order, _mm512_packus_epi16(first, second)));
}
