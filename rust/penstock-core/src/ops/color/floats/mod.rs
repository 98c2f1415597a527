//! Colour of images whose pixels are numbers in single precision.

mod dispatch;
mod normalize;

pub use normalize::NormalizeFloats;
