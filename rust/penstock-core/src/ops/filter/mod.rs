//! Filters: what makes a pixel of its neighbours, as Pillow or torch does it.

mod blur;
mod box_blur;
mod boxes;
mod chunk;
mod convolution;
mod convolution_floats;
mod convolver;
mod dispatch;
mod gaussian_blur;
mod kernel;
mod means;
mod neighbours;
mod products;
mod random_gaussian_blur;
mod rows;
mod sharpness;
mod strip;
#[cfg(target_arch = "x86_64")]
mod x86_64;

pub use blur::{Blurred, Radius};
pub use box_blur::{BoxBlur, OneBox};
pub use boxes::Boxes;
pub use convolution::Convolution;
pub use convolution_floats::ConvolutionFloats;
pub use convolver::Convolver;
pub use gaussian_blur::{GaussianBlur, ThreeBoxes};
pub use kernel::{Kernel, Kernel3, Kernel5};
pub use neighbours::Neighbours;
pub use random_gaussian_blur::RandomGaussianBlur;
pub use sharpness::{Blend, RandomAdjustSharpness, Sharpness};
