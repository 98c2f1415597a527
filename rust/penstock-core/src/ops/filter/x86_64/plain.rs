//! Plain loops over blocks, of which the compiler makes vectors.

use super::super::kernel::Weights;
use super::super::sharpness::Sharpness;

/// See [`Weights::make`].
#[target_feature(enable = "avx2,fma")]
pub(crate) fn weigh_avx2<const SIDE: usize>(
    weights: &Weights<SIDE>,
    rows: &[&[u8]; SIDE],
    step: usize,
    count: usize,
    out: &mut [u8],
) {
    weights.make(rows, step, count, out);
}

/// See [`Sharpness::row`].
#[target_feature(enable = "avx2,fma")]
pub(crate) fn sharpen_avx2(
    sharpness: &Sharpness,
    rows: &[&[u8]; 3],
    step: usize,
    count: usize,
    out: &mut [u8],
) {
    sharpness.row(rows, step, count, out);
}

/// See [`Weights::make`].
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx512vnni,avx2,fma")]
pub(crate) fn weigh_avx512<const SIDE: usize>(
    weights: &Weights<SIDE>,
    rows: &[&[u8]; SIDE],
    step: usize,
    count: usize,
    out: &mut [u8],
) {
    weights.make(rows, step, count, out);
}

/// See [`Sharpness::row`].
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx512vnni,avx2,fma")]
pub(crate) fn sharpen_avx512(
    sharpness: &Sharpness,
    rows: &[&[u8]; 3],
    step: usize,
    count: usize,
    out: &mut [u8],
) {
    sharpness.row(rows, step, count, out);
}
