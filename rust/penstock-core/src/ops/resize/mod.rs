//! Resizing: `Resize`, `RandomResizedCrop`, timm's kin of them, and what they do to pixels, as Pillow or torch does it.

mod column;
mod dispatch;
mod filter;
mod floats;
mod keep_ratio;
mod passes;
mod program;
mod random_resized_crop;
mod random_resized_crop_and_interpolation;
mod recent;
mod resampler;
mod step;
mod target;
#[cfg(target_arch = "x86_64")]
mod x86_64;

pub use filter::{Filter, Precision, Scaling};
pub use floats::ResampleFloats;
pub use keep_ratio::ResizeKeepRatio;
pub use passes::{Arithmetic, Method, Order, Passes};
pub use random_resized_crop::RandomResizedCrop;
pub use random_resized_crop_and_interpolation::RandomResizedCropAndInterpolation;
pub use resampler::Resampler;
pub use step::Resample;
pub use target::{Manner, Resize, Target};
