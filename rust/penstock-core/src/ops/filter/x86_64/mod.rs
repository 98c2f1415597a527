//! Filters in vectors: box blurs by hand, and what the compiler makes of plain loops.

mod convolution;
mod means;
mod plain;

pub(super) use convolution::{convolve_avx2, convolve_avx512};
pub(super) use means::{gather, pass_avx2, pass_avx512, scatter};
pub(super) use plain::{convolve_floats_avx2, convolve_floats_avx512, make_avx2, make_avx512};
