//! Geometry in vectors: interpolation by hand, and what the compiler makes of plain loops.

use std::arch::x86_64::{
    __m128i, __m256d, _CMP_GT_OQ, _mm_add_epi32, _mm_add_ps, _mm_and_ps, _mm_andnot_ps, _mm_cmp_ps,
    _mm_cvtepi32_ps, _mm_cvtepu8_epi32, _mm_cvtsi32_si128, _mm_cvtsi128_si32, _mm_cvttps_epi32, _mm_max_ps,
    _mm_min_ps, _mm_movemask_ps, _mm_set_epi8, _mm_set_epi32, _mm_set1_ps, _mm_setzero_ps, _mm_setzero_si128,
    _mm_shuffle_epi8, _mm_sub_epi32, _mm_sub_ps, _mm256_add_pd, _mm256_castps256_ps128, _mm256_cvtepi32_pd,
    _mm256_cvtepi32_ps, _mm256_cvttpd_epi32, _mm256_extractf128_ps, _mm256_fmadd_ps, _mm256_max_pd,
    _mm256_min_pd, _mm256_mul_pd, _mm256_set_epi32, _mm256_set_m128, _mm256_set_m128i, _mm256_set1_pd,
    _mm256_set1_ps, _mm256_setzero_pd, _mm256_setzero_ps, _mm256_shuffle_epi8, _mm256_sub_pd,
};
use std::ops::Range;

use penstock_jpeg::simd::arch::x86_64::memory::{load16, store16};

use super::dispatch::Inside;
use super::field::{Field, Frame, Places, Run};
use super::sample::{self, Interpolation, Pixels, store};

/// See [`Field::row`].
#[target_feature(enable = "avx2,fma")]
pub(crate) fn places_avx2(field: &Field, frame: &Frame, row: u32, columns: &Range<u32>, places: &mut Places) {
    field.row(frame, row, columns, places);
}

/// See [`Field::row`].
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx512vnni,avx2,fma")]
pub(crate) fn places_avx512(
    field: &Field,
    frame: &Frame,
    row: u32,
    columns: &Range<u32>,
    places: &mut Places,
) {
    field.row(frame, row, columns, places);
}

/// See [`sample::run`]; three channels and the next pixel's first are four doubles.
#[target_feature(enable = "avx2,fma")]
pub(crate) fn sample(interpolation: Interpolation, pixels: &Pixels<'_>, run: &Run<'_>, out: &mut [u8]) {
    match interpolation {
        Interpolation::Nearest if pixels.step == 3 => nearest(pixels, run, out),
        Interpolation::Bilinear if pixels.step == 3 => bilinear(pixels, run, out),
        Interpolation::Bicubic if pixels.step == 3 => bicubic(pixels, run, out),
        _ => sample::run(interpolation, pixels, run, out),
    }
}

/// Four pixels at a time, of which the fourth lanes are dropped.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn nearest(pixels: &Pixels<'_>, run: &Run<'_>, out: &mut [u8]) {
    let threes = _mm_set_epi8(-1, -1, -1, -1, 14, 13, 12, 10, 9, 8, 6, 5, 4, 2, 1, 0);
    let Some(inside) = Inside::<1, 4>::new(pixels, run.offsets) else { return };
    let mut done = 0;
    while done + 4 <= inside.len()
        && let Some(slot) = out.get_mut(done * 3..).and_then(<[u8]>::first_chunk_mut)
    {
        let word = |i: usize| i32::from_le_bytes(inside.load(done + i, 0, 0));
        let four = _mm_set_epi32(word(3), word(2), word(1), word(0));
        store16(slot, _mm_shuffle_epi8(four, threes));
        done += 4;
    }
    let (Some(offsets), Some(out)) = (run.offsets.get(done..), out.get_mut(done * 3..)) else { return };
    sample::nearest::<3, 4>(pixels, &Run { offsets, ..*run }, out);
}

/// Four bytes as integers.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn integers(bytes: [u8; 4]) -> __m128i {
    _mm_cvtepu8_epi32(_mm_cvtsi32_si128(i32::from_le_bytes(bytes)))
}

/// The bytes of four numbers, none of them outside, without their fractions.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn bytes(values: __m256d) -> [u8; 4] {
    let lowest = _mm_set_epi8(-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 12, 8, 4, 0);
    _mm_cvtsi128_si32(_mm_shuffle_epi8(_mm256_cvttpd_epi32(values), lowest)).to_le_bytes()
}

#[inline]
#[target_feature(enable = "avx2,fma")]
fn bilinear(pixels: &Pixels<'_>, run: &Run<'_>, out: &mut [u8]) {
    let Some(inside) = Inside::<2, 7>::new(pixels, run.offsets) else { return };
    let fractions = run.fractions[0].iter().zip(run.fractions[1]);
    for (pixel, (dx, dy)) in (0..inside.len()).zip(fractions) {
        let Some(out) = out.get_mut(pixel * 3..) else { return };
        let (dx, dy) = (_mm256_set1_pd(*dx), _mm256_set1_pd(*dy));
        let mut between = [dx; 2];
        for (row, between) in between.iter_mut().enumerate() {
            let (left, right) = (integers(inside.load(pixel, row, 0)), integers(inside.load(pixel, row, 3)));
            let (start, change) = (_mm256_cvtepi32_pd(left), _mm256_cvtepi32_pd(_mm_sub_epi32(right, left)));
            *between = _mm256_add_pd(start, _mm256_mul_pd(change, dx));
        }
        let [upper, lower] = between;
        let value = _mm256_add_pd(upper, _mm256_mul_pd(_mm256_sub_pd(lower, upper), dy));
        store(out, bytes(value));
    }
}

/// `b + d * (second + d * (third + d * last))`.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn cubic(b: __m256d, second: __m256d, third: __m256d, last: __m256d, d: __m256d) -> __m256d {
    let value = _mm256_add_pd(third, _mm256_mul_pd(d, last));
    let value = _mm256_add_pd(second, _mm256_mul_pd(d, value));
    _mm256_add_pd(b, _mm256_mul_pd(d, value))
}

/// A pixel of sixteen, in Pillow's own order of operations.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn exact(inside: &Inside<'_, 4, 16>, pixel: usize, [dx, dy]: [f64; 2]) -> [u8; 4] {
    let (dx, dy) = (_mm256_set1_pd(dx), _mm256_set1_pd(dy));
    let mut rows = [dx; 4];
    for (row, value) in rows.iter_mut().enumerate() {
        let [a, b, c, d] = [0, 3, 6, 9].map(|at| inside.load(pixel, row, at));
        let [a, b, c, d] = [integers(a), integers(b), integers(c), integers(d)];
        // Whole numbers, whose order does not matter: a - b, and that with c - d.
        let change = _mm_sub_epi32(a, b);
        let both = _mm_add_epi32(change, _mm_sub_epi32(c, d));
        let (second, third) = (_mm_sub_epi32(c, a), _mm_add_epi32(change, both));
        let last = _mm_sub_epi32(_mm_setzero_si128(), both);
        let [b, second] = [_mm256_cvtepi32_pd(b), _mm256_cvtepi32_pd(second)];
        *value = cubic(b, second, _mm256_cvtepi32_pd(third), _mm256_cvtepi32_pd(last), dx);
    }
    let [a, b, c, d] = rows;
    let change = _mm256_sub_pd(a, b);
    let third = _mm256_sub_pd(_mm256_add_pd(_mm256_add_pd(change, change), c), d);
    let last = _mm256_add_pd(_mm256_sub_pd(_mm256_sub_pd(b, a), c), d);
    let value = cubic(b, _mm256_sub_pd(c, a), third, last, dy);
    // What is no number becomes 0.
    bytes(_mm256_min_pd(_mm256_max_pd(value, _mm256_setzero_pd()), _mm256_set1_pd(255.0)))
}

/// How far a sum in single precision may be from Pillow's, and more: weights are off by 2^-25, sums of up to 512 by 2^-16
/// for each addition.
const DOUBT: f32 = 1.0 / 2048.0;

/// The weights of the pixels before a place, at it and behind it, for how far it is behind the second of four.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn weights(d: f64) -> [f32; 4] {
    let (square, cube) = (d * d, d * d * d);
    [
        (2.0 * square - d - cube) as f32,
        (1.0 - 2.0 * square + cube) as f32,
        (d + square - cube) as f32,
        (cube - square) as f32,
    ]
}

/// In single precision, two rows at a time; where that leaves doubt about the integer below, [`exact`].
#[inline]
#[target_feature(enable = "avx2,fma")]
fn bicubic(pixels: &Pixels<'_>, run: &Run<'_>, out: &mut [u8]) {
    let Some(inside) = Inside::<4, 16>::new(pixels, run.offsets) else { return };
    let fractions = run.fractions[0].iter().zip(run.fractions[1]);
    let spread = |first: i8| {
        let lane = |byte: i8| i32::from_le_bytes([byte as u8, 0x80, 0x80, 0x80]);
        let [r, g, b, x] = [0, 1, 2, 3].map(|channel| lane(first + channel));
        _mm256_set_epi32(x, b, g, r, x, b, g, r)
    };
    let spreads = [spread(0), spread(3), spread(6), spread(9)];
    let (one, most, half) = (_mm_set1_ps(1.0), _mm_set1_ps(255.0 + DOUBT), _mm_set1_ps(0.5));
    let (clear, sign) = (_mm_set1_ps(0.5 - DOUBT), _mm_set1_ps(-0.0));
    let lowest = _mm_set_epi8(-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 12, 8, 4, 0);
    for (pixel, (dx, dy)) in (0..inside.len()).zip(fractions) {
        let Some(out) = out.get_mut(pixel * 3..) else { return };
        let (across, down) = (weights(*dx), weights(*dy));
        let mut sum = _mm256_setzero_ps();
        for pair in 0..2 {
            let row = |row: usize| load16(&inside.load(pixel, 2 * pair + row, 0));
            let rows = _mm256_set_m128i(row(1), row(0));
            let mut of_rows = _mm256_setzero_ps();
            for (spread, weight) in spreads.iter().zip(across) {
                let values = _mm256_cvtepi32_ps(_mm256_shuffle_epi8(rows, *spread));
                of_rows = _mm256_fmadd_ps(values, _mm256_set1_ps(weight), of_rows);
            }
            let weights = _mm256_set_m128(_mm_set1_ps(down[2 * pair + 1]), _mm_set1_ps(down[2 * pair]));
            sum = _mm256_fmadd_ps(of_rows, weights, sum);
        }
        let sum = _mm_add_ps(_mm256_castps256_ps128(sum), _mm256_extractf128_ps::<1>(sum));
        let sum = _mm_min_ps(_mm_max_ps(sum, _mm_setzero_ps()), most);
        let integers = _mm_cvttps_epi32(sum);
        // The distance from the middle between two integers; what is near 0 is 0 on either side.
        let middle = _mm_sub_ps(_mm_sub_ps(sum, _mm_cvtepi32_ps(integers)), half);
        let doubt = _mm_cmp_ps::<_CMP_GT_OQ>(_mm_andnot_ps(sign, middle), clear);
        let doubt = _mm_and_ps(doubt, _mm_cmp_ps::<_CMP_GT_OQ>(_mm_add_ps(sum, half), one));
        let made = if _mm_movemask_ps(doubt) & 7 == 0 {
            _mm_cvtsi128_si32(_mm_shuffle_epi8(integers, lowest)).to_le_bytes()
        } else {
            exact(&inside, pixel, [*dx, *dy])
        };
        store(out, made);
    }
}
