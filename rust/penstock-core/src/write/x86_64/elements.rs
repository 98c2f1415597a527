//! 64 codes in a vector to their output elements, with AVX-512: arithmetic, byte shuffles, or as they are.
//!
//! The elements of 64 codes fill as many cache lines as an element has bytes. Where the codes come from is the
//! caller's business.

use std::arch::x86_64::{
    __m512, __m512i, _MM_FROUND_NO_EXC, _MM_FROUND_TO_POS_INF, _mm512_castps_si512, _mm512_cvt_roundepu32_ps,
    _mm512_cvtepi32_ps, _mm512_fmadd_ps, _mm512_mask_blend_epi8, _mm512_maskz_permutexvar_epi8,
    _mm512_movepi8_mask, _mm512_mul_ps, _mm512_permutex2var_epi8, _mm512_permutexvar_epi8,
    _mm512_permutexvar_epi32, _mm512_permutexvar_epi64, _mm512_set_epi32, _mm512_set_epi64, _mm512_set1_ps,
    _mm512_sub_ps, _mm512_unpackhi_epi8, _mm512_unpackhi_epi16, _mm512_unpacklo_epi8, _mm512_unpacklo_epi16,
};

use crate::write::table::{Coefficients, Kernel, Reciprocal, Repeated, Table};
use penstock_jpeg::simd::arch::x86_64::memory::{CacheLine, load64, put64};

/// How the elements of one channel are made, with what is needed for it in registers.
#[expect(clippy::large_enum_variant, reason = "it lives in registers, and never in a list")]
pub(crate) enum Elements {
    /// Codes as they are.
    Copied,
    /// From words that repeat a code: mean and reciprocal of the deviation, see `Repeated`.
    Divided(__m512, [__m512; 2]),
    /// From the scale's product.
    Multiplied(Lanes),
    /// Elements of one byte.
    Bytes([Bytes; 1]),
    /// Elements of two bytes.
    Halves([Bytes; 2]),
    /// Elements of four bytes.
    Words([Bytes; 4]),
}

impl Elements {
    /// The quickest way to a channel's elements; `None` if they are of 8 bytes.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx2,fma")]
    pub(crate) fn new(table: &Table, channel: usize) -> Option<Self> {
        if matches!(table.kernel(), Kernel::Copy) {
            return Some(Elements::Copied);
        }
        if let Some(c) = table.coefficients(channel) {
            if let Some(Repeated { mean, std }) = &c.repeated {
                return Some(Elements::Divided(_mm512_set1_ps(*mean), both(*std)));
            }
            if c.scale.low == 0.0 {
                return Some(Elements::Multiplied(Lanes::new(c)));
            }
        }
        if let Some(planes) = table.byte_planes::<1>(channel) {
            Some(Elements::Bytes(load_tables(planes)))
        } else if let Some(planes) = table.byte_planes::<2>(channel) {
            Some(Elements::Halves(load_tables(planes)))
        } else {
            table.byte_planes::<4>(channel).map(|planes| Elements::Words(load_tables(planes)))
        }
    }

    /// Writes the elements of 64 codes to as many lines as an element has bytes.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx2,fma")]
    pub(crate) fn put<const STREAM: bool>(&self, codes: __m512i, lines: &mut [CacheLine]) {
        match self {
            Elements::Copied => put::<1, STREAM>([codes], lines),
            Elements::Divided(mean, std) => {
                put::<4, STREAM>(spread().map(|s| divided(codes, s, *mean, *std)), lines);
            }
            Elements::Multiplied(lanes) => {
                put::<4, STREAM>(spread().map(|s| multiplied(codes, s, lanes)), lines);
            }
            Elements::Bytes(tables) => put::<1, STREAM>(looked_up(tables, codes), lines),
            Elements::Halves(tables) => put::<2, STREAM>(looked_up(tables, codes), lines),
            Elements::Words(tables) => put::<4, STREAM>(looked_up(tables, codes), lines),
        }
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx2,fma")]
fn put<const N: usize, const STREAM: bool>(elements: [__m512i; N], lines: &mut [CacheLine]) {
    if let Some(lines) = lines.first_chunk_mut::<N>() {
        for (line, vector) in lines.iter_mut().zip(elements) {
            put64::<STREAM>(line, vector);
        }
    }
}

/// The places of the 16 codes of each quarter, each four times.
static SPREAD: [[u8; 64]; 4] = {
    let mut spread = [[0; 64]; 4];
    let mut i = 0;
    while i < 256 {
        spread[i / 64][i % 64] = (i / 4) as u8;
        i += 1;
    }
    spread
};

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx2,fma")]
fn spread() -> [__m512i; 4] {
    [0, 1, 2, 3].map(|k| load64(&SPREAD[k]))
}

/// 16 elements; step for step what `Repeated::apply` does.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx2,fma")]
fn divided(codes: __m512i, spread: __m512i, mean: __m512, std: [__m512; 2]) -> __m512i {
    let words = _mm512_permutexvar_epi8(spread, codes);
    let x = _mm512_cvt_roundepu32_ps::<{ _MM_FROUND_TO_POS_INF | _MM_FROUND_NO_EXC }>(words);
    let x = _mm512_sub_ps(x, mean);
    _mm512_castps_si512(_mm512_fmadd_ps(x, std[0], _mm512_mul_ps(x, std[1])))
}

/// The coefficients of a channel whose scale is one product, in every lane.
pub(crate) struct Lanes {
    scale: __m512,
    mean: __m512,
    std: [__m512; 2],
}

impl Lanes {
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx2,fma")]
    fn new(c: &Coefficients) -> Self {
        Lanes { scale: _mm512_set1_ps(c.scale.high), mean: _mm512_set1_ps(c.mean), std: both(c.std) }
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx2,fma")]
fn both(reciprocal: Reciprocal) -> [__m512; 2] {
    [reciprocal.high, reciprocal.low].map(|x| _mm512_set1_ps(x))
}

/// 16 elements; step for step what `Coefficients::apply` does where the scale is one product.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx2,fma")]
fn multiplied(codes: __m512i, spread: __m512i, c: &Lanes) -> __m512i {
    let words = _mm512_maskz_permutexvar_epi8(0x1111_1111_1111_1111, spread, codes);
    let x = _mm512_mul_ps(_mm512_cvtepi32_ps(words), c.scale);
    let x = _mm512_sub_ps(x, c.mean);
    _mm512_castps_si512(_mm512_fmadd_ps(x, c.std[0], _mm512_mul_ps(x, c.std[1])))
}

/// A table of 256 bytes in registers.
pub(crate) type Bytes = [__m512i; 4];

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx2,fma")]
fn load_tables<const N: usize>(planes: &[[u8; 256]; N]) -> [Bytes; N] {
    planes.each_ref().map(|table| {
        let (parts, _) = table.as_chunks();
        [0, 1, 2, 3].map(|k| load64(&parts[k]))
    })
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
fn looked_up<const N: usize>(tables: &[Bytes; N], codes: __m512i) -> [__m512i; N] {
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
