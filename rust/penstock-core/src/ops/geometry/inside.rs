//! Pixels that are loaded without a look at where their texture ends, since that was done for all of them at once.
#![expect(unsafe_code, reason = "loads whose bounds were checked before")]

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::{__m512i, _mm512_i32gather_epi32, _mm512_loadu_si512, _mm512_setzero_si512};

use super::sample::Pixels;

/// Pixels whose surroundings were all found to lie in a texture, so that none has to be looked for again.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(not(target_arch = "x86_64"), expect(dead_code, reason = "no kernel looks at them"))]
pub(crate) struct Inside<'t, const ROWS: usize, const BYTES: usize> {
    bytes: &'t [u8],
    stride: usize,
    offsets: &'t [i32],
}

#[cfg_attr(not(target_arch = "x86_64"), expect(dead_code, reason = "no kernel looks at them"))]
impl<'t, const ROWS: usize, const BYTES: usize> Inside<'t, ROWS, BYTES> {
    /// Of each of these offsets, `BYTES` bytes of `ROWS` rows; `None` if any of them are outside.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "it is compiled for each level's vectors")]
    pub(crate) fn new(pixels: &Pixels<'t>, offsets: &'t [i32]) -> Option<Self> {
        // Seen as unsigned, negative ones are the largest.
        let most = offsets.iter().fold(0, |most, &offset| most.max(offset as u32)) as usize;
        let end = pixels.stride.checked_mul(ROWS - 1)?.checked_add(BYTES)?.checked_add(most)?;
        (end <= pixels.bytes.len()).then_some(Inside { bytes: pixels.bytes, stride: pixels.stride, offsets })
    }

    /// `N` bytes of a row of a pixel, from one of its `BYTES` on. Zeros if there is no such pixel.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "it is compiled for each level's vectors")]
    pub(crate) fn load<const N: usize>(&self, pixel: usize, row: usize, at: usize) -> [u8; N] {
        let Some(&offset) = self.offsets.get(pixel).filter(|_| row < ROWS && at + N <= BYTES) else {
            return [0; N];
        };
        // SAFETY: it is one of the offsets, and of each of them the last of `BYTES` bytes of the last of `ROWS` rows was
        // found to lie in the texture, of which these are no later ones.
        unsafe { *self.bytes.as_ptr().add(offset as usize + row * self.stride + at).cast::<[u8; N]>() }
    }

    /// Four bytes of a row of each of sixteen pixels, from one of their `BYTES` on. Zeros if there are no such pixels.
    #[cfg(target_arch = "x86_64")]
    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(crate) fn gather(&self, pixel: usize, row: usize, at: usize) -> __m512i {
        let offsets = self.offsets.get(pixel..).and_then(<[i32]>::first_chunk::<16>);
        let Some(offsets) = offsets.filter(|_| row < ROWS && at + 4 <= BYTES) else {
            return _mm512_setzero_si512();
        };
        // SAFETY: the reference covers the 64 bytes, and of each of these offsets the last of `BYTES` bytes of the last of
        // `ROWS` rows was found to lie in the texture, of which these are no later ones. Nothing has to be aligned.
        unsafe {
            let offsets = _mm512_loadu_si512(offsets.as_ptr().cast());
            _mm512_i32gather_epi32::<1>(offsets, self.bytes.as_ptr().add(row * self.stride + at).cast())
        }
    }
}
