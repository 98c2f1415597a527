//! Vector kernels for AVX2: transform, upsampling, colour. Each does what its scalar twin does, to the bit.
#![expect(clippy::inline_always, reason = "parts of loops that are compiled for several processors")]
//!
//! The code is safe: memory is touched only through the loads and stores of `simd`, which take references to
//! arrays. Values are 16 bits wide where the scalar twin's bounds allow it.

use std::arch::x86_64::{
    __m128i, __m256i, _mm256_abs_epi16, _mm256_add_epi16, _mm256_add_epi32, _mm256_blendv_epi8,
    _mm256_broadcastsi128_si256, _mm256_castsi128_si256, _mm256_castsi256_si128, _mm256_cmpeq_epi8,
    _mm256_cvtepu8_epi16, _mm256_extracti128_si256, _mm256_inserti128_si256, _mm256_madd_epi16,
    _mm256_max_epu16, _mm256_movemask_epi8, _mm256_mulhi_epi16, _mm256_mulhrs_epi16, _mm256_mullo_epi16,
    _mm256_or_si256, _mm256_packs_epi16, _mm256_packs_epi32, _mm256_packus_epi16, _mm256_permute2x128_si256,
    _mm256_permute4x64_epi64, _mm256_set1_epi8, _mm256_set1_epi16, _mm256_set1_epi32, _mm256_setr_epi64x,
    _mm256_setzero_si256, _mm256_shuffle_epi8, _mm256_slli_epi16, _mm256_srai_epi16, _mm256_srai_epi32,
    _mm256_srli_epi16, _mm256_sub_epi16, _mm256_sub_epi32, _mm256_subs_epu16, _mm256_testz_si256,
    _mm256_unpackhi_epi8, _mm256_unpackhi_epi16, _mm256_unpackhi_epi32, _mm256_unpackhi_epi64,
    _mm256_unpacklo_epi8, _mm256_unpacklo_epi16, _mm256_unpacklo_epi32, _mm256_unpacklo_epi64,
    _mm256_xor_si256,
};

use crate::idct::constants::{
    F_0_298, F_0_390, F_0_541, F_0_765, F_0_899, F_1_175, F_1_501, F_1_847, F_1_961, F_2_053, F_2_562,
    F_3_072,
};
use crate::idct::{Block, MAX_BETWEEN, MAX_SAMPLE, Quant, SHIFT_COLUMNS, SHIFT_ROWS, flat_sample};
use crate::simd::memory::{load8_words, load32, store8, store16, store16_words, store32};
use crate::{bits, color, upsample};

/// Samples that the row kernels take at a time.
const CHUNK: usize = 32;

/// See [`crate::idct::blocks_to_samples`]. Two blocks at a time, one in each half of the vectors.
#[target_feature(enable = "avx2")]
pub(crate) fn blocks_to_samples(
    blocks: &mut [Block],
    extents: &[u8],
    quant: &Quant,
    out: &mut [u8],
    stride: usize,
) -> bool {
    let mut excess = _mm256_setzero_si256();
    let mut alone = [[0; 64]; 2];
    let mut extents = extents.iter();
    for (i, two) in blocks.chunks_mut(2).enumerate() {
        let full = two.len() == 2;
        let (Some(&first), Some(&second)) = (extents.next(), if full { extents.next() } else { Some(&0) })
        else {
            return false;
        };
        let pair = if let Some(pair) = two.as_mut_array::<2>() {
            pair
        } else {
            if let [last] = two {
                std::mem::swap(last, &mut alone[0]);
            }
            &mut alone
        };
        let Some(out) = out.get_mut(16 * i..) else { return false };
        let rows = if first | second == 0 {
            let [a, b] = pair;
            if !is_valid_flat(a, quant) || !is_valid_flat(b, quant) {
                return false;
            }
            let row = flat_row(flat_sample(a, quant), flat_sample(b, quant));
            (a[0], b[0]) = (0, 0);
            [row; 4]
        } else {
            let (rows, coefficients) = dequantise(pair, quant);
            let (rows, between) = transform(rows);
            excess = _mm256_or_si256(excess, _mm256_or_si256(coefficients, between));
            rows
        };
        for (y, two) in rows.into_iter().enumerate() {
            for (row, half) in [(2 * y, _mm256_castsi256_si128(two)), (2 * y + 1, upper(two))] {
                let Some(out) = out.get_mut(row * stride..) else { return false };
                if full {
                    let Some(out) = out.first_chunk_mut() else { return false };
                    store16(out, half);
                } else {
                    let Some(out) = out.first_chunk_mut() else { return false };
                    store8(out, half);
                }
            }
        }
    }
    _mm256_testz_si256(excess, excess) == 1
}

/// The first samples of a row.
#[inline]
fn row_at<const N: usize>(out: &mut [u8], at: usize) -> Option<&mut [u8; N]> {
    out.get_mut(at..)?.first_chunk_mut()
}

/// Whether a block's first coefficient is within its limit.
#[inline]
fn is_valid_flat(block: &Block, quant: &Quant) -> bool {
    i32::from(block[0]).abs() <= i32::from(quant.limits[0])
}

/// Twice a row of two even blocks.
#[inline]
#[target_feature(enable = "avx2")]
fn flat_row(first: u8, second: u8) -> __m256i {
    let spread = |sample: u8| i64::from_ne_bytes([sample; 8]);
    _mm256_setr_epi64x(spread(first), spread(second), spread(first), spread(second))
}

#[inline]
#[target_feature(enable = "avx2")]
fn upper(vector: __m256i) -> __m128i {
    _mm256_extracti128_si256::<1>(vector)
}

/// Two vectors of rows in one.
#[inline]
#[target_feature(enable = "avx2")]
fn both(low: &[i16; 8], high: &[i16; 8]) -> __m256i {
    _mm256_inserti128_si256::<1>(_mm256_castsi128_si256(load8_words(low)), load8_words(high))
}

/// Rows of two blocks, one in each half, dequantised; and a vector that is zero if all coefficients were within
/// their limits. The blocks are zeroed.
#[inline]
#[target_feature(enable = "avx2")]
fn dequantise(pair: &mut [Block; 2], quant: &Quant) -> ([__m256i; 8], __m256i) {
    let [a, b] = pair;
    let (a, b) = (a.as_chunks::<8>().0, b.as_chunks::<8>().0);
    let (steps, limits) = (quant.steps.as_chunks::<8>().0, quant.limits.as_chunks::<8>().0);
    let mut excess = _mm256_setzero_si256();
    let mut rows = [excess; 8];
    for (i, row) in rows.iter_mut().enumerate() {
        let coefficients = both(&a[i], &b[i]);
        let limit = _mm256_broadcastsi128_si256(load8_words(&limits[i]));
        excess = _mm256_or_si256(excess, _mm256_subs_epu16(_mm256_abs_epi16(coefficients), limit));
        *row = _mm256_mullo_epi16(coefficients, _mm256_broadcastsi128_si256(load8_words(&steps[i])));
    }
    let zero = _mm256_setzero_si256();
    for part in pair.as_flattened_mut().as_chunks_mut::<16>().0 {
        store16_words(part, zero);
    }
    (rows, excess)
}

/// The samples of two blocks, two rows of both in each vector, and a vector that is zero if all numbers between
/// and behind the passes were within their limits.
#[inline]
#[target_feature(enable = "avx2")]
fn transform(rows: [__m256i; 8]) -> ([__m256i; 4], __m256i) {
    let between = transpose(pass::<{ SHIFT_COLUMNS as i32 }>(rows));
    let samples = pass::<{ SHIFT_ROWS as i32 }>(between);
    let excess = _mm256_or_si256(beyond(between, MAX_BETWEEN), beyond(samples, MAX_SAMPLE));
    (interleave_rows(samples), excess)
}

/// Zero if no magnitude is greater than `limit`.
#[inline]
#[target_feature(enable = "avx2")]
fn beyond(values: [__m256i; 8], limit: i32) -> __m256i {
    let mut greatest = _mm256_setzero_si256();
    for value in values {
        greatest = _mm256_max_epu16(greatest, _mm256_abs_epi16(value));
    }
    _mm256_subs_epu16(greatest, _mm256_set1_epi16(limit as i16))
}

/// Two 16-bit factors in every 32 bits: the first one lower.
#[inline]
#[target_feature(enable = "avx2")]
fn factors(first: i32, second: i32) -> __m256i {
    _mm256_set1_epi32((first & 0xFFFF) | (second << 16))
}

/// Eight vectors transformed lane by lane and shifted down by `SHIFT`; see the scalar twin.
#[inline]
#[target_feature(enable = "avx2")]
fn pass<const SHIFT: i32>(x: [__m256i; 8]) -> [__m256i; 8] {
    let (z3, z4) = (_mm256_add_epi16(x[7], x[3]), _mm256_add_epi16(x[5], x[1]));
    let low = half_pass::<SHIFT>([
        _mm256_unpacklo_epi16(x[0], x[4]),
        _mm256_unpacklo_epi16(x[2], x[6]),
        _mm256_unpacklo_epi16(x[7], x[1]),
        _mm256_unpacklo_epi16(x[5], x[3]),
        _mm256_unpacklo_epi16(z3, z4),
    ]);
    let high = half_pass::<SHIFT>([
        _mm256_unpackhi_epi16(x[0], x[4]),
        _mm256_unpackhi_epi16(x[2], x[6]),
        _mm256_unpackhi_epi16(x[7], x[1]),
        _mm256_unpackhi_epi16(x[5], x[3]),
        _mm256_unpackhi_epi16(z3, z4),
    ]);
    let mut out = x;
    for ((out, low), high) in out.iter_mut().zip(low).zip(high) {
        *out = _mm256_packs_epi32(low, high);
    }
    out
}

/// Half of the lanes, from interleaved pairs of the inputs.
#[inline]
#[target_feature(enable = "avx2")]
fn half_pass<const SHIFT: i32>([x04, x26, x71, x53, z34]: [__m256i; 5]) -> [__m256i; 8] {
    let one = 1 << 13;
    let dot = |pairs: __m256i, first: i32, second: i32| _mm256_madd_epi16(pairs, factors(first, second));
    let round = _mm256_set1_epi32(1 << (SHIFT - 1));
    let sum = _mm256_add_epi32(dot(x04, one, one), round);
    let difference = _mm256_add_epi32(dot(x04, one, -one), round);
    let outer = dot(x26, F_0_541 + F_0_765, F_0_541);
    let inner = dot(x26, F_0_541, F_0_541 - F_1_847);
    let even = [
        _mm256_add_epi32(sum, outer),
        _mm256_add_epi32(difference, inner),
        _mm256_sub_epi32(difference, inner),
        _mm256_sub_epi32(sum, outer),
    ];
    let r3 = dot(z34, F_1_175 - F_1_961, F_1_175);
    let r4 = dot(z34, F_1_175, F_1_175 - F_0_390);
    let odd = [
        _mm256_add_epi32(dot(x71, -F_0_899, F_1_501 - F_0_899), r4),
        _mm256_add_epi32(dot(x53, -F_2_562, F_3_072 - F_2_562), r3),
        _mm256_add_epi32(dot(x53, F_2_053 - F_2_562, -F_2_562), r4),
        _mm256_add_epi32(dot(x71, F_0_298 - F_0_899, -F_0_899), r3),
    ];
    let up = |i: usize| _mm256_srai_epi32::<SHIFT>(_mm256_add_epi32(even[i], odd[i]));
    let down = |i: usize| _mm256_srai_epi32::<SHIFT>(_mm256_sub_epi32(even[i], odd[i]));
    [up(0), up(1), up(2), up(3), down(3), down(2), down(1), down(0)]
}

/// Transposes 8 x 8 lanes in each half.
#[inline]
#[target_feature(enable = "avx2")]
fn transpose(x: [__m256i; 8]) -> [__m256i; 8] {
    let a: [__m256i; 8] = [
        _mm256_unpacklo_epi16(x[0], x[1]),
        _mm256_unpackhi_epi16(x[0], x[1]),
        _mm256_unpacklo_epi16(x[2], x[3]),
        _mm256_unpackhi_epi16(x[2], x[3]),
        _mm256_unpacklo_epi16(x[4], x[5]),
        _mm256_unpackhi_epi16(x[4], x[5]),
        _mm256_unpacklo_epi16(x[6], x[7]),
        _mm256_unpackhi_epi16(x[6], x[7]),
    ];
    let b: [__m256i; 8] = [
        _mm256_unpacklo_epi32(a[0], a[2]),
        _mm256_unpackhi_epi32(a[0], a[2]),
        _mm256_unpacklo_epi32(a[1], a[3]),
        _mm256_unpackhi_epi32(a[1], a[3]),
        _mm256_unpacklo_epi32(a[4], a[6]),
        _mm256_unpackhi_epi32(a[4], a[6]),
        _mm256_unpacklo_epi32(a[5], a[7]),
        _mm256_unpackhi_epi32(a[5], a[7]),
    ];
    [
        _mm256_unpacklo_epi64(b[0], b[4]),
        _mm256_unpackhi_epi64(b[0], b[4]),
        _mm256_unpacklo_epi64(b[1], b[5]),
        _mm256_unpackhi_epi64(b[1], b[5]),
        _mm256_unpacklo_epi64(b[2], b[6]),
        _mm256_unpackhi_epi64(b[2], b[6]),
        _mm256_unpacklo_epi64(b[3], b[7]),
        _mm256_unpackhi_epi64(b[3], b[7]),
    ]
}

/// Columns of two blocks to rows of samples: `[a0 b0 a1 b1]`, `[a2 b2 a3 b3]` and so on.
#[inline]
#[target_feature(enable = "avx2")]
fn interleave_rows(columns: [__m256i; 8]) -> [__m256i; 4] {
    let centre = _mm256_set1_epi8(-128);
    let packed = |i: usize| _mm256_xor_si256(_mm256_packs_epi16(columns[i], columns[i + 4]), centre);
    let [p04, p15, p26, p37] = [packed(0), packed(1), packed(2), packed(3)];
    let (c01, c45) = (_mm256_unpacklo_epi8(p04, p15), _mm256_unpackhi_epi8(p04, p15));
    let (c23, c67) = (_mm256_unpacklo_epi8(p26, p37), _mm256_unpackhi_epi8(p26, p37));
    let (left_top, left_bottom) = (_mm256_unpacklo_epi16(c01, c23), _mm256_unpackhi_epi16(c01, c23));
    let (right_top, right_bottom) = (_mm256_unpacklo_epi16(c45, c67), _mm256_unpackhi_epi16(c45, c67));
    [
        _mm256_unpacklo_epi32(left_top, right_top),
        _mm256_unpackhi_epi32(left_top, right_top),
        _mm256_unpacklo_epi32(left_bottom, right_bottom),
        _mm256_unpackhi_epi32(left_bottom, right_bottom),
    ]
    .map(|rows| _mm256_permute4x64_epi64::<0b11_01_10_00>(rows))
}

/// Some samples from `at` on.
#[inline]
fn part<const N: usize>(samples: &[u8], at: usize) -> Option<&[u8; N]> {
    samples.get(at..)?.first_chunk()
}

/// 32 bytes as 16-bit numbers: the first half, the second half.
#[inline]
#[target_feature(enable = "avx2")]
fn widen(samples: __m256i) -> [__m256i; 2] {
    [_mm256_cvtepu8_epi16(_mm256_castsi256_si128(samples)), _mm256_cvtepu8_epi16(upper(samples))]
}

/// Even and odd samples as 16-bit numbers, in turn.
#[inline]
#[target_feature(enable = "avx2")]
fn merge(even: __m256i, odd: __m256i) -> __m256i {
    _mm256_or_si256(even, _mm256_slli_epi16::<8>(odd))
}

/// See [`upsample::h2v1`].
#[target_feature(enable = "avx2")]
pub(crate) fn h2v1(input: &[u8], out: &mut [u8]) {
    let (three, one, two) = (_mm256_set1_epi16(3), _mm256_set1_epi16(1), _mm256_set1_epi16(2));
    let (chunks, _) = out.as_chunks_mut::<CHUNK>();
    let (pairs, _) = chunks.as_chunks_mut::<2>();
    let mut done = 0;
    for pair in pairs {
        let (Some(left), Some(here), Some(right)) =
            (part(input, done), part(input, done + 1), part(input, done + 2))
        else {
            break;
        };
        done += CHUNK;
        let (left, here, right) = (widen(load32(left)), widen(load32(here)), widen(load32(right)));
        for (i, out) in pair.iter_mut().enumerate() {
            let here = _mm256_mullo_epi16(here[i], three);
            let even = _mm256_srli_epi16::<2>(_mm256_add_epi16(_mm256_add_epi16(here, one), left[i]));
            let odd = _mm256_srli_epi16::<2>(_mm256_add_epi16(_mm256_add_epi16(here, two), right[i]));
            store32(out, merge(even, odd));
        }
    }
    upsample::h2v1(input.get(done..).unwrap_or(&[]), out.get_mut(2 * done..).unwrap_or(&mut []));
}

/// See [`upsample::h2v2`].
#[target_feature(enable = "avx2")]
pub(crate) fn h2v2(near: &[u8], next: &[u8], out: &mut [u8]) {
    let (three, eight, seven) = (_mm256_set1_epi16(3), _mm256_set1_epi16(8), _mm256_set1_epi16(7));
    let columns = |at: usize| {
        let (near, next) = (part(near, at)?, part(next, at)?);
        let (near, next) = (widen(load32(near)), widen(load32(next)));
        let column = |i: usize| _mm256_add_epi16(_mm256_mullo_epi16(near[i], three), next[i]);
        Some([column(0), column(1)])
    };
    let (chunks, _) = out.as_chunks_mut::<CHUNK>();
    let (pairs, _) = chunks.as_chunks_mut::<2>();
    let mut done = 0;
    for pair in pairs {
        let (Some(left), Some(here), Some(right)) = (columns(done), columns(done + 1), columns(done + 2))
        else {
            break;
        };
        done += CHUNK;
        for (i, out) in pair.iter_mut().enumerate() {
            let here = _mm256_mullo_epi16(here[i], three);
            let even = _mm256_srli_epi16::<4>(_mm256_add_epi16(_mm256_add_epi16(here, eight), left[i]));
            let odd = _mm256_srli_epi16::<4>(_mm256_add_epi16(_mm256_add_epi16(here, seven), right[i]));
            store32(out, merge(even, odd));
        }
    }
    let (near, next) = (near.get(done..).unwrap_or(&[]), next.get(done..).unwrap_or(&[]));
    upsample::h2v2(near, next, out.get_mut(2 * done..).unwrap_or(&mut []));
}

/// See [`upsample::h1v2`].
#[target_feature(enable = "avx2")]
pub(crate) fn h1v2(near: &[u8], next: &[u8], bias: u8, out: &mut [u8]) {
    let (three, round) = (_mm256_set1_epi16(3), _mm256_set1_epi16(i16::from(bias)));
    let (chunks, rest) = out.as_chunks_mut::<CHUNK>();
    let mut done = 0;
    for out in chunks {
        let (Some(near), Some(next)) = (part(near, done), part(next, done)) else { return };
        done += CHUNK;
        let (near, next) = (widen(load32(near)), widen(load32(next)));
        let between = |i: usize| {
            let sum = _mm256_add_epi16(_mm256_mullo_epi16(near[i], three), _mm256_add_epi16(next[i], round));
            _mm256_srli_epi16::<2>(sum)
        };
        store32(out, _mm256_permute4x64_epi64::<0b11_01_10_00>(_mm256_packus_epi16(between(0), between(1))));
    }
    let (near, next) = (near.get(done..).unwrap_or(&[]), next.get(done..).unwrap_or(&[]));
    upsample::h1v2(near, next, bias, rest);
}

/// 32 sample triples to red, green and blue. The fixed-point factors beyond 16 bits are split into whole
/// multiples and a rest.
#[inline]
#[target_feature(enable = "avx2")]
fn colors(y: __m256i, cb: __m256i, cr: __m256i) -> [__m256i; 3] {
    let zero = _mm256_setzero_si256();
    let one = _mm256_set1_epi16(1);
    let centre = _mm256_set1_epi16(128);
    let half = _mm256_set1_epi32(1 << 15);
    // Halves in the order of the unpacking, which the packing at the end undoes.
    let split = |v: __m256i| [_mm256_unpacklo_epi8(v, zero), _mm256_unpackhi_epi8(v, zero)];
    let (y, cb, cr) = (split(y), split(cb), split(cr));
    let mut halves = [[zero; 2]; 3];
    for i in 0..2 {
        let (y, cb, cr) = (y[i], _mm256_sub_epi16(cb[i], centre), _mm256_sub_epi16(cr[i], centre));
        // 91881 = 65536 + 26345; the product with twice the value is rounded by the last two steps.
        let rest = _mm256_mulhi_epi16(_mm256_slli_epi16::<1>(cr), _mm256_set1_epi16(26_345));
        let rest = _mm256_srai_epi16::<1>(_mm256_add_epi16(rest, one));
        let red = _mm256_add_epi16(_mm256_add_epi16(y, cr), rest);
        // 116130 = 2 * 65536 - 2 * 7471
        let rest = _mm256_mulhrs_epi16(cb, _mm256_set1_epi16(-7471));
        let blue = _mm256_add_epi16(_mm256_add_epi16(y, _mm256_add_epi16(cb, cb)), rest);
        // -46802 = 18734 - 65536
        let mix = factors(-22_554, 18_734);
        let scaled =
            |pairs: __m256i| _mm256_srai_epi32::<16>(_mm256_add_epi32(_mm256_madd_epi16(pairs, mix), half));
        let (low, high) = (_mm256_unpacklo_epi16(cb, cr), _mm256_unpackhi_epi16(cb, cr));
        let rest = _mm256_packs_epi32(scaled(low), scaled(high));
        let green = _mm256_add_epi16(_mm256_sub_epi16(y, cr), rest);
        (halves[0][i], halves[1][i], halves[2][i]) = (red, green, blue);
    }
    halves.map(|[low, high]| _mm256_packus_epi16(low, high))
}

/// Does whole chunks of `N` samples with `kernel`, and what is left in a chunk of its own, if the rows go on so
/// far; gives the number of samples done. `BYTES` of `out` belong to a chunk.
#[inline(always)]
fn by_chunks<const N: usize, const BYTES: usize>(
    rows: [&[u8]; 3],
    out: &mut [u8],
    mut kernel: impl FnMut([&[u8; N]; 3], &mut [u8; BYTES]),
) -> usize {
    let (chunks, rest) = out.as_chunks_mut::<BYTES>();
    let mut done = 0;
    for out in chunks {
        let [Some(a), Some(b), Some(c)] = rows.map(|row| part(row, done)) else { return done };
        kernel([a, b, c], out);
        done += N;
    }
    if let ([Some(a), Some(b), Some(c)], false) = (rows.map(|row| part(row, done)), rest.is_empty()) {
        let mut last = [0; BYTES];
        kernel([a, b, c], &mut last);
        for (out, &byte) in rest.iter_mut().zip(&last) {
            *out = byte;
        }
        done += rest.len() * N / BYTES;
    }
    done
}

/// The rest of three rows, for the scalar twin.
#[inline]
fn behind(rows: [&[u8]; 3], done: usize) -> [&[u8]; 3] {
    rows.map(|row| row.get(done..).unwrap_or(&[]))
}

/// See [`color::ycc_to_pixels`].
#[target_feature(enable = "avx2")]
pub(crate) fn ycc_to_pixels(rows: [&[u8]; 3], out: &mut [u8]) {
    let done = by_chunks::<CHUNK, { 3 * CHUNK }>(rows, out, |rows, out| {
        let [y, cb, cr] = rows.map(|row| load32(row));
        store_pixels(colors(y, cb, cr), out);
    });
    color::ycc_to_pixels(behind(rows, done), out.get_mut(3 * done..).unwrap_or(&mut []));
}

/// See [`color::rgb_to_pixels`].
#[target_feature(enable = "avx2")]
pub(crate) fn rgb_to_pixels(rows: [&[u8]; 3], out: &mut [u8]) {
    let done = by_chunks::<CHUNK, { 3 * CHUNK }>(rows, out, |rows, out| {
        store_pixels(rows.map(|row| load32(row)), out);
    });
    color::rgb_to_pixels(behind(rows, done), out.get_mut(3 * done..).unwrap_or(&mut []));
}

/// See [`color::ycc_to_planes`].
#[target_feature(enable = "avx2")]
pub(crate) fn ycc_to_planes(rows: [&[u8]; 3], mut out: [&mut [u8]; 3]) {
    let mut done = 0;
    while let ([Some(y), Some(cb), Some(cr)], [Some(red), Some(green), Some(blue)]) =
        (rows.map(|row| part(row, done)), out.each_mut().map(|plane| row_at(plane, done)))
    {
        let [r, g, b] = colors(load32(y), load32(cb), load32(cr));
        store32(red, r);
        store32(green, g);
        store32(blue, b);
        done += CHUNK;
    }
    color::ycc_to_planes(behind(rows, done), out.map(|plane| plane.get_mut(done..).unwrap_or(&mut [])));
}

/// See [`bits::copy_before_ff`].
#[target_feature(enable = "avx2")]
pub(crate) fn copy_before_ff(bytes: &[u8], out: &mut [u8]) -> usize {
    let wanted = _mm256_set1_epi8(-1);
    let mut done = 0;
    for (bytes, out) in bytes.as_chunks::<CHUNK>().0.iter().zip(out.as_chunks_mut::<CHUNK>().0) {
        let chunk = load32(bytes);
        store32(out, chunk);
        let found = _mm256_movemask_epi8(_mm256_cmpeq_epi8(chunk, wanted));
        if found != 0 {
            return done + found.trailing_zeros() as usize;
        }
        done += CHUNK;
    }
    let (bytes, out) = (bytes.get(done..).unwrap_or(&[]), out.get_mut(done..).unwrap_or(&mut []));
    done + bits::copy_before_ff(bytes, out)
}

/// A pattern of 16 bytes in both halves of a vector.
const fn twice(pattern: [u8; 16]) -> [u8; 32] {
    let mut both = [0; 32];
    let mut i = 0;
    while i < 32 {
        both[i] = pattern[i % 16];
        i += 1;
    }
    both
}

/// Of 16 values that become every third byte, behind `before` others: which one lands at each place, modulo
/// 16. Eleven times three is one.
const fn spread(before: usize) -> [u8; 32] {
    let mut pattern = [0; 16];
    let mut i = 0;
    while i < 16 {
        pattern[i] = (11 * (i + 16 - before) % 16) as u8;
        i += 1;
    }
    twice(pattern)
}

/// Marks every third byte of 16, from `first` on.
const fn thirds(first: usize) -> [u8; 32] {
    let mut pattern = [0; 16];
    let mut i = first;
    while i < 16 {
        pattern[i] = 0xFF;
        i += 3;
    }
    twice(pattern)
}

const SPREAD: [[u8; 32]; 3] = [spread(0), spread(1), spread(2)];
const THIRDS: [[u8; 32]; 2] = [thirds(1), thirds(2)];

/// Interleaves three times 32 bytes.
#[inline]
#[target_feature(enable = "avx2")]
fn store_pixels([red, green, blue]: [__m256i; 3], out: &mut [u8; 3 * CHUNK]) {
    let red = _mm256_shuffle_epi8(red, load32(&SPREAD[0]));
    let green = _mm256_shuffle_epi8(green, load32(&SPREAD[1]));
    let blue = _mm256_shuffle_epi8(blue, load32(&SPREAD[2]));
    let (one, two) = (load32(&THIRDS[0]), load32(&THIRDS[1]));
    let mix = |a: __m256i, b: __m256i, c: __m256i| _mm256_blendv_epi8(_mm256_blendv_epi8(a, b, one), c, two);
    // Three times 16 bytes of 16 pixels, in each half.
    let (p, q, r) = (mix(red, green, blue), mix(green, blue, red), mix(blue, red, green));
    let parts = [
        _mm256_permute2x128_si256::<0x20>(p, q),
        _mm256_permute2x128_si256::<0x30>(r, p),
        _mm256_permute2x128_si256::<0x31>(q, r),
    ];
    for (out, part) in out.as_chunks_mut().0.iter_mut().zip(parts) {
        store32(out, part);
    }
}
