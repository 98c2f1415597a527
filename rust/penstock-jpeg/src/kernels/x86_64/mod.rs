//! The kernels for AVX2.

pub(super) mod blocks;
pub(super) mod rows;
