//! Vector kernels for AVX-512 with VBMI, where its permutations pay: colour.
//!
//! All else at this level is done by AVX2.

use std::arch::x86_64::{
    __m512i, _mm512_add_epi16, _mm512_add_epi32, _mm512_madd_epi16, _mm512_mask_permutexvar_epi8,
    _mm512_mulhi_epi16, _mm512_mulhrs_epi16, _mm512_packs_epi32, _mm512_packus_epi16,
    _mm512_permutexvar_epi8, _mm512_set1_epi16, _mm512_set1_epi32, _mm512_setzero_si512, _mm512_slli_epi16,
    _mm512_srai_epi16, _mm512_srai_epi32, _mm512_sub_epi16, _mm512_unpackhi_epi8, _mm512_unpackhi_epi16,
    _mm512_unpacklo_epi8, _mm512_unpacklo_epi16,
};

use crate::color;
use crate::simd::memory::{load64, store64};
use crate::x86::{behind, by_chunks};

/// Samples that the row kernels take at a time.
const CHUNK: usize = 64;

/// Two 16-bit factors in every 32 bits: the first one lower.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx2")]
fn factors(first: i32, second: i32) -> __m512i {
    _mm512_set1_epi32((first & 0xFFFF) | (second << 16))
}

/// 64 sample triples to red, green and blue; step for step what AVX2 does.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx2")]
fn colors(y: __m512i, cb: __m512i, cr: __m512i) -> [__m512i; 3] {
    let zero = _mm512_setzero_si512();
    let one = _mm512_set1_epi16(1);
    let centre = _mm512_set1_epi16(128);
    let half = _mm512_set1_epi32(1 << 15);
    let split = |v: __m512i| [_mm512_unpacklo_epi8(v, zero), _mm512_unpackhi_epi8(v, zero)];
    let (y, cb, cr) = (split(y), split(cb), split(cr));
    let mut halves = [[zero; 2]; 3];
    for i in 0..2 {
        let (y, cb, cr) = (y[i], _mm512_sub_epi16(cb[i], centre), _mm512_sub_epi16(cr[i], centre));
        let rest = _mm512_mulhi_epi16(_mm512_slli_epi16::<1>(cr), _mm512_set1_epi16(26_345));
        let rest = _mm512_srai_epi16::<1>(_mm512_add_epi16(rest, one));
        let red = _mm512_add_epi16(_mm512_add_epi16(y, cr), rest);
        let rest = _mm512_mulhrs_epi16(cb, _mm512_set1_epi16(-7471));
        let blue = _mm512_add_epi16(_mm512_add_epi16(y, _mm512_add_epi16(cb, cb)), rest);
        let mix = factors(-22_554, 18_734);
        let scaled =
            |pairs: __m512i| _mm512_srai_epi32::<16>(_mm512_add_epi32(_mm512_madd_epi16(pairs, mix), half));
        let (low, high) = (_mm512_unpacklo_epi16(cb, cr), _mm512_unpackhi_epi16(cb, cr));
        let rest = _mm512_packs_epi32(scaled(low), scaled(high));
        let green = _mm512_add_epi16(_mm512_sub_epi16(y, cr), rest);
        (halves[0][i], halves[1][i], halves[2][i]) = (red, green, blue);
    }
    halves.map(|[low, high]| _mm512_packus_epi16(low, high))
}

/// For each of three times 64 bytes of pixels, which pixel a byte belongs to.
const PIXELS: [[u8; CHUNK]; 3] = {
    let mut pixels = [[0; CHUNK]; 3];
    let mut i = 0;
    while i < 3 * CHUNK {
        pixels[i / CHUNK][i % CHUNK] = (i / 3) as u8;
        i += 1;
    }
    pixels
};

/// The bytes of these that are green, or blue.
const fn marks(channel: usize) -> [u64; 3] {
    let mut marks = [0; 3];
    let mut i = channel;
    while i < 3 * CHUNK {
        marks[i / CHUNK] |= 1 << (i % CHUNK);
        i += 3;
    }
    marks
}

const GREEN: [u64; 3] = marks(1);
const BLUE: [u64; 3] = marks(2);

/// Interleaves three times 64 bytes.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx2")]
fn store_pixels([red, green, blue]: [__m512i; 3], out: &mut [u8; 3 * CHUNK]) {
    for (i, out) in out.as_chunks_mut().0.iter_mut().enumerate() {
        let pixels = load64(&PIXELS[i]);
        let part = _mm512_permutexvar_epi8(pixels, red);
        let part = _mm512_mask_permutexvar_epi8(part, GREEN[i], pixels, green);
        store64(out, _mm512_mask_permutexvar_epi8(part, BLUE[i], pixels, blue));
    }
}

/// See [`color::ycc_to_pixels`].
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx2")]
pub(crate) fn ycc_to_pixels(rows: [&[u8]; 3], out: &mut [u8]) {
    let done = by_chunks::<CHUNK, { 3 * CHUNK }>(rows, out, |rows, out| {
        let [y, cb, cr] = rows.map(|row| load64(row));
        store_pixels(colors(y, cb, cr), out);
    });
    color::ycc_to_pixels(behind(rows, done), out.get_mut(3 * done..).unwrap_or(&mut []));
}

/// See [`color::rgb_to_pixels`].
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx2")]
pub(crate) fn rgb_to_pixels(rows: [&[u8]; 3], out: &mut [u8]) {
    let done = by_chunks::<CHUNK, { 3 * CHUNK }>(rows, out, |rows, out| {
        store_pixels(rows.map(|row| load64(row)), out);
    });
    color::rgb_to_pixels(behind(rows, done), out.get_mut(3 * done..).unwrap_or(&mut []));
}
