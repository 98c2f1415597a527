//! Bytes looked up in registers, of a table that has one for each byte.

use std::arch::x86_64::{
    __m256i, __m512i, _mm256_and_si256, _mm256_blendv_epi8, _mm256_broadcastsi128_si256, _mm256_set1_epi8,
    _mm256_shuffle_epi8, _mm256_slli_epi16, _mm512_mask_blend_epi8, _mm512_movepi8_mask,
    _mm512_permutex2var_epi8,
};

use super::memory::{load16, load64};

/// 64 bytes: two shuffles of 128 bytes each.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi,avx2")]
#[must_use]
pub fn look64_up(table: &[u8; 256], bytes: __m512i) -> __m512i {
    let (quarters, _) = table.as_chunks::<64>();
    let &[a, b, c, d] = quarters else { return bytes };
    let low = _mm512_permutex2var_epi8(load64(&a), bytes, load64(&b));
    let high = _mm512_permutex2var_epi8(load64(&c), bytes, load64(&d));
    _mm512_mask_blend_epi8(_mm512_movepi8_mask(bytes), low, high)
}

/// 32 bytes: sixteen shuffles of 16 bytes each, from which the upper four bits choose one by one.
#[inline]
#[target_feature(enable = "avx2")]
#[must_use]
pub fn look32_up(table: &[u8; 256], bytes: __m256i) -> __m256i {
    let low = _mm256_and_si256(bytes, _mm256_set1_epi8(0x0f));
    // A blend looks at bit 7: these have bits 4, 5 and 6 there.
    let [fourth, fifth, sixth] =
        [_mm256_slli_epi16::<3>(bytes), _mm256_slli_epi16::<2>(bytes), _mm256_slli_epi16::<1>(bytes)];
    let mut found = [bytes; 8];
    for (found, [even, odd]) in found.iter_mut().zip(table.as_chunks::<16>().0.as_chunks::<2>().0) {
        *found = _mm256_blendv_epi8(row(even, low), row(odd, low), fourth);
    }
    let [a, b, c, d, e, f, g, h] = found;
    let [a, c] = [_mm256_blendv_epi8(a, b, fifth), _mm256_blendv_epi8(c, d, fifth)];
    let [e, g] = [_mm256_blendv_epi8(e, f, fifth), _mm256_blendv_epi8(g, h, fifth)];
    let [a, e] = [_mm256_blendv_epi8(a, c, sixth), _mm256_blendv_epi8(e, g, sixth)];
    _mm256_blendv_epi8(a, e, bytes)
}

/// What 16 bytes have for the lower four bits.
#[inline]
#[target_feature(enable = "avx2")]
fn row(row: &[u8; 16], low: __m256i) -> __m256i {
    _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(load16(row)), low)
}
