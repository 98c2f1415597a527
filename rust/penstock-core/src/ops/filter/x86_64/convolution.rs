//! Convolutions with the sums of several rows in registers, for all of which a number is loaded once.

use std::arch::x86_64::{
    __m128i, __m256, __m512, _mm_packus_epi16, _mm256_castsi256_si128, _mm256_cvtps_epi32,
    _mm256_extracti128_si256, _mm256_fmadd_ps, _mm256_packus_epi32, _mm256_permute4x64_epi64, _mm256_set1_ps,
    _mm256_setzero_ps, _mm512_cvtps_epi32, _mm512_cvtusepi32_epi8, _mm512_fmadd_ps, _mm512_set1_ps,
    _mm512_setzero_ps,
};

use penstock_jpeg::simd::arch::x86_64::memory::{load8_floats, load16_floats, store16};

use super::super::convolution::{Given, Lines, ROWS, Taps};

/// Bytes of sixteen sums, rounded half to even.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn bytes_avx2([low, high]: [__m256; 2]) -> [__m128i; 1] {
    let words = _mm256_packus_epi32(_mm256_cvtps_epi32(low), _mm256_cvtps_epi32(high));
    let words = _mm256_permute4x64_epi64::<0b11_01_10_00>(words);
    [_mm_packus_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256::<1>(words))]
}

/// Bytes of sixteen sums each, rounded half to even.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx512vnni,avx2,fma")]
fn bytes_avx512(sums: [__m512; 4]) -> [__m128i; 4] {
    sums.map(|sums| _mm512_cvtusepi32_epi8(_mm512_cvtps_epi32(sums)))
}

/// One loop, for vectors of any width.
macro_rules! convolves {
    (
        $features:literal: $name:ident, $vectors:literal of $lanes:literal,
        $zero:ident, $set:ident, $load:ident, $add:ident, $bytes:ident
    ) => {
        /// See [`convolve`](super::super::convolution::convolve).
        #[target_feature(enable = $features)]
        pub(crate) fn $name(taps: &Taps, given: &Given, out: &mut Lines<'_>) {
            const BLOCK: usize = $vectors * $lanes;
            for at in (0..out.width).step_by(BLOCK) {
                for (group, rows) in out.bytes.chunks_mut(ROWS * out.stride).enumerate() {
                    let mut sums = [[$zero(); $vectors]; ROWS];
                    for (row, products) in taps.rows().enumerate() {
                        let numbers = given.row(group * ROWS + row).get(at..).unwrap_or(&[]);
                        for (tap, weights) in products.iter().enumerate() {
                            let here = numbers.get(tap * taps.step..).and_then(<[f32]>::first_chunk::<BLOCK>);
                            let Some(here) = here else { return };
                            let mut loaded = [$zero(); $vectors];
                            for (loaded, numbers) in loaded.iter_mut().zip(here.as_chunks().0) {
                                *loaded = $load(numbers);
                            }
                            for (sums, weight) in sums.iter_mut().zip(weights) {
                                let weight = $set(*weight);
                                for (sum, loaded) in sums.iter_mut().zip(loaded) {
                                    *sum = $add(loaded, weight, *sum);
                                }
                            }
                        }
                    }
                    for (row, sums) in rows.chunks_mut(out.stride).zip(sums) {
                        let Some(block) = row.get_mut(at..).and_then(<[u8]>::first_chunk_mut::<BLOCK>) else {
                            return;
                        };
                        for (slot, bytes) in block.as_chunks_mut().0.iter_mut().zip($bytes(sums)) {
                            store16(slot, bytes);
                        }
                    }
                }
            }
        }
    };
}

convolves!(
    "avx2,fma": convolve_avx2, 2 of 8,
    _mm256_setzero_ps, _mm256_set1_ps, load8_floats, _mm256_fmadd_ps, bytes_avx2
);
convolves!(
    "avx512f,avx512bw,avx512vl,avx512vbmi,avx512vnni,avx2,fma": convolve_avx512, 4 of 16,
    _mm512_setzero_ps, _mm512_set1_ps, load16_floats, _mm512_fmadd_ps, bytes_avx512
);
