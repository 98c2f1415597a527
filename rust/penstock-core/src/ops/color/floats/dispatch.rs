//! The doors to plain loops over numbers, compiled for each level's vectors.
#![expect(unsafe_code, reason = "calls of functions that enable CPU features")]

use penstock_jpeg::simd::Level;
#[cfg(target_arch = "x86_64")]
use penstock_jpeg::simd::Vectors;

use crate::image::Planes;

/// Has a change of an image's numbers, which is inlined, be made by the vectors of a level.
pub(super) fn change(level: Level, planes: &mut Planes, change: impl Fn(&mut Planes)) {
    match level.vectors() {
        // SAFETY: the level proves that the processor has the features.
        #[cfg(target_arch = "x86_64")]
        Some(Vectors::Avx512) => unsafe { avx512(planes, change) },
        // SAFETY: the level proves that the processor has the features.
        #[cfg(target_arch = "x86_64")]
        Some(Vectors::Avx2) => unsafe { avx2(planes, change) },
        _ => change(planes),
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx2,fma")]
fn avx512(planes: &mut Planes, change: impl Fn(&mut Planes)) {
    change(planes);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn avx2(planes: &mut Planes, change: impl Fn(&mut Planes)) {
    change(planes);
}
