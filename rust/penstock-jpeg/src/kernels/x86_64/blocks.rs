//! The transform for AVX2: what its scalar twin in `idct` does, to the bit. As in `rows`, the code is safe.
//!
//! Two blocks at a time, one in each half of the vectors.

use std::arch::x86_64::{
    __m256i, _mm256_abs_epi16, _mm256_add_epi16, _mm256_add_epi32, _mm256_broadcastsi128_si256,
    _mm256_castsi128_si256, _mm256_castsi256_si128, _mm256_inserti128_si256, _mm256_madd_epi16,
    _mm256_max_epu16, _mm256_mullo_epi16, _mm256_or_si256, _mm256_packs_epi16, _mm256_packs_epi32,
    _mm256_permute4x64_epi64, _mm256_set1_epi8, _mm256_set1_epi16, _mm256_set1_epi32, _mm256_setr_epi64x,
    _mm256_setzero_si256, _mm256_srai_epi32, _mm256_sub_epi32, _mm256_subs_epu16, _mm256_testz_si256,
    _mm256_unpackhi_epi8, _mm256_unpackhi_epi16, _mm256_unpackhi_epi32, _mm256_unpackhi_epi64,
    _mm256_unpacklo_epi8, _mm256_unpacklo_epi16, _mm256_unpacklo_epi32, _mm256_unpacklo_epi64,
    _mm256_xor_si256,
};

use super::rows::{factors, upper};
use crate::kernels::idct::constants::{
    F_0_298, F_0_390, F_0_541, F_0_765, F_0_899, F_1_175, F_1_501, F_1_847, F_1_961, F_2_053, F_2_562,
    F_3_072,
};
use crate::kernels::idct::{Block, MAX_BETWEEN, MAX_SAMPLE, Quant, SHIFT_COLUMNS, SHIFT_ROWS, flat_sample};
use crate::simd::arch::x86_64::memory::{load8_words, store8, store16, store16_words};

/// Coefficients at the beginning of the file's order that lie in the upper left quarter of a block.
const CORNER: u8 = 10;

/// See [`crate::kernels::idct::blocks_to_samples`]. Two blocks at a time, one in each half of the vectors.
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
        let pair = if let Ok(pair) = <&mut [Block; 2]>::try_from(&mut *two) {
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
            let (rows, beyond) = if first.max(second) < CORNER {
                transform::<true>(pair, quant)
            } else {
                transform::<false>(pair, quant)
            };
            excess = _mm256_or_si256(excess, beyond);
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

/// Two vectors of rows in one.
#[inline]
#[target_feature(enable = "avx2")]
fn both(low: &[i16; 8], high: &[i16; 8]) -> __m256i {
    _mm256_inserti128_si256::<1>(_mm256_castsi128_si256(load8_words(low)), load8_words(high))
}

/// The first `ROWS` rows of two blocks, one in each half, dequantised; and a vector that is zero if all their
/// coefficients were within their limits. These rows of the blocks are zeroed.
#[inline]
#[target_feature(enable = "avx2")]
fn dequantise<const ROWS: usize>(pair: &mut [Block; 2], quant: &Quant) -> ([__m256i; 8], __m256i) {
    let [a, b] = pair;
    let (a, b) = (a.as_chunks::<8>().0, b.as_chunks::<8>().0);
    let (steps, limits) = (quant.steps.as_chunks::<8>().0, quant.limits.as_chunks::<8>().0);
    let mut excess = _mm256_setzero_si256();
    let mut rows = [excess; 8];
    for (i, row) in rows.iter_mut().enumerate().take(ROWS) {
        let coefficients = both(&a[i], &b[i]);
        let limit = _mm256_broadcastsi128_si256(load8_words(&limits[i]));
        excess = _mm256_or_si256(excess, _mm256_subs_epu16(_mm256_abs_epi16(coefficients), limit));
        *row = _mm256_mullo_epi16(coefficients, _mm256_broadcastsi128_si256(load8_words(&steps[i])));
    }
    let zero = _mm256_setzero_si256();
    for block in pair {
        for two in block.as_chunks_mut::<16>().0.iter_mut().take(ROWS / 2) {
            store16_words(two, zero);
        }
    }
    (rows, excess)
}

/// The samples of two blocks, two rows of both in each vector, and a vector that is zero if all numbers before,
/// between and behind the passes were within their limits. With `LITTLE`, only the upper left quarters of the
/// blocks are not zero, and half of the work is left out.
#[inline]
#[target_feature(enable = "avx2")]
fn transform<const LITTLE: bool>(pair: &mut [Block; 2], quant: &Quant) -> ([__m256i; 4], __m256i) {
    let (rows, excess) = if LITTLE { dequantise::<4>(pair, quant) } else { dequantise::<8>(pair, quant) };
    let between = transpose(pass::<{ SHIFT_COLUMNS as i32 }, LITTLE, LITTLE>(rows));
    let samples = pass::<{ SHIFT_ROWS as i32 }, LITTLE, false>(between);
    let beyond = _mm256_or_si256(beyond(between, MAX_BETWEEN), beyond(samples, MAX_SAMPLE));
    (interleave_rows(samples), _mm256_or_si256(excess, beyond))
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

/// Eight vectors transformed lane by lane and shifted down by `SHIFT`; see the scalar twin. With `FOUR`, the last
/// four are zero; with `LEFT`, so are the last four lanes of all.
#[inline]
#[target_feature(enable = "avx2")]
fn pass<const SHIFT: i32, const FOUR: bool, const LEFT: bool>(x: [__m256i; 8]) -> [__m256i; 8] {
    let mut x = x;
    if FOUR {
        // What the compiler knows to be zero it leaves out.
        let zero = _mm256_setzero_si256();
        (x[4], x[5], x[6], x[7]) = (zero, zero, zero, zero);
    }
    let (z3, z4) = (_mm256_add_epi16(x[7], x[3]), _mm256_add_epi16(x[5], x[1]));
    let low = half_pass::<SHIFT>([
        _mm256_unpacklo_epi16(x[0], x[4]),
        _mm256_unpacklo_epi16(x[2], x[6]),
        _mm256_unpacklo_epi16(x[7], x[1]),
        _mm256_unpacklo_epi16(x[5], x[3]),
        _mm256_unpacklo_epi16(z3, z4),
    ]);
    if LEFT {
        return low.map(|low| _mm256_packs_epi32(low, _mm256_setzero_si256()));
    }
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
