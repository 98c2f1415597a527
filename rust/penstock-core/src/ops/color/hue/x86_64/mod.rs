//! Hue in vectors of single precision.

mod avx2;
mod avx512;
mod kernels;

pub(super) use kernels::{avx2 as of_avx2, avx512 as of_avx512};
