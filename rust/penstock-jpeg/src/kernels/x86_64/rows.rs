//! Vector kernels for AVX2: unstuffing, upsampling, colour. Each does what its scalar twin does, to the bit.
#![expect(clippy::inline_always, reason = "parts of loops that are compiled for several processors")]
//!
//! The code is safe: memory is touched only through the loads and stores of `simd`, which take references to
//! arrays. Values are 16 bits wide where the scalar twin's bounds allow it.

use std::arch::x86_64::{
    __m128i, __m256i, _mm256_add_epi16, _mm256_add_epi32, _mm256_blendv_epi8, _mm256_castsi256_si128,
    _mm256_cmpeq_epi8, _mm256_cvtepu8_epi16, _mm256_extracti128_si256, _mm256_madd_epi16,
    _mm256_movemask_epi8, _mm256_mulhi_epi16, _mm256_mulhrs_epi16, _mm256_mullo_epi16, _mm256_or_si256,
    _mm256_packs_epi32, _mm256_packus_epi16, _mm256_permute2x128_si256, _mm256_permute4x64_epi64,
    _mm256_set1_epi8, _mm256_set1_epi16, _mm256_set1_epi32, _mm256_setzero_si256, _mm256_shuffle_epi8,
    _mm256_slli_epi16, _mm256_srai_epi16, _mm256_srai_epi32, _mm256_srli_epi16, _mm256_sub_epi16,
    _mm256_unpackhi_epi8, _mm256_unpackhi_epi16, _mm256_unpacklo_epi8, _mm256_unpacklo_epi16,
};

use crate::kernels::{color, unstuff, upsample};
use crate::simd::arch::x86_64::memory::{load32, store32};

/// Samples that the row kernels take at a time.
const CHUNK: usize = 32;

/// The upper half.
#[inline]
#[target_feature(enable = "avx2")]
pub(crate) fn upper(vector: __m256i) -> __m128i {
    _mm256_extracti128_si256::<1>(vector)
}

/// Two 16-bit factors in every 32 bits: the first one lower.
#[inline]
#[target_feature(enable = "avx2")]
pub(crate) fn factors(first: i32, second: i32) -> __m256i {
    _mm256_set1_epi32((first & 0xFFFF) | (second << 16))
}

/// The first samples of a row.
#[inline]
fn row_at<const N: usize>(out: &mut [u8], at: usize) -> Option<&mut [u8; N]> {
    out.get_mut(at..)?.first_chunk_mut()
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
pub(crate) fn ycc_to_pixels<const BGR: bool>(rows: [&[u8]; 3], out: &mut [u8]) {
    let done = by_chunks::<CHUNK, { 3 * CHUNK }>(rows, out, |rows, out| {
        let [y, cb, cr] = rows.map(|row| load32(row));
        let [red, green, blue] = colors(y, cb, cr);
        store_pixels(if BGR { [blue, green, red] } else { [red, green, blue] }, out);
    });
    color::ycc_to_pixels::<BGR>(behind(rows, done), out.get_mut(3 * done..).unwrap_or(&mut []));
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

/// See [`unstuff::copy_before_ff`].
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
    done + unstuff::copy_before_ff(bytes, out)
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
fn store_pixels([first, second, third]: [__m256i; 3], out: &mut [u8; 3 * CHUNK]) {
    let first = _mm256_shuffle_epi8(first, load32(&SPREAD[0]));
    let second = _mm256_shuffle_epi8(second, load32(&SPREAD[1]));
    let third = _mm256_shuffle_epi8(third, load32(&SPREAD[2]));
    let (one, two) = (load32(&THIRDS[0]), load32(&THIRDS[1]));
    let mix = |a: __m256i, b: __m256i, c: __m256i| _mm256_blendv_epi8(_mm256_blendv_epi8(a, b, one), c, two);
    // Three times 16 bytes of 16 pixels, in each half.
    let (p, q, r) = (mix(first, second, third), mix(second, third, first), mix(third, first, second));
    let parts = [
        _mm256_permute2x128_si256::<0x20>(p, q),
        _mm256_permute2x128_si256::<0x30>(r, p),
        _mm256_permute2x128_si256::<0x31>(q, r),
    ];
    for (out, part) in out.as_chunks_mut().0.iter_mut().zip(parts) {
        store32(out, part);
    }
}
