//! The door to the vector kernels of the filters.
#![expect(unsafe_code, reason = "calls of functions that enable CPU features")]

#[cfg(target_arch = "x86_64")]
use super::x86_64;
use penstock_jpeg::simd::Level;
#[cfg(target_arch = "x86_64")]
use penstock_jpeg::simd::Vectors;

/// Undoes Paeth's filter of a line of pixels of `N` bytes, at most 8. False if the level has no kernel.
#[inline]
pub(crate) fn paeth<const N: usize>(level: Level, above: &[u8], line: &mut [u8]) -> bool {
    match level.vectors() {
        // SAFETY: the level proves that the processor has AVX2 or more.
        #[cfg(target_arch = "x86_64")]
        Some(Vectors::Avx512 | Vectors::Avx2) => unsafe { x86_64::paeth_avx2::<N>(above, line) },
        _ => {
            let _ = (above, line);
            return false;
        }
    }
    true
}
