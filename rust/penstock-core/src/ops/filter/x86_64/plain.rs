//! Plain loops over blocks, of which the compiler makes vectors.

use super::super::convolution_floats;
use super::super::kernel::Weights;
use super::super::sharpness::Sharpness;
use crate::image::Number;

/// Compiles the loops with a level's features.
macro_rules! with_features {
    ($features:literal: $weigh:ident, $sharpen:ident) => {
        /// See [`Weights::make`].
        #[target_feature(enable = $features)]
        pub(crate) fn $weigh<const SIDE: usize>(
            weights: &Weights<SIDE>,
            rows: &[&[u8]; SIDE],
            step: usize,
            count: usize,
            out: &mut [u8],
        ) {
            weights.make(rows, step, count, out);
        }

        /// See [`Sharpness::row`].
        #[target_feature(enable = $features)]
        pub(crate) fn $sharpen(
            sharpness: &Sharpness,
            rows: &[&[u8]; 3],
            step: usize,
            count: usize,
            out: &mut [u8],
        ) {
            sharpness.row(rows, step, count, out);
        }
    };
}

with_features!("avx2,fma": weigh_avx2, sharpen_avx2);
with_features!(
    "avx512f,avx512bw,avx512vl,avx512vbmi,avx512vnni,avx2,fma": weigh_avx512, sharpen_avx512
);

/// See [`convolution_floats::convolve`].
#[target_feature(enable = "avx2,fma")]
pub(crate) fn convolve_floats_avx2(
    from: &[f32],
    stride: usize,
    weights: (&[f32], usize),
    out: &mut [Number],
) {
    convolution_floats::convolve(from, stride, weights, out);
}

/// See [`convolution_floats::convolve`].
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx2,fma")]
pub(crate) fn convolve_floats_avx512(
    from: &[f32],
    stride: usize,
    weights: (&[f32], usize),
    out: &mut [Number],
) {
    convolution_floats::convolve(from, stride, weights, out);
}
