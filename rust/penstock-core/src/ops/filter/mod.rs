//! Filters: what makes a pixel of its neighbours, as Pillow does it.

mod box_blur;
mod boxes;
mod dispatch;
mod gaussian_blur;
mod means;
mod strip;
#[cfg(target_arch = "x86_64")]
mod x86_64;

pub use box_blur::BoxBlur;
pub use boxes::Boxes;
pub use gaussian_blur::GaussianBlur;
