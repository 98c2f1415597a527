//! Bytes looked up in registers: two shuffles of 128 bytes with AVX-512, with AVX2 sixteen of 16 bytes each, from which
//! the upper four bits choose one by one.

use std::arch::x86_64::{
    __m256i, _mm256_and_si256, _mm256_blendv_epi8, _mm256_broadcastsi128_si256, _mm256_set1_epi8,
    _mm256_shuffle_epi8, _mm256_slli_epi16, _mm512_mask_blend_epi8, _mm512_movepi8_mask,
    _mm512_permutex2var_epi8,
};

use crate::ops::block::Block;
use penstock_jpeg::simd::arch::x86_64::memory::{load16, load32, load64, store32, store64};

/// See [`super::change`].
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi")]
pub(super) fn change_avx512(tables: &[[u8; 256]; 3], block: &mut Block) {
    for (table, values) in tables.iter().zip(block) {
        let (quarters, _) = table.as_chunks::<64>();
        let &[a, b, c, d] = quarters else { return };
        let bytes = load64(values);
        let low = _mm512_permutex2var_epi8(load64(&a), bytes, load64(&b));
        let high = _mm512_permutex2var_epi8(load64(&c), bytes, load64(&d));
        store64(values, _mm512_mask_blend_epi8(_mm512_movepi8_mask(bytes), low, high));
    }
}

/// See [`super::change`].
#[target_feature(enable = "avx2")]
pub(super) fn change_avx2(tables: &[[u8; 256]; 3], block: &mut Block) {
    for (table, values) in tables.iter().zip(block) {
        let (rows, _) = table.as_chunks::<16>();
        let (halves, _) = values.as_chunks_mut::<32>();
        for half in halves {
            let bytes = load32(half);
            store32(half, looked_up(rows, bytes));
        }
    }
}

/// 32 bytes in a table of 16 rows of 16.
#[inline]
#[target_feature(enable = "avx2")]
fn looked_up(rows: &[[u8; 16]], bytes: __m256i) -> __m256i {
    let low = _mm256_and_si256(bytes, _mm256_set1_epi8(0x0f));
    // Bit 7 of a lane is what a blend looks at: these have bits 4, 5, 6 and 7 there.
    let bits =
        [_mm256_slli_epi16::<3>(bytes), _mm256_slli_epi16::<2>(bytes), _mm256_slli_epi16::<1>(bytes), bytes];
    let mut found = [bytes; 8];
    for (found, pair) in found.iter_mut().zip(rows.as_chunks::<2>().0) {
        *found = _mm256_blendv_epi8(row(&pair[0], low), row(&pair[1], low), bits[0]);
    }
    let [a, b, c, d, e, f, g, h] = found;
    let [a, c] = [_mm256_blendv_epi8(a, b, bits[1]), _mm256_blendv_epi8(c, d, bits[1])];
    let [e, g] = [_mm256_blendv_epi8(e, f, bits[1]), _mm256_blendv_epi8(g, h, bits[1])];
    let [a, e] = [_mm256_blendv_epi8(a, c, bits[2]), _mm256_blendv_epi8(e, g, bits[2])];
    _mm256_blendv_epi8(a, e, bits[3])
}

/// What a row has for the lower four bits.
#[inline]
#[target_feature(enable = "avx2")]
fn row(row: &[u8; 16], low: __m256i) -> __m256i {
    _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(load16(row)), low)
}
