//! Paeth's filter with the bytes of a pixel side by side in a vector.
//!
//! One pixel waits for the one before it, so what counts is how long the way from pixel to pixel is. As a function of
//! the left byte the guess changes at three bounds, which depend on the line above alone: outside of the outer two it
//! is the left byte itself, between them one of up and corner, whichever side of the middle bound the left byte is on.

use std::arch::x86_64::{
    __m128i, _mm_add_epi16, _mm_and_si128, _mm_blendv_epi8, _mm_cmpgt_epi16, _mm_cvtsi64_si128,
    _mm_cvtsi128_si64, _mm_max_epi16, _mm_min_epi16, _mm_packus_epi16, _mm_set1_epi16, _mm_setzero_si128,
    _mm_sub_epi16, _mm_unpacklo_epi8,
};

/// Undoes the filter of a line of pixels of `N` bytes, at most 8.
#[target_feature(enable = "avx2")]
pub(crate) fn paeth_avx2<const N: usize>(above: &[u8], line: &mut [u8]) {
    let (byte, one) = (_mm_set1_epi16(255), _mm_set1_epi16(1));
    let (mut left, mut corner) = (_mm_setzero_si128(), _mm_setzero_si128());
    for (pixel, up) in line.as_chunks_mut::<N>().0.iter_mut().zip(above.as_chunks::<N>().0) {
        let (differences, up) = (widened(pixel), widened(up));
        let thrice = _mm_add_epi16(_mm_add_epi16(corner, corner), corner);
        let other = _mm_sub_epi16(thrice, _mm_add_epi16(up, up));
        let (low, high) = (_mm_min_epi16(up, other), _mm_max_epi16(up, other));
        // On the bound itself the guess is up, which comes before corner; all ones are -1.
        let up_is_larger = _mm_cmpgt_epi16(_mm_add_epi16(up, one), corner);
        let middle = _mm_add_epi16(_mm_sub_epi16(thrice, up), up_is_larger);
        let inner_guess = _mm_blendv_epi8(
            _mm_min_epi16(up, corner),
            _mm_max_epi16(up, corner),
            _mm_cmpgt_epi16(_mm_add_epi16(left, left), middle),
        );
        let inside = _mm_and_si128(_mm_cmpgt_epi16(left, low), _mm_cmpgt_epi16(high, left));
        let guess = _mm_blendv_epi8(left, inner_guess, inside);
        left = _mm_and_si128(_mm_add_epi16(differences, guess), byte);
        corner = up;
        let bytes = _mm_cvtsi128_si64(_mm_packus_epi16(left, left)).to_le_bytes();
        pixel.copy_from_slice(&bytes[..N]);
    }
}

/// The bytes as lanes of 16 bits.
#[inline]
#[target_feature(enable = "avx2")]
fn widened<const N: usize>(pixel: &[u8; N]) -> __m128i {
    let mut bytes = [0; 8];
    bytes[..N].copy_from_slice(pixel);
    _mm_unpacklo_epi8(_mm_cvtsi64_si128(i64::from_le_bytes(bytes)), _mm_setzero_si128())
}
