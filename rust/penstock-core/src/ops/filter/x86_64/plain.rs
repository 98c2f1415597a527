//! Plain loops over blocks, of which the compiler makes vectors.

use super::super::products;
use super::super::rows::Rows;
use crate::image::Number;

/// Compiles the loops with a level's features.
macro_rules! with_features {
    ($features:literal: $make:ident) => {
        /// See [`Rows::make`].
        #[target_feature(enable = $features)]
        pub(crate) fn $make<const SIDE: usize>(
            filter: &impl Rows<SIDE>,
            rows: &[&[u8]; SIDE],
            step: usize,
            count: usize,
            out: &mut [u8],
        ) {
            filter.make(rows, step, count, out);
        }
    };
}

with_features!("avx2,fma": make_avx2);
with_features!("avx512f,avx512bw,avx512vl,avx512vbmi,avx512vnni,avx2,fma": make_avx512);

/// See [`products::convolve`].
#[target_feature(enable = "avx2,fma")]
pub(crate) fn convolve_floats_avx2(
    from: &[f32],
    stride: usize,
    weights: (&[f32], usize),
    out: &mut [Number],
) {
    products::convolve(from, stride, weights, out);
}

/// See [`products::convolve`].
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx2,fma")]
pub(crate) fn convolve_floats_avx512(
    from: &[f32],
    stride: usize,
    weights: (&[f32], usize),
    out: &mut [Number],
) {
    products::convolve(from, stride, weights, out);
}
