//! The doors to the two passes, compiled for each level's vectors.
#![expect(unsafe_code, reason = "calls of functions that enable CPU features")]

use penstock_jpeg::simd::Level;
#[cfg(target_arch = "x86_64")]
use penstock_jpeg::simd::Vectors;

use super::passes::{self, LANES};
use super::weights::Taps;
#[cfg(target_arch = "x86_64")]
use super::x86_64;
use crate::image::Planes;

/// See [`passes::across`].
pub(super) fn across(
    level: Level,
    source: &Planes,
    taps: &Taps,
    beside: &mut Vec<[f32; LANES]>,
    out: &mut Planes,
) {
    match level.vectors() {
        // SAFETY: the level proves that the processor has the features.
        #[cfg(target_arch = "x86_64")]
        Some(Vectors::Avx512) => unsafe { x86_64::across_avx512(source, taps, beside, out) },
        // SAFETY: the level proves that the processor has the features.
        #[cfg(target_arch = "x86_64")]
        Some(Vectors::Avx2) => unsafe { x86_64::across_avx2(source, taps, beside, out) },
        _ => passes::across(source, taps, beside, out),
    }
}

/// See [`passes::down`].
pub(super) fn down(level: Level, source: &Planes, taps: &Taps, out: &mut Planes) {
    match level.vectors() {
        // SAFETY: the level proves that the processor has the features.
        #[cfg(target_arch = "x86_64")]
        Some(Vectors::Avx512) => unsafe { x86_64::down_avx512(source, taps, out) },
        // SAFETY: the level proves that the processor has the features.
        #[cfg(target_arch = "x86_64")]
        Some(Vectors::Avx2) => unsafe { x86_64::down_avx2(source, taps, out) },
        _ => passes::down(source, taps, out),
    }
}
