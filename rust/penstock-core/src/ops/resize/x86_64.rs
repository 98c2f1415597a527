//! The two passes of a resize in vectors.
//!
//! AVX-512: products of bytes with signed bytes, four to a sum (VNNI), once for each of the two or three bytes
//! of a weight. AVX2: products of 16-bit numbers, two to a sum, once for each of the one or two words of a
//! weight. Either way the parts are added up to the very sum that plain code makes, modulo 2^32.

use std::arch::x86_64::{
    __m256i, __m512i, _mm_cvtsi32_si128, _mm_cvtsi128_si64, _mm_extract_epi64, _mm256_add_epi32,
    _mm256_broadcastsi128_si256, _mm256_castsi256_si128, _mm256_extracti128_si256, _mm256_madd_epi16,
    _mm256_packs_epi32, _mm256_packus_epi16, _mm256_permutevar8x32_epi32, _mm256_set_epi8, _mm256_set_epi32,
    _mm256_set1_epi32, _mm256_setzero_si256, _mm256_shuffle_epi8, _mm256_slli_epi32, _mm256_sra_epi32,
    _mm256_unpackhi_epi8, _mm256_unpacklo_epi8, _mm512_add_epi32, _mm512_dpbusd_epi32,
    _mm512_extracti32x4_epi32, _mm512_packs_epi32, _mm512_packus_epi16, _mm512_permutexvar_epi8,
    _mm512_permutexvar_epi32, _mm512_set_epi32, _mm512_set1_epi32, _mm512_setzero_si512, _mm512_slli_epi32,
    _mm512_sra_epi32, _mm512_unpackhi_epi8, _mm512_unpackhi_epi16, _mm512_unpacklo_epi8,
    _mm512_unpacklo_epi16,
};

use super::column::{BLOCK, Column, half};
use super::filter::GROUP;
use super::program::{Group, Program, WORD_BITS, byte_weights, word_weights};
use penstock_jpeg::simd::Part;
use penstock_jpeg::simd::arch::x86_64::memory::{
    load_first_words, load_words, load16_part, load32_part, load64_inside, load64_part, store16, store32,
    store64,
};

/// The parts of a sum before anything is added: half of the last place is in the one that is worth least.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx512vnni,avx2,fma")]
fn begin512<const PARTS: usize>(bits: u32) -> [__m512i; PARTS] {
    let mut parts = [_mm512_setzero_si512(); PARTS];
    if let Some(last) = parts.last_mut() {
        *last = _mm512_set1_epi32(half(bits));
    }
    parts
}

/// The bytes of a sum of whose parts each is worth 2^8 times the next.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx512vnni,avx2,fma")]
fn total512<const PARTS: usize>(parts: [__m512i; PARTS], bits: u32) -> __m512i {
    let mut sum = _mm512_setzero_si512();
    for part in parts {
        sum = _mm512_add_epi32(_mm512_slli_epi32::<8>(sum), part);
    }
    _mm512_sra_epi32(sum, _mm_cvtsi32_si128(bits as i32))
}

/// The four rows of a block, by AVX-512.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx512vnni,avx2,fma")]
pub(crate) fn across_avx512<const PARTS: usize>(
    program: &Program,
    groups: &[Group],
    rows: &[Part<'_>; BLOCK],
    out: &mut [u8],
    stride: usize,
) {
    if rows.iter().all(|row| row.len() >= 64) {
        across_windows::<true, PARTS>(program, groups, rows, out, stride);
    } else {
        across_windows::<false, PARTS>(program, groups, rows, out, stride);
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx512vnni,avx2,fma")]
fn across_windows<const WHOLE: bool, const PARTS: usize>(
    program: &Program,
    groups: &[Group],
    rows: &[Part<'_>; BLOCK],
    out: &mut [u8],
    stride: usize,
) {
    let begun = begin512::<PARTS>(program.bits);
    // Packing leaves four bytes of each row in each quarter of the vector.
    let by_row = _mm512_set_epi32(15, 11, 7, 3, 14, 10, 6, 2, 13, 9, 5, 1, 12, 8, 4, 0);
    for group in groups {
        let mut sums = [begun; BLOCK];
        for (chunk, start) in program.chunks(group) {
            let places = load_words(&chunk.places);
            let mut weights = begun;
            for (part, words) in weights.iter_mut().zip(&chunk.weights) {
                *part = load_words(words);
            }
            for (row, sums) in rows.iter().zip(&mut sums) {
                let window = if WHOLE { load64_inside(*row, start) } else { load64_part(*row, 0, row.len()) };
                let pixels = _mm512_permutexvar_epi8(places, window);
                for (sum, weights) in sums.iter_mut().zip(weights) {
                    *sum = _mm512_dpbusd_epi32(*sum, pixels, weights);
                }
            }
        }
        let [a, b, c, d] = sums;
        let [a, b] = [total512(a, program.bits), total512(b, program.bits)];
        let [c, d] = [total512(c, program.bits), total512(d, program.bits)];
        let bytes = _mm512_packus_epi16(_mm512_packs_epi32(a, b), _mm512_packs_epi32(c, d));
        let bytes = _mm512_permutexvar_epi32(by_row, bytes);
        let quarters = [
            _mm512_extracti32x4_epi32::<0>(bytes),
            _mm512_extracti32x4_epi32::<1>(bytes),
            _mm512_extracti32x4_epi32::<2>(bytes),
            _mm512_extracti32x4_epi32::<3>(bytes),
        ];
        for (row, quarter) in quarters.into_iter().enumerate() {
            if let Some(slot) = slot(out, row * stride + group.out) {
                store16(slot, quarter);
            }
        }
    }
}

/// The `N` bytes from `at` on.
#[inline]
fn slot<const N: usize>(out: &mut [u8], at: usize) -> Option<&mut [u8; N]> {
    out.get_mut(at..)?.first_chunk_mut()
}

/// One row of the vertical pass, by AVX-512; `out` reaches to the next multiple of 64 bytes.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx512vnni,avx2,fma")]
pub(crate) fn down_avx512<const PARTS: usize>(column: &Column<'_>, out: &mut [u8]) {
    let bytes = column.bytes();
    let (begun, zero) = (begin512::<PARTS>(column.bits), _mm512_setzero_si512());
    let (groups, _) = column.weights.as_chunks::<GROUP>();
    for (at, slot) in (0..bytes).step_by(64).zip(out.as_chunks_mut::<64>().0) {
        let count = (bytes - at).min(64);
        let mut sums = [begun; 4];
        for (group, weights) in groups.iter().enumerate() {
            let mut lines = [zero; GROUP];
            for (i, pixels) in lines.iter_mut().enumerate() {
                if let Some(line) = column.line(group * GROUP + i) {
                    *pixels =
                        if count == 64 { load64_inside(line, at) } else { load64_part(line, at, count) };
                }
            }
            let [a, b, c, d] = lines;
            let (ab, cd) = (_mm512_unpacklo_epi8(a, b), _mm512_unpacklo_epi8(c, d));
            let (ab_high, cd_high) = (_mm512_unpackhi_epi8(a, b), _mm512_unpackhi_epi8(c, d));
            let pixels = [
                _mm512_unpacklo_epi16(ab, cd),
                _mm512_unpackhi_epi16(ab, cd),
                _mm512_unpacklo_epi16(ab_high, cd_high),
                _mm512_unpackhi_epi16(ab_high, cd_high),
            ];
            for (part, word) in byte_weights::<PARTS>(weights).into_iter().enumerate() {
                let weights = _mm512_set1_epi32(word as i32);
                for (sums, &pixels) in sums.iter_mut().zip(&pixels) {
                    sums[part] = _mm512_dpbusd_epi32(sums[part], pixels, weights);
                }
            }
        }
        let [a, b, c, d] = sums;
        let [a, b] = [total512(a, column.bits), total512(b, column.bits)];
        let [c, d] = [total512(c, column.bits), total512(d, column.bits)];
        store64(slot, _mm512_packus_epi16(_mm512_packs_epi32(a, b), _mm512_packs_epi32(c, d)));
    }
}

/// The parts of a sum before anything is added: half of the last place is in the one that is worth least.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn begin256<const PARTS: usize>(bits: u32) -> [__m256i; PARTS] {
    let mut parts = [_mm256_setzero_si256(); PARTS];
    if let Some(last) = parts.last_mut() {
        *last = _mm256_set1_epi32(half(bits));
    }
    parts
}

/// The bytes of a sum of whose parts each is worth 2^11 times the next.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn total256<const PARTS: usize>(parts: [__m256i; PARTS], bits: u32) -> __m256i {
    let mut sum = _mm256_setzero_si256();
    for part in parts {
        sum = _mm256_add_epi32(_mm256_slli_epi32::<{ WORD_BITS as i32 }>(sum), part);
    }
    _mm256_sra_epi32(sum, _mm_cvtsi32_si128(bits as i32))
}

/// The four rows of a block, by AVX2; each row has a window's bytes.
#[target_feature(enable = "avx2,fma")]
pub(crate) fn across_avx2<const PARTS: usize>(
    program: &Program,
    groups: &[Group],
    step: usize,
    rows: &[Part<'_>; BLOCK],
    out: &mut [u8],
    stride: usize,
) {
    let begun = begin256::<PARTS>(program.bits);
    // Packing leaves four bytes of each row in each half of the vector, of which three are pixels if channels
    // are interleaved.
    let by_row = _mm256_set_epi32(7, 3, 6, 2, 5, 1, 4, 0);
    let squeeze = if step == 3 {
        _mm256_set_epi8(
            15, 11, 14, 13, 12, 10, 9, 8, 7, 3, 6, 5, 4, 2, 1, 0, 15, 11, 14, 13, 12, 10, 9, 8, 7, 3, 6, 5,
            4, 2, 1, 0,
        )
    } else {
        _mm256_set_epi8(
            15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4,
            3, 2, 1, 0,
        )
    };
    for group in groups {
        let mut sums = [begun; BLOCK];
        for (chunk, start) in program.chunks(group) {
            let places = load_first_words(&chunk.places);
            let mut weights = begun;
            for (part, words) in weights.iter_mut().zip(&chunk.weights) {
                *part = load_first_words(words);
            }
            for (row, sums) in rows.iter().zip(&mut sums) {
                let window = _mm256_broadcastsi128_si256(load16_part(*row, start));
                let pixels = _mm256_shuffle_epi8(window, places);
                for (sum, weights) in sums.iter_mut().zip(weights) {
                    *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(pixels, weights));
                }
            }
        }
        let [a, b, c, d] = sums;
        let [a, b] = [total256(a, program.bits), total256(b, program.bits)];
        let [c, d] = [total256(c, program.bits), total256(d, program.bits)];
        let bytes = _mm256_packus_epi16(_mm256_packs_epi32(a, b), _mm256_packs_epi32(c, d));
        let bytes = _mm256_shuffle_epi8(_mm256_permutevar8x32_epi32(bytes, by_row), squeeze);
        let halves = [_mm256_castsi256_si128(bytes), _mm256_extracti128_si256::<1>(bytes)];
        for (pair, half) in halves.into_iter().enumerate() {
            let words = [_mm_cvtsi128_si64(half), _mm_extract_epi64::<1>(half)];
            for (i, word) in words.into_iter().enumerate() {
                if let Some(slot) = slot(out, (2 * pair + i) * stride + group.out) {
                    *slot = word.to_le_bytes();
                }
            }
        }
    }
}

/// One row of the vertical pass, by AVX2; it has at least 32 bytes.
#[target_feature(enable = "avx2,fma")]
pub(crate) fn down_avx2<const PARTS: usize>(column: &Column<'_>, out: &mut [u8]) {
    let bytes = column.bytes();
    let (begun, zero) = (begin256::<PARTS>(column.bits), _mm256_setzero_si256());
    let (pairs, _) = column.weights.as_chunks::<2>();
    // The last vector is moved back to end with the row.
    for at in (0..bytes).step_by(32).map(|at| at.min(bytes.saturating_sub(32))) {
        let mut sums = [begun; 4];
        for (pair, weights) in pairs.iter().enumerate().take(column.count.div_ceil(2)) {
            let (Some(a), Some(b)) = (column.line(2 * pair), column.line(2 * pair + 1)) else { return };
            let (a, b) = (load32_part(a, at), load32_part(b, at));
            let (low, high) = (_mm256_unpacklo_epi8(a, b), _mm256_unpackhi_epi8(a, b));
            let pixels = [
                _mm256_unpacklo_epi8(low, zero),
                _mm256_unpackhi_epi8(low, zero),
                _mm256_unpacklo_epi8(high, zero),
                _mm256_unpackhi_epi8(high, zero),
            ];
            let words = word_weights::<PARTS>(weights).map(|word| _mm256_set1_epi32(word as i32));
            for (sums, &pixels) in sums.iter_mut().zip(&pixels) {
                for (sum, &weights) in sums.iter_mut().zip(&words) {
                    *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(pixels, weights));
                }
            }
        }
        let [a, b, c, d] = sums;
        let [a, b] = [total256(a, column.bits), total256(b, column.bits)];
        let [c, d] = [total256(c, column.bits), total256(d, column.bits)];
        let packed = _mm256_packus_epi16(_mm256_packs_epi32(a, b), _mm256_packs_epi32(c, d));
        if let Some(slot) = slot(out, at) {
            store32(slot, packed);
        }
    }
}
