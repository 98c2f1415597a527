//! Codes to elements in vectors: float32 arithmetic, and lookups by byte shuffles.
//!
//! A stretch of output is written by whole cache lines, which with `STREAM` go past the caches. What lies
//! before and behind them is covered by one vector each that begins or ends with the stretch; it writes some
//! elements twice, with the same bits, and no loop needs a tail. Short stretches are left to the plain table.

use std::arch::x86_64::{
    __m256, __m256i, __m512, __m512i, _mm_cvtsi64_si128, _mm256_castps_si256, _mm256_cvtepi32_ps,
    _mm256_cvtepu8_epi32, _mm256_fmadd_ps, _mm256_mul_ps, _mm256_set1_ps, _mm256_sub_ps, _mm512_castps_si512,
    _mm512_cvtepi32_ps, _mm512_cvtepu8_epi32, _mm512_fmadd_ps, _mm512_mask_blend_epi8, _mm512_movepi8_mask,
    _mm512_mul_ps, _mm512_permutex2var_epi8, _mm512_permutexvar_epi32, _mm512_permutexvar_epi64,
    _mm512_set_epi32, _mm512_set_epi64, _mm512_set1_ps, _mm512_sub_ps, _mm512_unpackhi_epi8,
    _mm512_unpackhi_epi16, _mm512_unpacklo_epi8, _mm512_unpacklo_epi16,
};

use super::table::Coefficients;
use crate::simd::memory::{cache_lines, load16, load64, put32_twice, put64, store32, store64};

/// 16 float32 elements per vector, 8 for AVX2. Coefficients in every lane, `V` being the vector.
#[derive(Clone, Copy)]
struct Lanes<V> {
    scale: [V; 2],
    mean: V,
    std: [V; 2],
}

impl<V> Lanes<V> {
    #[inline]
    fn new(c: &Coefficients, set: impl Fn(f32) -> V) -> Self {
        Lanes {
            scale: [set(c.scale.high), set(c.scale.low)],
            mean: set(c.mean),
            std: [set(c.std.high), set(c.std.low)],
        }
    }
}

/// 16 elements; step for step what `Coefficients::apply` does.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx2,fma")]
fn elements_avx512(codes: &[u8; 16], c: &Lanes<__m512>) -> __m512i {
    let x = _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(load16(codes)));
    let x = _mm512_fmadd_ps(x, c.scale[0], _mm512_mul_ps(x, c.scale[1]));
    let x = _mm512_sub_ps(x, c.mean);
    _mm512_castps_si512(_mm512_fmadd_ps(x, c.std[0], _mm512_mul_ps(x, c.std[1])))
}

/// Float32 elements, a cache line at a time. False, and nothing done, if there are fewer.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx2,fma")]
pub(crate) fn arithmetic_avx512<const STREAM: bool>(c: &Coefficients, codes: &[u8], out: &mut [u8]) -> bool {
    let lanes = Lanes::new(c, |x| _mm512_set1_ps(x));
    let Some((ends, skip)) = ends(4, 16, codes, out) else { return false };
    for at in ends.into_iter().flatten() {
        if let (Some(codes), Some(out)) = (part(codes, at), part_mut(out, 4 * at)) {
            store64(out, elements_avx512(codes, &lanes));
        }
    }
    let (_, lines, _) = cache_lines(out);
    let (codes, _) = codes.get(skip..).unwrap_or(&[]).as_chunks();
    for (codes, line) in codes.iter().zip(lines) {
        put64::<STREAM>(line, elements_avx512(codes, &lanes));
    }
    true
}

/// 8 elements; step for step what `Coefficients::apply` does.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn elements_avx2(codes: [u8; 8], c: &Lanes<__m256>) -> __m256i {
    let x = _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_cvtsi64_si128(i64::from_le_bytes(codes))));
    let x = _mm256_fmadd_ps(x, c.scale[0], _mm256_mul_ps(x, c.scale[1]));
    let x = _mm256_sub_ps(x, c.mean);
    _mm256_castps_si256(_mm256_fmadd_ps(x, c.std[0], _mm256_mul_ps(x, c.std[1])))
}

/// Float32 elements, a cache line at a time. False, and nothing done, if there are fewer.
#[target_feature(enable = "avx2,fma")]
pub(crate) fn arithmetic_avx2<const STREAM: bool>(c: &Coefficients, codes: &[u8], out: &mut [u8]) -> bool {
    let lanes = Lanes::new(c, |x| _mm256_set1_ps(x));
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

/// A table of 256 bytes in registers.
type Bytes = [__m512i; 4];

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx2,fma")]
fn load_table(table: &[u8; 256]) -> Bytes {
    let (parts, _) = table.as_chunks();
    [load64(&parts[0]), load64(&parts[1]), load64(&parts[2]), load64(&parts[3])]
}

/// 64 bytes looked up.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx2,fma")]
fn look_up(table: &Bytes, codes: __m512i) -> __m512i {
    let low = _mm512_permutex2var_epi8(table[0], codes, table[1]);
    let high = _mm512_permutex2var_epi8(table[2], codes, table[3]);
    _mm512_mask_blend_epi8(_mm512_movepi8_mask(codes), low, high)
}

/// 64 elements of 1, 2 or 4 bytes, in as many vectors. The codes are first put in an order in which the
/// interleaving of the planes, which goes by quarters of a vector, gives neighbouring elements.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx2,fma")]
fn elements_looked_up<const N: usize>(tables: &[Bytes; N], codes: &[u8; 64]) -> [__m512i; N] {
    let codes = load64(codes);
    let mut out = [codes; N];
    match N {
        1 => out[0] = look_up(&tables[0], codes),
        2 => {
            let codes = _mm512_permutexvar_epi64(_mm512_set_epi64(7, 3, 6, 2, 5, 1, 4, 0), codes);
            let low = look_up(&tables[0], codes);
            let high = look_up(&tables[1], codes);
            out[0] = _mm512_unpacklo_epi8(low, high);
            out[1] = _mm512_unpackhi_epi8(low, high);
        }
        4 => {
            let order = _mm512_set_epi32(15, 11, 7, 3, 14, 10, 6, 2, 13, 9, 5, 1, 12, 8, 4, 0);
            let codes = _mm512_permutexvar_epi32(order, codes);
            let [a, b, c, d] = [0, 1, 2, 3].map(|k| look_up(&tables[k], codes));
            let (first, second) = (_mm512_unpacklo_epi8(a, b), _mm512_unpackhi_epi8(a, b));
            let (third, fourth) = (_mm512_unpacklo_epi8(c, d), _mm512_unpackhi_epi8(c, d));
            out[0] = _mm512_unpacklo_epi16(first, third);
            out[1] = _mm512_unpackhi_epi16(first, third);
            out[2] = _mm512_unpacklo_epi16(second, fourth);
            out[3] = _mm512_unpackhi_epi16(second, fourth);
        }
        _ => {}
    }
    out
}

/// Elements of 1, 2 or 4 bytes, 64 at a time. False, and nothing done, if there are fewer, or of 8 bytes.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx2,fma")]
pub(crate) fn lookup_avx512<const N: usize, const STREAM: bool>(
    planes: &[[u8; 256]; N],
    codes: &[u8],
    out: &mut [u8],
) -> bool {
    if !matches!(N, 1 | 2 | 4) {
        return false;
    }
    let Some((ends, skip)) = ends(N, 64, codes, out) else { return false };
    let tables = planes.map(|plane| load_table(&plane));
    for at in ends.into_iter().flatten() {
        if let (Some(codes), Some(out)) = (part(codes, at), out.get_mut(N * at..)) {
            for (slot, vector) in out.as_chunks_mut().0.iter_mut().zip(elements_looked_up(&tables, codes)) {
                store64(slot, vector);
            }
        }
    }
    let (_, lines, _) = cache_lines(out);
    let (lines, _) = lines.as_chunks_mut::<N>();
    for (codes, lines) in codes.get(skip..).unwrap_or(&[]).as_chunks().0.iter().zip(lines) {
        for (line, vector) in lines.iter_mut().zip(elements_looked_up(&tables, codes)) {
            put64::<STREAM>(line, vector);
        }
    }
    true
}

/// Bytes as they are. False, and nothing done, if there are fewer than 64.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx2,fma")]
pub(crate) fn copy_avx512<const STREAM: bool>(codes: &[u8], out: &mut [u8]) -> bool {
    let Some((ends, skip)) = ends(1, 64, codes, out) else { return false };
    for at in ends.into_iter().flatten() {
        if let (Some(codes), Some(out)) = (part(codes, at), part_mut(out, at)) {
            store64(out, load64(codes));
        }
    }
    let (_, lines, _) = cache_lines(out);
    for (codes, line) in codes.get(skip..).unwrap_or(&[]).as_chunks().0.iter().zip(lines) {
        put64::<STREAM>(line, load64(codes));
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
