//! The doors to the vector kernels of hue. One that returns false has done nothing.
#![expect(unsafe_code, reason = "calls of functions that enable CPU features")]

#[cfg(target_arch = "x86_64")]
use super::x86_64::{avx2, avx512};
use crate::ops::kinds::Block;
use penstock_jpeg::simd::Level;
#[cfg(target_arch = "x86_64")]
use penstock_jpeg::simd::Vectors;

/// Pillow's change of hue, by 256ths of the circle. False if the level has no kernel.
#[inline]
pub(super) fn pillow(level: Level, block: &mut Block, shift: u8) -> bool {
    match level.vectors() {
        // SAFETY: the level proves that the processor has the features.
        #[cfg(target_arch = "x86_64")]
        Some(Vectors::Avx512) => unsafe { avx512::pillow(block, shift) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Some(Vectors::Avx2) => unsafe { avx2::pillow(block, shift) },
        _ => {
            let _ = (block, shift);
            return false;
        }
    }
    true
}

/// torchvision's change of hue, by a part of the circle; of its generations the first one if `FIRST`, else the second.
/// False if the level has no kernel.
#[inline]
pub(super) fn torch<const FIRST: bool>(level: Level, block: &mut Block, turn: f32) -> bool {
    match level.vectors() {
        // SAFETY: the level proves that the processor has the features.
        #[cfg(target_arch = "x86_64")]
        Some(Vectors::Avx512) => unsafe { avx512::torch::<FIRST>(block, turn) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Some(Vectors::Avx2) => unsafe { avx2::torch::<FIRST>(block, turn) },
        _ => {
            let _ = (block, turn);
            return false;
        }
    }
    true
}
