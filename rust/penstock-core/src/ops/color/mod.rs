//! Colour: what changes the values of pixels and looks at no neighbour.

mod autocontrast;
mod blend;
mod brightness;
mod cascade;
mod channel;
mod contrast;
mod dispatch;
mod equalize;
mod floats;
mod gray;
mod grayscale;
mod hue;
mod invert;
mod jitter;
mod kernels;
mod permute;
mod photometric_distort;
mod point;
mod posterize;
mod saturation;
mod solarize;
mod space;
mod summed_contrast;
#[cfg(target_arch = "x86_64")]
mod x86_64;

pub use autocontrast::{AutoContrast, RandomAutocontrast};
pub use brightness::Brightness;
pub use cascade::sum as cascade_sum;
pub use channel::Channel;
pub use contrast::Contrast;
pub use equalize::{Equalize, RandomEqualize};
pub use floats::{
    BrightnessFloats, ContrastFloats, GrayFloats, HueFloats, InvertFloats, NormalizeFloats, RandomGrayFloats,
    RandomInvertFloats, RandomSolarizeFloats, SaturationFloats, SolarizeFloats,
};
pub use gray::{Gray, RandomGrayscale};
pub use grayscale::Grayscale;
pub use hue::Hue;
pub use invert::{Invert, RandomInvert};
pub use jitter::ColorJitter;
pub use permute::{Permute, RandomChannelPermutation};
pub use photometric_distort::RandomPhotometricDistort;
pub use point::Point;
pub use posterize::{Posterize, RandomPosterize};
pub use saturation::Saturation;
pub use solarize::{RandomSolarize, Solarize};
pub use space::{Conversion, Space};
pub use summed_contrast::{Contrasted, Mixer, SummedContrast, Sums};

/// All colours there are, in blocks.
#[cfg(test)]
fn every_colour() -> impl Iterator<Item = crate::ops::kinds::Block> {
    use crate::ops::kinds::BLOCK_PIXELS;

    let plane = |first: u32, shift: u32| std::array::from_fn(|i| ((first + i as u32) >> shift) as u8);
    (0..1 << 24).step_by(BLOCK_PIXELS).map(move |first| [16, 8, 0].map(|shift| plane(first, shift)))
}
