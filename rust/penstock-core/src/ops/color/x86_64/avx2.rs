//! Lanes of AVX2: eight numbers in single precision.

use std::arch::x86_64::{
    __m256, __m256i, _CMP_LE_OQ, _CMP_LT_OQ, _mm_cvtsi64_si128, _mm256_add_ps, _mm256_andnot_ps,
    _mm256_blendv_ps, _mm256_castsi256_si128, _mm256_cmp_ps, _mm256_cvtepi32_ps, _mm256_cvtepu8_epi32,
    _mm256_cvttps_epi32, _mm256_div_ps, _mm256_floor_ps, _mm256_fmadd_ps, _mm256_fnmadd_ps, _mm256_max_ps,
    _mm256_min_ps, _mm256_mul_ps, _mm256_packs_epi32, _mm256_packus_epi16, _mm256_permutevar8x32_epi32,
    _mm256_permutevar8x32_ps, _mm256_set1_epi32, _mm256_set1_ps, _mm256_setr_epi32, _mm256_setr_ps,
    _mm256_shuffle_epi8, _mm256_sub_ps,
};

use penstock_jpeg::simd::arch::x86_64::memory::{store8, store32};

/// Numbers in a vector.
pub(in crate::ops::color) const LANES: usize = 8;
/// Numbers in single precision.
pub(in crate::ops::color) type Floats = __m256;
/// Whole numbers of 32 bits.
pub(in crate::ops::color) type Wholes = __m256i;
/// All bits or none in each lane.
pub(in crate::ops::color) type Mask = __m256;

/// Defines functions of this level.
macro_rules! lanes {
    ($($name:ident($($argument:ident: $type:ty),*) -> $result:ty { $body:expr })*) => {
        $(#[inline]
        #[target_feature(enable = "avx2,fma")]
        pub(in crate::ops::color) fn $name($($argument: $type),*) -> $result { $body })*
    };
}

lanes! {
    splat(value: f32) -> Floats { _mm256_set1_ps(value) }
    add(a: Floats, b: Floats) -> Floats { _mm256_add_ps(a, b) }
    sub(a: Floats, b: Floats) -> Floats { _mm256_sub_ps(a, b) }
    mul(a: Floats, b: Floats) -> Floats { _mm256_mul_ps(a, b) }
    div(a: Floats, b: Floats) -> Floats { _mm256_div_ps(a, b) }
    min(a: Floats, b: Floats) -> Floats { _mm256_min_ps(a, b) }
    max(a: Floats, b: Floats) -> Floats { _mm256_max_ps(a, b) }
    floor(a: Floats) -> Floats { _mm256_floor_ps(a) }
    magnitude(a: Floats) -> Floats { _mm256_andnot_ps(_mm256_set1_ps(-0.0), a) }
    product_and_sum(a: Floats, b: Floats, c: Floats) -> Floats { _mm256_fmadd_ps(a, b, c) }
    less_product(a: Floats, b: Floats, c: Floats) -> Floats { _mm256_fnmadd_ps(a, b, c) }
    is_less(a: Floats, b: Floats) -> Mask { _mm256_cmp_ps::<_CMP_LT_OQ>(a, b) }
    is_at_most(a: Floats, b: Floats) -> Mask { _mm256_cmp_ps::<_CMP_LE_OQ>(a, b) }
    choose(mask: Mask, yes: Floats, no: Floats) -> Floats { _mm256_blendv_ps(no, yes, mask) }
    wholes(bytes: &[u8; LANES]) -> Wholes {
        _mm256_cvtepu8_epi32(_mm_cvtsi64_si128(i64::from_le_bytes(*bytes)))
    }
    floats(wholes: Wholes) -> Floats { _mm256_cvtepi32_ps(wholes) }
    table(entries: [f32; 8]) -> Floats {
        _mm256_setr_ps(
            entries[0], entries[1], entries[2], entries[3], entries[4], entries[5], entries[6], entries[7],
        )
    }
    look_up(table: Floats, at: Wholes) -> Floats { _mm256_permutevar8x32_ps(table, at) }
}

/// Stores the whole parts, which are bytes.
#[inline]
#[target_feature(enable = "avx2,fma")]
pub(in crate::ops::color) fn store(out: &mut [u8; LANES], values: Floats) {
    let lowest = _mm256_set1_epi32(0x0c08_0400);
    let packed = _mm256_shuffle_epi8(_mm256_cvttps_epi32(values), lowest);
    let joined = _mm256_permutevar8x32_epi32(packed, _mm256_setr_epi32(0, 4, 0, 4, 0, 4, 0, 4));
    store8(out, _mm256_castsi256_si128(joined));
}

/// Stores the whole parts of numbers of at most 255; those below 0 become 0.
#[inline]
#[target_feature(enable = "avx2,fma")]
pub(in crate::ops::color) fn store_four(out: &mut [u8; 4 * LANES], [a, b, c, d]: [Floats; 4]) {
    let first = _mm256_packs_epi32(_mm256_cvttps_epi32(a), _mm256_cvttps_epi32(b));
    let second = _mm256_packs_epi32(_mm256_cvttps_epi32(c), _mm256_cvttps_epi32(d));
    let in_order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
    store32(out, _mm256_permutevar8x32_epi32(_mm256_packus_epi16(first, second), in_order));
}
