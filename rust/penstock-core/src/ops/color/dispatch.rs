//! The doors to the kernels of gray, saturation and extremes: each calls the one that a level stands for.
#![expect(unsafe_code, reason = "calls of functions that enable CPU features")]

use super::blend::Blend;
use super::kernels::{self, Plane};
#[cfg(target_arch = "x86_64")]
use super::x86_64;
use crate::ops::kinds::{BLOCK_PIXELS, Block};
use crate::ops::library::Library;
use penstock_jpeg::simd::Level;
#[cfg(target_arch = "x86_64")]
use penstock_jpeg::simd::Vectors;

/// The gray values of a block.
#[inline]
pub(super) fn gray(level: Level, library: Library, block: &Block) -> Plane {
    match level.vectors() {
        // SAFETY: the level proves that the processor has the features.
        #[cfg(target_arch = "x86_64")]
        Some(Vectors::Avx512) => unsafe { kernels::gray_avx512(library, block) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Some(Vectors::Avx2) => unsafe { kernels::gray_avx2(library, block) },
        _ => kernels::gray(library, block),
    }
}

/// Mixes a block with its gray values.
#[inline]
pub(super) fn saturate(level: Level, blend: Blend, block: &mut Block) {
    match level.vectors() {
        // SAFETY: the level proves that the processor has the features.
        #[cfg(target_arch = "x86_64")]
        Some(Vectors::Avx512) => unsafe { x86_64::saturate_avx512(blend, block) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Some(Vectors::Avx2) => unsafe { x86_64::saturate_avx2(blend, block) },
        _ => kernels::saturate(blend, block),
    }
}

/// Widens the least and greatest values of each channel by those of the first `pixels` of a block.
#[inline]
pub(super) fn extremes(level: Level, block: &Block, pixels: usize, [least, greatest]: [&mut [u8; 3]; 2]) {
    if pixels < BLOCK_PIXELS {
        // What fills the block up repeats a pixel that is there.
        let mut filled = *block;
        for values in &mut filled {
            let first = values[0];
            values.iter_mut().skip(pixels.max(1)).for_each(|value| *value = first);
        }
        return kernels::extremes(&filled, [least, greatest]);
    }
    match level.vectors() {
        // SAFETY: the level proves that the processor has the features.
        #[cfg(target_arch = "x86_64")]
        Some(Vectors::Avx512) => unsafe { kernels::extremes_avx512(block, [least, greatest]) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Some(Vectors::Avx2) => unsafe { kernels::extremes_avx2(block, [least, greatest]) },
        _ => kernels::extremes(block, [least, greatest]),
    }
}
