//! The door to the vector kernels that look bytes up. False if the level has none, and then nothing is done.
#![expect(unsafe_code, reason = "calls of functions that enable CPU features")]

#[cfg(target_arch = "x86_64")]
use super::x86_64;
use crate::ops::block::Block;
use penstock_jpeg::simd::Level;
#[cfg(target_arch = "x86_64")]
use penstock_jpeg::simd::Vectors;

/// Looks all values of a block up. False if the level has no kernel.
#[inline]
pub(super) fn change(level: Level, tables: &[[u8; 256]; 3], block: &mut Block) -> bool {
    match level.vectors() {
        // SAFETY: the level proves that the processor has the features.
        #[cfg(target_arch = "x86_64")]
        Some(Vectors::Avx512) => unsafe { x86_64::change_avx512(tables, block) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Some(Vectors::Avx2) => unsafe { x86_64::change_avx2(tables, block) },
        _ => {
            let _ = (tables, block);
            return false;
        }
    }
    true
}
