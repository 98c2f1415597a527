//! The kernels of the last pass for AVX2 and AVX-512.

pub(super) mod convert;
mod elements;
pub(super) mod gather;
pub(super) mod straight;
