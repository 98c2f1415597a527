//! Filters: what makes a pixel of its neighbours, as Pillow does it.

mod blur;
mod box_blur;
mod boxes;
mod dispatch;
mod gaussian_blur;
mod kernel;
mod means;
mod neighbours;
mod sharpness;
mod strip;
#[cfg(target_arch = "x86_64")]
mod x86_64;

pub use blur::{Blurred, Radius};
pub use box_blur::{BoxBlur, OneBox};
pub use boxes::Boxes;
pub use gaussian_blur::{GaussianBlur, ThreeBoxes};
pub use kernel::{Kernel, Kernel3, Kernel5};
pub use neighbours::Neighbours;
pub use sharpness::{Blend, RandomAdjustSharpness, Sharpness};
