//! A stretch of codes to elements in vectors: all elements with AVX-512, float32 arithmetic with AVX2.
//!
//! A stretch of output is written by whole cache lines, which with `STREAM` go past the caches. What lies
//! before and behind them is covered by one group each that begins or ends with the stretch; it writes some
//! elements twice, with the same bits, and no loop needs a tail. Short stretches are left to the plain table.

use std::arch::x86_64::{
    __m256, __m256i, _mm_cvtsi64_si128, _mm256_castps_si256, _mm256_cvtepi32_ps, _mm256_cvtepu8_epi32,
    _mm256_fmadd_ps, _mm256_mul_ps, _mm256_set1_ps, _mm256_sub_ps,
};

use super::elements::Elements;
use crate::write::table::{Coefficients, Kernel, Table};
use penstock_jpeg::simd::arch::x86_64::lookup::look32_up;
use penstock_jpeg::simd::arch::x86_64::memory::{
    CacheLine, cache_lines, load32, load64, put32_twice, store32,
};

/// Coefficients in every lane.
#[derive(Clone, Copy)]
struct Lanes {
    scale: [__m256; 2],
    mean: __m256,
    std: [__m256; 2],
}

impl Lanes {
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    fn new(c: &Coefficients) -> Self {
        Lanes {
            scale: [c.scale.high, c.scale.low].map(|x| _mm256_set1_ps(x)),
            mean: _mm256_set1_ps(c.mean),
            std: [c.std.high, c.std.low].map(|x| _mm256_set1_ps(x)),
        }
    }
}

/// 8 elements; step for step what `Coefficients::apply` does.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn elements_avx2(codes: [u8; 8], c: &Lanes) -> __m256i {
    let x = _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_cvtsi64_si128(i64::from_le_bytes(codes))));
    let x = _mm256_fmadd_ps(x, c.scale[0], _mm256_mul_ps(x, c.scale[1]));
    let x = _mm256_sub_ps(x, c.mean);
    _mm256_castps_si256(_mm256_fmadd_ps(x, c.std[0], _mm256_mul_ps(x, c.std[1])))
}

/// Float32 elements, a cache line at a time. False, and nothing done, if there are fewer.
#[target_feature(enable = "avx2,fma")]
pub(crate) fn arithmetic_avx2<const STREAM: bool>(c: &Coefficients, codes: &[u8], out: &mut [u8]) -> bool {
    let lanes = Lanes::new(c);
    let Some((ends, skip)) = ends(4, 16, codes, out) else { return false };
    for at in ends.into_iter().flatten().flat_map(|at| [at, at + 8]) {
        if let (Some(codes), Some(out)) = (part(codes, at), part_mut(out, 4 * at)) {
            store32(out, elements_avx2(*codes, &lanes));
        }
    }
    let (_, lines, _) = cache_lines(out);
    let (codes, _) = codes.get(skip..).unwrap_or(&[]).as_chunks::<16>();
    for (codes, line) in codes.iter().zip(lines) {
        let (halves, _) = codes.as_chunks();
        put32_twice::<STREAM>(line, [elements_avx2(halves[0], &lanes), elements_avx2(halves[1], &lanes)]);
    }
    true
}

/// Elements of one byte that are looked up, 32 at a time. False, and nothing done, if there are fewer, or if bytes are the
/// elements.
#[target_feature(enable = "avx2")]
pub(crate) fn lookup_avx2(table: &Table, channel: usize, codes: &[u8], out: &mut [u8]) -> bool {
    let Some(last) = codes.len().checked_sub(32).filter(|_| out.len() == codes.len()) else { return false };
    let (Kernel::Lookup, Some([table])) = (table.kernel(), table.byte_planes::<1>(channel)) else {
        return false;
    };
    for at in (0..last).step_by(32).chain([last]) {
        if let (Some(codes), Some(out)) = (part(codes, at), part_mut(out, at)) {
            store32(out, look32_up(table, load32(codes)));
        }
    }
    true
}

/// Elements of 1, 2 or 4 bytes, 64 at a time. False, and nothing done, if there are fewer, or of 8 bytes.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx2,fma")]
pub(crate) fn convert_avx512<const STREAM: bool>(
    table: &Table,
    channel: usize,
    codes: &[u8],
    out: &mut [u8],
) -> bool {
    let size = table.element_bytes();
    let Some(elements) = Elements::new(table, channel) else { return false };
    let Some((ends, skip)) = ends(size, 64, codes, out) else { return false };
    for at in ends.into_iter().flatten() {
        let mut group = [CacheLine::EMPTY; 4];
        if let Some(codes) = part(codes, at) {
            elements.put::<false>(load64(codes), &mut group);
        }
        let slots = out.get_mut(size * at..).unwrap_or(&mut []).as_chunks_mut().0;
        for (slot, line) in slots.iter_mut().zip(&group).take(size) {
            *slot = *line.bytes();
        }
    }
    let (_, lines, _) = cache_lines(out);
    let (codes, _) = codes.get(skip..).unwrap_or(&[]).as_chunks();
    for (codes, lines) in codes.iter().zip(lines.chunks_exact_mut(size)) {
        elements.put::<STREAM>(load64(codes), lines);
    }
    true
}

/// Where, in elements of `size` bytes, groups of `lanes` begin that cover what whole groups of cache lines
/// leave over at the two ends of a stretch; and how many elements lie before the first cache line. `None` if
/// the stretch is shorter than a group, or if elements lie across cache lines.
#[inline]
fn ends(size: usize, lanes: usize, codes: &[u8], out: &mut [u8]) -> Option<([Option<usize>; 2], usize)> {
    let (elements, bytes) = (codes.len(), out.len());
    let head = cache_lines(out).0.len();
    if elements < lanes || bytes != elements * size || !head.is_multiple_of(size) {
        return None;
    }
    let first = (head > 0).then_some(0);
    let last = (!(bytes - head).is_multiple_of(lanes * size)).then_some(elements - lanes);
    Some(([first, last], head / size))
}

/// The `N` values from `at` on.
#[inline]
fn part<const N: usize>(values: &[u8], at: usize) -> Option<&[u8; N]> {
    values.get(at..)?.first_chunk()
}

/// The `N` values from `at` on.
#[inline]
fn part_mut<const N: usize>(values: &mut [u8], at: usize) -> Option<&mut [u8; N]> {
    values.get_mut(at..)?.first_chunk_mut()
}
