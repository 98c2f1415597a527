//! Colour: what changes the values of pixels and looks at no neighbour.

mod autocontrast;
mod blend;
mod brightness;
mod contrast;
mod dispatch;
mod equalize;
mod gray;
mod hue;
mod invert;
mod kernels;
mod permute;
mod point;
mod posterize;
mod saturation;
mod solarize;

pub use autocontrast::AutoContrast;
pub use brightness::Brightness;
pub use contrast::Contrast;
pub use equalize::Equalize;
pub use gray::Gray;
pub use hue::Hue;
pub use invert::{Invert, RandomInvert};
pub use permute::Permute;
pub use point::Point;
pub use posterize::{Posterize, RandomPosterize};
pub use saturation::Saturation;
pub use solarize::{RandomSolarize, Solarize};
