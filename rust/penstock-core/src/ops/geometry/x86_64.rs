//! Geometry in vectors: interpolation by hand, and what the compiler makes of plain loops.

use std::arch::x86_64::{
    __m128, __m128i, __m256d, __m512, __m512i, _CMP_GT_OQ, _CMP_LT_OQ, _MM_FROUND_NO_EXC,
    _MM_FROUND_TO_NEAREST_INT, _mm_add_epi32, _mm_and_ps, _mm_andnot_ps, _mm_cmp_ps, _mm_cvtepi32_ps,
    _mm_cvtepu8_epi32, _mm_cvtsi32_si128, _mm_cvttps_epi32, _mm_fmadd_ps, _mm_max_ps, _mm_min_ps,
    _mm_movemask_ps, _mm_packus_epi16, _mm_packus_epi32, _mm_set_epi8, _mm_set_epi32, _mm_set1_ps,
    _mm_setzero_ps, _mm_setzero_si128, _mm_shuffle_epi8, _mm_sub_epi32, _mm_sub_ps, _mm256_add_pd,
    _mm256_castps_si256, _mm256_castps256_ps128, _mm256_cvtepi32_pd, _mm256_cvtepi32_ps, _mm256_cvttpd_epi32,
    _mm256_extractf128_ps, _mm256_fmadd_ps, _mm256_max_pd, _mm256_min_pd, _mm256_mul_pd, _mm256_set_m128i,
    _mm256_set1_pd, _mm256_set1_ps, _mm256_setzero_pd, _mm256_setzero_ps, _mm256_shuffle_epi8, _mm256_sub_pd,
    _mm512_abs_ps, _mm512_castsi256_si512, _mm512_castsi512_ps, _mm512_castsi512_si256, _mm512_cmp_ps_mask,
    _mm512_cvtepi32_ps, _mm512_cvtpd_ps, _mm512_cvttps_epi32, _mm512_extracti32x4_epi32, _mm512_fmadd_ps,
    _mm512_inserti64x4, _mm512_or_si512, _mm512_permutexvar_epi8, _mm512_roundscale_ps, _mm512_set1_ps,
    _mm512_setzero_si512, _mm512_shuffle_epi8, _mm512_slli_epi32, _mm512_sub_epi32, _mm512_sub_ps,
};

use penstock_jpeg::simd::arch::x86_64::memory::{load8_doubles, load16, load32, load64, store16, store32};

use super::field::Field;
use super::inside::Inside;
use super::places::{Frame, Places, Run};
use super::sample::{self, Interpolation, Pixels};
use super::sampled_floats::SampledFloats;
use super::sampled_grid::{SampledGrid, Texels};
use crate::image::{Planes, Region};

/// See [`Field::fill`].
#[target_feature(enable = "avx2,fma")]
pub(crate) fn places_avx2(field: &Field, frame: &Frame, wanted: &Region, places: &mut Places) {
    field.fill(frame, wanted, places);
}

/// See [`Field::fill`].
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx512vnni,avx2,fma")]
pub(crate) fn places_avx512(field: &Field, frame: &Frame, wanted: &Region, places: &mut Places) {
    field.fill(frame, wanted, places);
}

/// See [`SampledGrid::row`].
#[target_feature(enable = "avx2,fma")]
pub(crate) fn sampled(
    grid: &SampledGrid,
    texels: &Texels<'_>,
    channels: usize,
    [row, first]: [u32; 2],
    out: &mut [u8],
) {
    if channels == 3 {
        grid.row::<3>(texels, row, first, out);
    } else {
        grid.row::<1>(texels, row, first, out);
    }
}

/// See [`SampledFloats::row`].
#[target_feature(enable = "avx2,fma")]
pub(super) fn sampled_floats(
    step: &SampledFloats,
    source: &Planes,
    from: [u32; 2],
    to: (usize, &mut Planes),
) {
    step.row(source, from, to);
}

/// See [`sample::run`]; three channels and the next pixel's first are four doubles.
#[target_feature(enable = "avx2,fma")]
pub(crate) fn sample_avx2(interpolation: Interpolation, pixels: &Pixels<'_>, run: &Run<'_>, out: &mut [u8]) {
    match interpolation {
        Interpolation::Bilinear if pixels.step == 3 => bilinear(pixels, run, out),
        Interpolation::Bicubic if pixels.step == 3 => bicubic(pixels, run, out),
        _ => sample::run(interpolation, pixels, run, out),
    }
}

/// See [`sample::run`].
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx2,fma")]
pub(crate) fn sample_avx512(
    interpolation: Interpolation,
    pixels: &Pixels<'_>,
    run: &Run<'_>,
    out: &mut [u8],
) {
    match interpolation {
        Interpolation::Bilinear if pixels.step == 3 => bilinear_avx512(pixels, run, out),
        _ => sample_avx2(interpolation, pixels, run, out),
    }
}

/// See [`super::dispatch::nearest`].
#[target_feature(enable = "avx2,fma")]
pub(crate) fn nearest_rows(
    pixels: &Pixels<'_>,
    offsets: &[i32],
    width: usize,
    out: &mut [u8],
    stride: usize,
) {
    let rows = out.chunks_mut(stride).zip((0..offsets.len()).step_by(width));
    let rows = rows.filter_map(|(out, first)| Some((out.get_mut(..width * pixels.step)?, first)));
    if pixels.step == 3 {
        let Some(inside) = Inside::new(pixels, offsets) else { return };
        for (out, first) in rows {
            nearest(&inside, first, out);
        }
    } else {
        let Some(inside) = Inside::new(pixels, offsets) else { return };
        for (out, first) in rows {
            nearest_gray(&inside, first, out);
        }
    }
}

/// Pixels that a vector has a word of.
const LANES: usize = 16;

/// Writes sixteen pixels, without their fourth bytes, if there is room for them.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx2,fma")]
fn write_threes(words: __m512i, out: &mut [u8]) {
    let threes = _mm512_permutexvar_epi8(load64(&THREES), words);
    if let Some((low, high)) = out.split_first_chunk_mut()
        && let Some(high) = high.first_chunk_mut()
    {
        store32(low, _mm512_castsi512_si256(threes));
        store16(high, _mm512_extracti32x4_epi32::<2>(threes));
    }
}

/// The places of the first three of each four bytes.
static THREES: [u8; 64] = {
    let mut places = [0; 64];
    let mut i = 0;
    while i < 48 {
        places[i] = (i / 3 * 4 + i % 3) as u8;
        i += 1;
    }
    places
};

/// Four pixels at a time, of which the fourth lanes are dropped.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn nearest(inside: &Inside<'_, 1, 4>, first: usize, out: &mut [u8]) {
    let threes = _mm_set_epi8(-1, -1, -1, -1, 14, 13, 12, 10, 9, 8, 6, 5, 4, 2, 1, 0);
    let mut done = 0;
    while let Some(slot) = out.get_mut(done * 3..).and_then(<[u8]>::first_chunk_mut) {
        let word = |i: usize| i32::from_le_bytes(inside.load(first + done + i, 0, 0));
        let four = _mm_set_epi32(word(3), word(2), word(1), word(0));
        store16(slot, _mm_shuffle_epi8(four, threes));
        done += 4;
    }
    let left = out.get_mut(done * 3..).unwrap_or_default();
    for (i, out) in left.as_chunks_mut::<3>().0.iter_mut().enumerate() {
        *out = inside.load(first + done + i, 0, 0);
    }
}

/// Eight pixels of one byte at a time.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn nearest_gray(inside: &Inside<'_, 1, 1>, first: usize, out: &mut [u8]) {
    let (groups, rest) = out.as_chunks_mut::<8>();
    let done = groups.len() * 8;
    for (group, slot) in groups.iter_mut().enumerate() {
        *slot = std::array::from_fn(|i| u8::from_le_bytes(inside.load(first + group * 8 + i, 0, 0)));
    }
    for (i, byte) in rest.iter_mut().enumerate() {
        [*byte] = inside.load(first + done + i, 0, 0);
    }
}

/// Four bytes as integers.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn integers(bytes: [u8; 4]) -> __m128i {
    _mm_cvtepu8_epi32(_mm_cvtsi32_si128(i32::from_le_bytes(bytes)))
}

/// Writes up to four pixels of four integers from 0 to 255, without their fourth lanes.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn write(made: [__m128i; 4], out: &mut [u8]) {
    let threes = _mm_set_epi8(-1, -1, -1, -1, 14, 13, 12, 10, 9, 8, 6, 5, 4, 2, 1, 0);
    let [a, b, c, d] = made;
    let bytes = _mm_packus_epi16(_mm_packus_epi32(a, b), _mm_packus_epi32(c, d));
    let bytes = _mm_shuffle_epi8(bytes, threes);
    if let Some(out) = out.first_chunk_mut() {
        store16(out, bytes);
    } else {
        let mut left = [0; 16];
        store16(&mut left, bytes);
        for (out, byte) in out.iter_mut().zip(&left).take(12) {
            *out = *byte;
        }
    }
}

#[inline]
#[target_feature(enable = "avx2,fma")]
fn bilinear(pixels: &Pixels<'_>, run: &Run<'_>, out: &mut [u8]) {
    let Some(inside) = Inside::<2, 7>::new(pixels, run.offsets) else { return };
    let fractions = run.fractions[0].chunks(4).zip(run.fractions[1].chunks(4));
    for (group, (dx, dy)) in fractions.enumerate() {
        let mut made = [_mm_setzero_si128(); 4];
        for (i, (made, (dx, dy))) in made.iter_mut().zip(dx.iter().zip(dy)).enumerate() {
            *made = between(&inside, group * 4 + i, [*dx, *dy]);
        }
        let Some(out) = out.get_mut(group * 12..) else { return };
        write(made, out);
    }
}

/// Sixteen pixels at a time: in single precision, or by [`between`] where that leaves doubt. The last sixteen are moved back to
/// end with the run.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx2,fma")]
fn bilinear_avx512(pixels: &Pixels<'_>, run: &Run<'_>, out: &mut [u8]) {
    let Some(last) = run.offsets.len().checked_sub(LANES) else { return bilinear(pixels, run, out) };
    let Some(inside) = Inside::<2, 7>::new(pixels, run.offsets) else { return };
    let doubt = _mm512_set1_ps(DOUBT);
    for first in (0..last).step_by(LANES).chain([last]) {
        let [Some(dx), Some(dy)] = run.fractions.map(|places| single(places, first)) else { return };
        let [upper, lower] = [0, 1].map(|row| [0, 3].map(|at| inside.gather(first, row, at)));
        let mut words = _mm512_setzero_si512();
        let mut doubts = 0;
        for channel in CHANNELS.iter().rev() {
            let channel = load64(channel);
            let [upper, lower] = [upper, lower].map(|pair| {
                let [left, right] = pair.map(|pixels| _mm512_shuffle_epi8(pixels, channel));
                let change = _mm512_cvtepi32_ps(_mm512_sub_epi32(right, left));
                _mm512_fmadd_ps(change, dx, _mm512_cvtepi32_ps(left))
            });
            let value = _mm512_fmadd_ps(_mm512_sub_ps(lower, upper), dy, upper);
            let nearest = _mm512_roundscale_ps::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(value);
            let off = _mm512_abs_ps(_mm512_sub_ps(value, nearest));
            doubts |= _mm512_cmp_ps_mask::<_CMP_LT_OQ>(off, doubt);
            words = _mm512_or_si512(_mm512_slli_epi32::<8>(words), _mm512_cvttps_epi32(value));
        }
        let Some(out) = out.get_mut(first * 3..) else { return };
        write_threes(words, out);
        if doubts != 0 {
            settle(&inside, run, first, doubts, out);
        }
    }
}

/// Makes those of sixteen pixels again that are in doubt, unless all that they are made of is alike: such a value is exact.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn settle(inside: &Inside<'_, 2, 7>, run: &Run<'_>, first: usize, doubts: u16, out: &mut [u8]) {
    let pixels = out.as_chunks_mut::<3>().0.iter_mut().take(LANES).enumerate();
    for (i, out) in pixels.filter(|(i, _)| doubts >> i & 1 == 1) {
        let pixel = first + i;
        let rows = [0, 1].map(|row| inside.load::<6>(pixel, row, 0));
        let [upper, lower] = rows;
        if upper == lower && upper.first_chunk::<3>() == upper.last_chunk() {
            continue;
        }
        let [Some(dx), Some(dy)] = run.fractions.map(|places| places.get(pixel)) else { return };
        let made = between(inside, pixel, [*dx, *dy]);
        write([made, made, made, made], out);
    }
}

/// Sixteen numbers from a place on, in single precision.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx2,fma")]
fn single(places: &[f64], first: usize) -> Option<__m512> {
    let places: &[f64; LANES] = places.get(first..)?.first_chunk()?;
    let [low, high] = places.as_chunks::<8>().0 else { return None };
    let [low, high] = [low, high].map(|half| _mm512_cvtpd_ps(load8_doubles(half)));
    let [low, high] = [_mm256_castps_si256(low), _mm256_castps_si256(high)];
    Some(_mm512_castsi512_ps(_mm512_inserti64x4::<1>(_mm512_castsi256_si512(low), high)))
}

/// For each channel, the places of its bytes in four words, each as a word.
static CHANNELS: [[u8; 64]; 3] = {
    let mut channels = [[0x80; 64]; 3];
    let mut word = 0;
    while word < 3 * 16 {
        let (channel, lane) = (word / 16, word % 16);
        channels[channel][lane * 4] = (lane % 4 * 4 + channel) as u8;
        word += 1;
    }
    channels
};

/// Whether one of three numbers is so near to an integer that another way to compute it might be on its other side. What is
/// near 0 is 0 on either side.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn doubtful(value: __m128, integers: __m128i, doubt: f32) -> bool {
    let half = _mm_set1_ps(0.5);
    let middle = _mm_sub_ps(_mm_sub_ps(value, _mm_cvtepi32_ps(integers)), half);
    let middle = _mm_andnot_ps(_mm_set1_ps(-0.0), middle);
    let near = _mm_cmp_ps::<_CMP_GT_OQ>(middle, _mm_set1_ps(0.5 - doubt));
    _mm_movemask_ps(_mm_and_ps(near, _mm_cmp_ps::<_CMP_GT_OQ>(value, half))) & 7 != 0
}

/// A pixel of four, as integers.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn between(inside: &Inside<'_, 2, 7>, pixel: usize, [dx, dy]: [f64; 2]) -> __m128i {
    let (dx, dy) = (_mm256_set1_pd(dx), _mm256_set1_pd(dy));
    let mut rows = [dx; 2];
    for (row, between) in rows.iter_mut().enumerate() {
        let (left, right) = (integers(inside.load(pixel, row, 0)), integers(inside.load(pixel, row, 3)));
        let (start, change) = (_mm256_cvtepi32_pd(left), _mm256_cvtepi32_pd(_mm_sub_epi32(right, left)));
        *between = _mm256_add_pd(start, _mm256_mul_pd(change, dx));
    }
    let [upper, lower] = rows;
    _mm256_cvttpd_epi32(_mm256_add_pd(upper, _mm256_mul_pd(_mm256_sub_pd(lower, upper), dy)))
}

/// `b + d * (second + d * (third + d * last))`.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn cubic(b: __m256d, second: __m256d, third: __m256d, last: __m256d, d: __m256d) -> __m256d {
    let value = _mm256_add_pd(third, _mm256_mul_pd(d, last));
    let value = _mm256_add_pd(second, _mm256_mul_pd(d, value));
    _mm256_add_pd(b, _mm256_mul_pd(d, value))
}

/// A pixel of sixteen, as integers, in Pillow's own order of operations.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn exact(inside: &Inside<'_, 4, 16>, pixel: usize, [dx, dy]: [f64; 2]) -> __m128i {
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
    _mm256_cvttpd_epi32(_mm256_min_pd(_mm256_max_pd(value, _mm256_setzero_pd()), _mm256_set1_pd(255.0)))
}

/// How far a sum in single precision may be from Pillow's, and more: weights are off by 2^-25, sums of up to 512 by 2^-16
/// for each addition.
const DOUBT: f32 = 1.0 / 2048.0;

/// Pixels whose weights are computed at a time.
const BATCH: usize = 32;

/// For each of four pixels, its weights: by how far places are behind the second of the four.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn weights(places: &[f64], weights: &mut [[f32; BATCH]; 4]) {
    let [first, second, third, fourth] = weights;
    let pairs = first.iter_mut().zip(second).zip(third.iter_mut().zip(fourth));
    for (d, ((first, second), (third, fourth))) in places.iter().zip(pairs) {
        let (square, cube) = (d * d, d * d * d);
        *first = (2.0 * square - d - cube) as f32;
        *second = (1.0 - 2.0 * square + cube) as f32;
        *third = (d + square - cube) as f32;
        *fourth = (cube - square) as f32;
    }
}

#[inline]
#[target_feature(enable = "avx2,fma")]
fn bicubic(pixels: &Pixels<'_>, run: &Run<'_>, out: &mut [u8]) {
    let Some(inside) = Inside::<4, 16>::new(pixels, run.offsets) else { return };
    let [mut across, mut down] = [[[0.0; BATCH]; 4]; 2];
    let batches = run.fractions[0].chunks(BATCH).zip(run.fractions[1].chunks(BATCH));
    for (batch, (dx, dy)) in batches.enumerate() {
        weights(dx, &mut across);
        weights(dy, &mut down);
        for (group, (dx, dy)) in dx.chunks(4).zip(dy.chunks(4)).enumerate().take(BATCH / 4) {
            let first = batch * BATCH + group * 4;
            let mut made = [_mm_setzero_si128(); 4];
            for (i, (made, (dx, dy))) in made.iter_mut().zip(dx.iter().zip(dy)).enumerate() {
                *made = smooth(&inside, first + i, [&across, &down], group * 4 + i, [*dx, *dy]);
            }
            let Some(out) = out.get_mut(first * 3..) else { return };
            write(made, out);
        }
    }
}

/// A pixel of sixteen, as integers: in single precision, two rows at a time, or [`exact`] where that leaves doubt.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn smooth(
    inside: &Inside<'_, 4, 16>,
    pixel: usize,
    [across, down]: [&[[f32; BATCH]; 4]; 2],
    of: usize,
    place: [f64; 2],
) -> __m128i {
    let mut sum = _mm_setzero_ps();
    for (pair, down) in down.as_chunks::<2>().0.iter().enumerate() {
        let row = |row: usize| load16(&inside.load(pixel, 2 * pair + row, 0));
        let rows = _mm256_set_m128i(row(1), row(0));
        let mut of_rows = _mm256_setzero_ps();
        for (spread, weights) in SPREADS.iter().zip(across) {
            let values = _mm256_cvtepi32_ps(_mm256_shuffle_epi8(rows, load32(spread)));
            of_rows = _mm256_fmadd_ps(values, _mm256_set1_ps(weights[of]), of_rows);
        }
        let [upper, lower] = down;
        sum = _mm_fmadd_ps(_mm256_castps256_ps128(of_rows), _mm_set1_ps(upper[of]), sum);
        sum = _mm_fmadd_ps(_mm256_extractf128_ps::<1>(of_rows), _mm_set1_ps(lower[of]), sum);
    }
    let sum = _mm_min_ps(_mm_max_ps(sum, _mm_setzero_ps()), _mm_set1_ps(255.0 + DOUBT));
    let integers = _mm_cvttps_epi32(sum);
    if !doubtful(sum, integers, DOUBT) {
        return integers;
    }
    // What is the same everywhere is what it is.
    let rows = [0, 1, 2, 3].map(|row| inside.load::<12>(pixel, row, 0));
    let [[r, g, b, ..], ..] = rows;
    if rows.as_flattened().chunks_exact(3).all(|pixel| pixel == [r, g, b]) {
        return _mm_set_epi32(0, b.into(), g.into(), r.into());
    }
    exact(inside, pixel, place)
}

/// The places of four bytes that become the lanes of a half, for the first of four pixels and for those behind it.
const SPREADS: [[u8; 32]; 4] = {
    let mut spreads = [[0x80; 32]; 4];
    let mut lane = 0;
    while lane < 32 {
        let (pixel, channel) = (lane / 8, lane / 2 % 4);
        let half = lane % 2;
        spreads[pixel][half * 16 + channel * 4] = (pixel * 3 + channel) as u8;
        lane += 1;
    }
    spreads
};
