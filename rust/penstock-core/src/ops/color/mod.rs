//! Colour: what changes the values of pixels and looks at no neighbour.

mod invert;
mod permute;
mod posterize;
mod solarize;

pub use invert::{Invert, RandomInvert};
pub use permute::Permute;
pub use posterize::{Posterize, RandomPosterize};
pub use solarize::{RandomSolarize, Solarize};
