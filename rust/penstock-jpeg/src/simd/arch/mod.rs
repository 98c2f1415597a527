//! The architectures that have kernels, each with its instruction sets, loads and stores.
//!
//! Each offers [`Vectors`], [`prefetch`] and [`fence_streams`]; the rest is for its own kernels.

#[cfg(target_arch = "x86_64")]
pub mod x86_64;
#[cfg(target_arch = "x86_64")]
pub use x86_64::{Vectors, fence_streams, prefetch};

#[cfg(not(target_arch = "x86_64"))]
mod portable;
#[cfg(not(target_arch = "x86_64"))]
pub use portable::{Vectors, fence_streams, prefetch};
