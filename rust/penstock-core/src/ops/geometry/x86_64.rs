//! Geometry in vectors: interpolation by hand, and what the compiler makes of plain loops.

use std::arch::x86_64::{
    __m128i, __m256d, _mm_add_epi32, _mm_cvtepu8_epi32, _mm_cvtsi32_si128, _mm_cvtsi128_si32, _mm_set_epi8,
    _mm_set_epi32, _mm_setzero_si128, _mm_shuffle_epi8, _mm_sub_epi32, _mm256_add_pd, _mm256_cvtepi32_pd,
    _mm256_cvttpd_epi32, _mm256_max_pd, _mm256_min_pd, _mm256_mul_pd, _mm256_set1_pd, _mm256_setzero_pd,
    _mm256_sub_pd,
};
use std::ops::Range;

use penstock_jpeg::simd::arch::x86_64::memory::store16;

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
    let (groups, _) = run.offsets.as_chunks::<4>();
    let mut done = 0;
    for [a, b, c, d] in groups {
        let word = |offset: &i32| Some(i32::from_le_bytes(*pixels.bytes::<4>(*offset as usize)?));
        let ([Some(a), Some(b), Some(c), Some(d)], Some(slot)) =
            ([word(a), word(b), word(c), word(d)], out.get_mut(done * 3..).and_then(<[u8]>::first_chunk_mut))
        else {
            break;
        };
        store16(slot, _mm_shuffle_epi8(_mm_set_epi32(d, c, b, a), threes));
        done += 4;
    }
    let (Some(offsets), Some(out)) = (run.offsets.get(done..), out.get_mut(done * 3..)) else { return };
    sample::nearest::<3, 4>(pixels, &Run { offsets, ..*run }, out);
}

/// Four bytes of a row as integers.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn pixel<const BYTES: usize>(row: &[u8; BYTES], at: usize) -> __m128i {
    let bytes = row.get(at..).and_then(<[u8]>::first_chunk).copied().unwrap_or_default();
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
    let fractions = run.fractions[0].iter().zip(run.fractions[1]);
    for (index, (offset, (dx, dy))) in run.offsets.iter().zip(fractions).enumerate() {
        let at = *offset as usize;
        let rows = [pixels.bytes::<7>(at), pixels.bytes(at + pixels.stride)];
        let ([Some(upper), Some(lower)], Some(out)) = (rows, out.get_mut(index * 3..)) else { return };
        let (dx, dy) = (_mm256_set1_pd(*dx), _mm256_set1_pd(*dy));
        let mut between = [dx; 2];
        for (between, row) in between.iter_mut().zip([upper, lower]) {
            let (left, right) = (pixel(row, 0), pixel(row, 3));
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

#[inline]
#[target_feature(enable = "avx2,fma")]
fn bicubic(pixels: &Pixels<'_>, run: &Run<'_>, out: &mut [u8]) {
    let fractions = run.fractions[0].iter().zip(run.fractions[1]);
    let (zero, most) = (_mm256_setzero_pd(), _mm256_set1_pd(255.0));
    for (index, (offset, (dx, dy))) in run.offsets.iter().zip(fractions).enumerate() {
        let Some(out) = out.get_mut(index * 3..) else { return };
        let (dx, dy) = (_mm256_set1_pd(*dx), _mm256_set1_pd(*dy));
        let mut rows = [zero; 4];
        for (i, value) in rows.iter_mut().enumerate() {
            let Some(row) = pixels.bytes::<13>(*offset as usize + i * pixels.stride) else { return };
            let [a, b, c, d] = [pixel(row, 0), pixel(row, 3), pixel(row, 6), pixel(row, 9)];
            // Whole numbers, whose order does not matter: a - b, and that with c - d.
            let change = _mm_sub_epi32(a, b);
            let both = _mm_add_epi32(change, _mm_sub_epi32(c, d));
            let (second, third) = (_mm_sub_epi32(c, a), _mm_add_epi32(change, both));
            let last = _mm_sub_epi32(_mm_setzero_si128(), both);
            *value = cubic(
                _mm256_cvtepi32_pd(b),
                _mm256_cvtepi32_pd(second),
                _mm256_cvtepi32_pd(third),
                _mm256_cvtepi32_pd(last),
                dx,
            );
        }
        let [a, b, c, d] = rows;
        let change = _mm256_sub_pd(a, b);
        let third = _mm256_sub_pd(_mm256_add_pd(_mm256_add_pd(change, change), c), d);
        let last = _mm256_add_pd(_mm256_sub_pd(_mm256_sub_pd(b, a), c), d);
        let value = cubic(b, _mm256_sub_pd(c, a), third, last, dy);
        // What is no number becomes 0.
        store(out, bytes(_mm256_min_pd(_mm256_max_pd(value, zero), most)));
    }
}
