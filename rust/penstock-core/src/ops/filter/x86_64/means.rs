//! Box blurs in vectors.
//!
//! A sum of up to 127 bytes is a signed word. A mean is a sum and two ends, weighted by integers of up to 24 bits: each
//! weight is an upper and a lower part, and one product of words takes a sum with its ends, so that two products give
//! the very total that plain code makes.

use std::arch::x86_64::{
    __m256i, _mm256_add_epi16, _mm256_add_epi32, _mm256_castsi256_si128, _mm256_extracti128_si256,
    _mm256_madd_epi16, _mm256_maddubs_epi16, _mm256_mullo_epi16, _mm256_packus_epi16, _mm256_packus_epi32,
    _mm256_set_m128i, _mm256_set1_epi16, _mm256_set1_epi32, _mm256_setzero_si256, _mm256_slli_epi32,
    _mm256_srli_epi32, _mm256_unpackhi_epi8, _mm256_unpackhi_epi16, _mm256_unpacklo_epi8,
    _mm256_unpacklo_epi16, _mm512_add_epi16, _mm512_dpwssd_epi32, _mm512_maddubs_epi16, _mm512_mullo_epi16,
    _mm512_packus_epi16, _mm512_packus_epi32, _mm512_set1_epi16, _mm512_set1_epi32, _mm512_setzero_si512,
    _mm512_srli_epi32, _mm512_unpackhi_epi8, _mm512_unpackhi_epi16, _mm512_unpacklo_epi8,
    _mm512_unpacklo_epi16,
};

use penstock_jpeg::simd::Part;
use penstock_jpeg::simd::arch::x86_64::memory::{load16_part, load32, load64, store16, store32, store64};

use super::super::chunk::{BLOCK, Chunk};
use super::super::means::{Ends, Mean, before_first};

/// Bits of the lower part of a weight.
const LOW_BITS: u32 = 10;
/// Bits that a total has behind a mean, once what the lower parts carry was added to the upper ones.
const HIGH_BITS: u32 = 24 - LOW_BITS;
/// Weights of two bytes whose difference, and whose sum, is wanted.
const DIFFERENCE: i16 = i16::from_le_bytes([1, 0xff]);
const SUM: i16 = i16::from_le_bytes([1, 1]);

/// The upper and the lower parts of the weights of a sum and of its ends.
fn weights(mean: &Mean) -> [i32; 2] {
    let pair = |inner: u32, outer: u32| (outer << 16 | inner) as i32;
    let low = (1 << LOW_BITS) - 1;
    [pair(mean.inner >> LOW_BITS, mean.outer >> LOW_BITS), pair(mean.inner & low, mean.outer & low)]
}

/// The two halves of a chunk.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn halves(chunk: &Chunk) -> [__m256i; 2] {
    let mut halves = [_mm256_setzero_si256(); 2];
    for (half, bytes) in halves.iter_mut().zip(chunk.0.as_chunks().0) {
        *half = load32(bytes);
    }
    halves
}

/// See [`super::super::means::pass`]; the mean [is small](Mean::is_small).
#[target_feature(enable = "avx2,fma")]
pub(crate) fn pass_avx2(mean: &Mean, from: &[Chunk], to: &mut [Chunk], step: usize) {
    let (count, radius) = (from.len() / step, mean.radius as usize);
    let [high, low] = weights(mean);
    let (high, low) = (_mm256_set1_epi32(high), _mm256_set1_epi32(low));
    let (difference, both) = (_mm256_set1_epi16(DIFFERENCE), _mm256_set1_epi16(SUM));
    let (half, zero) = (_mm256_set1_epi32(1 << 23), _mm256_setzero_si256());
    for channel in 0..step {
        let line = |at: usize| from.get(at * step + channel);
        let (Some(first), Some(last)) = (line(0), line(count.wrapping_sub(1))) else { return };
        let (firsts, inside, lasts) = before_first(radius, count);
        let (firsts, lasts) = (_mm256_set1_epi16(firsts as i16), _mm256_set1_epi16(lasts as i16));
        let mut sums = [[zero; 2]; 2];
        for ((sums, first), last) in sums.iter_mut().zip(halves(first)).zip(halves(last)) {
            for (sum, (first, last)) in sums.iter_mut().zip([
                (_mm256_unpacklo_epi8(first, zero), _mm256_unpacklo_epi8(last, zero)),
                (_mm256_unpackhi_epi8(first, zero), _mm256_unpackhi_epi8(last, zero)),
            ]) {
                *sum = _mm256_add_epi16(_mm256_mullo_epi16(first, firsts), _mm256_mullo_epi16(last, lasts));
            }
        }
        for at in 0..inside {
            let Some(chunk) = line(at) else { return };
            for ([low, high], bytes) in sums.iter_mut().zip(halves(chunk)) {
                *low = _mm256_add_epi16(*low, _mm256_unpacklo_epi8(bytes, zero));
                *high = _mm256_add_epi16(*high, _mm256_unpackhi_epi8(bytes, zero));
            }
        }
        for (at, out) in to.iter_mut().skip(channel).step_by(step).enumerate() {
            let Ends { joins, left, next } = Ends::of(at, radius, count);
            let (Some(joins), Some(left), Some(next)) = (line(joins), line(left), line(next)) else { return };
            let (joins, left, next) = (halves(joins), halves(left), halves(next));
            for (i, (slot, sums)) in out.0.as_chunks_mut().0.iter_mut().zip(&mut sums).enumerate() {
                let (joins, left, next) = (joins[i], left[i], next[i]);
                let pairs = [
                    (_mm256_unpacklo_epi8(joins, left), _mm256_unpacklo_epi8(left, next)),
                    (_mm256_unpackhi_epi8(joins, left), _mm256_unpackhi_epi8(left, next)),
                ];
                let mut words = [zero; 2];
                for ((words, sum), (change, ends)) in words.iter_mut().zip(sums).zip(pairs) {
                    *sum = _mm256_add_epi16(*sum, _mm256_maddubs_epi16(change, difference));
                    let ends = _mm256_maddubs_epi16(ends, both);
                    let mut means = [_mm256_unpacklo_epi16(*sum, ends), _mm256_unpackhi_epi16(*sum, ends)];
                    for mean in &mut means {
                        let upper = _mm256_slli_epi32::<{ LOW_BITS as i32 }>(_mm256_madd_epi16(*mean, high));
                        let lower = _mm256_add_epi32(_mm256_madd_epi16(*mean, low), half);
                        *mean = _mm256_srli_epi32::<24>(_mm256_add_epi32(upper, lower));
                    }
                    let [first, second] = means;
                    *words = _mm256_packus_epi32(first, second);
                }
                let [first, second] = words;
                store32(slot, _mm256_packus_epi16(first, second));
            }
        }
    }
}

/// See [`super::super::means::pass`]; the mean [is small](Mean::is_small).
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx512vnni,avx2,fma")]
pub(crate) fn pass_avx512(mean: &Mean, from: &[Chunk], to: &mut [Chunk], step: usize) {
    let (count, radius) = (from.len() / step, mean.radius as usize);
    let [high, low] = weights(mean);
    let (high, low) = (_mm512_set1_epi32(high), _mm512_set1_epi32(low));
    let (difference, both) = (_mm512_set1_epi16(DIFFERENCE), _mm512_set1_epi16(SUM));
    let (half, zero) = (_mm512_set1_epi32(1 << 23), _mm512_setzero_si512());
    for channel in 0..step {
        let line = |at: usize| from.get(at * step + channel);
        let (Some(first), Some(last)) = (line(0), line(count.wrapping_sub(1))) else { return };
        let (firsts, inside, lasts) = before_first(radius, count);
        let (firsts, lasts) = (_mm512_set1_epi16(firsts as i16), _mm512_set1_epi16(lasts as i16));
        let (first, last) = (load64(&first.0), load64(&last.0));
        let mut sums = [zero; 2];
        for (sum, (first, last)) in sums.iter_mut().zip([
            (_mm512_unpacklo_epi8(first, zero), _mm512_unpacklo_epi8(last, zero)),
            (_mm512_unpackhi_epi8(first, zero), _mm512_unpackhi_epi8(last, zero)),
        ]) {
            *sum = _mm512_add_epi16(_mm512_mullo_epi16(first, firsts), _mm512_mullo_epi16(last, lasts));
        }
        for at in 0..inside {
            let Some(chunk) = line(at) else { return };
            let (bytes, [low, high]) = (load64(&chunk.0), &mut sums);
            *low = _mm512_add_epi16(*low, _mm512_unpacklo_epi8(bytes, zero));
            *high = _mm512_add_epi16(*high, _mm512_unpackhi_epi8(bytes, zero));
        }
        for (at, out) in to.iter_mut().skip(channel).step_by(step).enumerate() {
            let Ends { joins, left, next } = Ends::of(at, radius, count);
            let (Some(joins), Some(left), Some(next)) = (line(joins), line(left), line(next)) else { return };
            let (joins, left, next) = (load64(&joins.0), load64(&left.0), load64(&next.0));
            let pairs = [
                (_mm512_unpacklo_epi8(joins, left), _mm512_unpacklo_epi8(left, next)),
                (_mm512_unpackhi_epi8(joins, left), _mm512_unpackhi_epi8(left, next)),
            ];
            let mut words = [zero; 2];
            for ((words, sum), (change, ends)) in words.iter_mut().zip(&mut sums).zip(pairs) {
                *sum = _mm512_add_epi16(*sum, _mm512_maddubs_epi16(change, difference));
                let ends = _mm512_maddubs_epi16(ends, both);
                let mut means = [_mm512_unpacklo_epi16(*sum, ends), _mm512_unpackhi_epi16(*sum, ends)];
                for mean in &mut means {
                    let carried = _mm512_srli_epi32::<LOW_BITS>(_mm512_dpwssd_epi32(half, *mean, low));
                    *mean = _mm512_srli_epi32::<HIGH_BITS>(_mm512_dpwssd_epi32(carried, *mean, high));
                }
                let [first, second] = means;
                *words = _mm512_packus_epi32(first, second);
            }
            let [first, second] = words;
            store64(&mut out.0, _mm512_packus_epi16(first, second));
        }
    }
}

/// Transposes 16 by 16 bytes in each half of the vectors: four times, the first eight are interleaved with the others.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn transpose(rows: &mut [__m256i; BLOCK]) {
    for _ in 0..4 {
        let mut next = *rows;
        for (i, pair) in next.as_chunks_mut::<2>().0.iter_mut().enumerate() {
            *pair = [
                _mm256_unpacklo_epi8(rows[i], rows[i + BLOCK / 2]),
                _mm256_unpackhi_epi8(rows[i], rows[i + BLOCK / 2]),
            ];
        }
        *rows = next;
    }
}

/// Transposes rows to chunks, of which there are at least a block.
#[target_feature(enable = "avx2,fma")]
pub(crate) fn gather(rows: &[Part<'_>; Chunk::BYTES], strip: &mut [Chunk]) {
    let bytes = strip.len();
    // The last block is moved back to end with the rows.
    for at in (0..bytes).step_by(BLOCK).map(|at| at.min(bytes.saturating_sub(BLOCK))) {
        for (half, rows) in rows.as_chunks::<{ 2 * BLOCK }>().0.iter().enumerate() {
            let mut block = [_mm256_setzero_si256(); BLOCK];
            for (i, vector) in block.iter_mut().enumerate() {
                *vector = _mm256_set_m128i(load16_part(rows[i + BLOCK], at), load16_part(rows[i], at));
            }
            transpose(&mut block);
            for (chunk, vector) in strip.iter_mut().skip(at).zip(block) {
                store32(&mut chunk.0.as_chunks_mut().0[half], vector);
            }
        }
    }
}

/// Transposes `count` chunks, at most 64, to rows; behind them a block of others is there, which may become what lies in
/// the rows behind what was asked for.
#[target_feature(enable = "avx2,fma")]
pub(crate) fn scatter(strip: &[Chunk], count: usize, rows: &mut [Chunk]) {
    for at in (0..count).step_by(BLOCK) {
        for (half, rows) in rows.chunks_mut(2 * BLOCK).enumerate() {
            let mut block = [_mm256_setzero_si256(); BLOCK];
            for (vector, chunk) in block.iter_mut().zip(strip.iter().skip(at)) {
                *vector = load32(&chunk.0.as_chunks().0[half]);
            }
            transpose(&mut block);
            for (i, vector) in block.into_iter().enumerate() {
                let parts = [_mm256_castsi256_si128(vector), _mm256_extracti128_si256::<1>(vector)];
                for (row, part) in [i, i + BLOCK].into_iter().zip(parts) {
                    if let Some(row) = rows.get_mut(row) {
                        store16(&mut row.0.as_chunks_mut().0[at / BLOCK], part);
                    }
                }
            }
        }
    }
}
