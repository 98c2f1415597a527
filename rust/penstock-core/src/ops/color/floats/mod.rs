//! Colour of images whose pixels are numbers in single precision, as torchvision's generations have it.

mod dispatch;
mod hue;
mod mixtures;
mod normalize;
#[cfg(test)]
mod tests;
mod values;

pub use hue::HueFloats;
pub use mixtures::{ContrastFloats, GrayFloats, SaturationFloats};
pub use normalize::NormalizeFloats;
pub use values::{BrightnessFloats, InvertFloats, SolarizeFloats};

use penstock_jpeg::simd::Level;

use crate::image::Planes;
use crate::ops::chance::ByChance;

/// `RandomInvert`.
pub type RandomInvertFloats = ByChance<InvertFloats>;
/// `RandomSolarize`.
pub type RandomSolarizeFloats = ByChance<SolarizeFloats>;
/// `RandomGrayscale`.
pub type RandomGrayFloats = ByChance<GrayFloats>;

/// torch's `clamp` to what pixels may be: what is not a number stays what it is.
#[inline(always)]
#[expect(clippy::inline_always, reason = "it is compiled for each level's vectors")]
fn clamped(value: f32) -> f32 {
    let value = if value < 0.0 { 0.0 } else { value };
    if value > 1.0 { 1.0 } else { value }
}

/// Changes each number by itself, by the vectors of a level; the change is to be inlined.
fn each_value(level: Level, planes: &mut Planes, change: impl Fn(f32) -> f32) {
    dispatch::change(
        level,
        planes,
        #[inline(always)]
        |planes| {
            for number in planes.numbers_mut() {
                *number = change(f32::from_ne_bytes(*number)).to_ne_bytes();
            }
        },
    );
}

/// The same of the three channels of each pixel; an image of another number of channels is left as it is.
fn each_pixel(level: Level, planes: &mut Planes, change: impl Fn([f32; 3]) -> [f32; 3]) {
    dispatch::change(
        level,
        planes,
        #[inline(always)]
        |planes| {
            let plane = planes.rows() * planes.columns();
            if planes.channels() != 3 {
                return;
            }
            let (red, rest) = planes.numbers_mut().split_at_mut(plane);
            let (green, blue) = rest.split_at_mut(plane);
            for ((r, g), b) in red.iter_mut().zip(green).zip(blue) {
                let made = change([*r, *g, *b].map(f32::from_ne_bytes));
                [*r, *g, *b] = made.map(f32::to_ne_bytes);
            }
        },
    );
}
