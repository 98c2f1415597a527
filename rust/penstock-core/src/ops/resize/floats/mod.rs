//! torch's resize of tensors in single precision.

mod dispatch;
mod passes;
mod step;
#[cfg(test)]
mod tests;
mod weights;
#[cfg(target_arch = "x86_64")]
mod x86_64;

pub use step::ResampleFloats;
