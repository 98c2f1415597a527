//! Colours in vectors: the lanes of each level, and the kernels of mixtures that are written by them.

pub(super) mod avx2;
pub(super) mod avx512;
mod mixture;

pub(super) use mixture::{avx2::saturate as saturate_avx2, avx512::saturate as saturate_avx512};
