//! What the compiler makes of the plain passes for vectors.

use super::passes::{self, LANES};
use super::weights::Taps;
use crate::image::Planes;

/// See [`passes::across`].
#[target_feature(enable = "avx2,fma")]
pub(super) fn across_avx2(source: &Planes, taps: &Taps, beside: &mut Vec<[f32; LANES]>, out: &mut Planes) {
    passes::across(source, taps, beside, out);
}

/// See [`passes::across`].
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx2,fma")]
pub(super) fn across_avx512(source: &Planes, taps: &Taps, beside: &mut Vec<[f32; LANES]>, out: &mut Planes) {
    passes::across(source, taps, beside, out);
}

/// See [`passes::down`].
#[target_feature(enable = "avx2,fma")]
pub(super) fn down_avx2(source: &Planes, taps: &Taps, out: &mut Planes) {
    passes::down(source, taps, out);
}

/// See [`passes::down`].
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx2,fma")]
pub(super) fn down_avx512(source: &Planes, taps: &Taps, out: &mut Planes) {
    passes::down(source, taps, out);
}
