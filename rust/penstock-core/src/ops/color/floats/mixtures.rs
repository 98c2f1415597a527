//! Mixtures with gray: saturation, contrast, and gray itself.
//!
//! The first generation rounds each product and each sum, the second one adds in one step with a product where torch does.

use penstock_jpeg::simd::Level;

use super::{clamped, each_pixel, each_value};
use crate::image::{Number, Planes};
use crate::ops::color::cascade;
use crate::ops::kinds::{FloatPixels, Put, Take, Wire};
use crate::ops::library::Library;

/// What is left of a share to one, which is computed in double precision.
fn rest(share: f64) -> f32 {
    (1.0 - share) as f32
}

/// The luminance of a pixel.
#[inline(always)]
#[expect(clippy::inline_always, reason = "it is compiled for each level's vectors")]
#[expect(clippy::suboptimal_flops, reason = "torch rounds after each operation")]
fn luminance([r, g, b]: [f32; 3], fused: bool) -> f32 {
    if fused { b.mul_add(0.114, g.mul_add(0.587, r * 0.2989)) } else { (0.2989 * r + 0.587 * g) + 0.114 * b }
}

/// All channels become the luminance. Operand: whose arithmetic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GrayFloats {
    /// Whose arithmetic.
    pub library: Library,
}

impl FloatPixels for GrayFloats {
    fn change(&self, level: Level, planes: &mut Planes) {
        let fused = self.library == Library::Torch2;
        each_pixel(
            level,
            planes,
            #[inline(always)]
            |pixel| [luminance(pixel, fused); 3],
        );
    }
}

impl Wire for GrayFloats {
    fn put(&self, to: &mut impl Put) {
        to.choice(self.library);
    }

    fn take(from: &mut impl Take) -> Option<Self> {
        Some(Self { library: from.choice()? }).filter(|step| step.library != Library::Pillow)
    }
}

/// Mixes with the luminance. Operands: the factor, and whose arithmetic.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SaturationFloats {
    /// How much of the pixel there is in the mixture.
    pub factor: f64,
    /// Whose arithmetic.
    pub library: Library,
}

impl FloatPixels for SaturationFloats {
    fn change(&self, level: Level, planes: &mut Planes) {
        let (own, of_gray, fused) = (self.factor as f32, rest(self.factor), self.library == Library::Torch2);
        each_pixel(
            level,
            planes,
            #[inline(always)]
            |pixel| {
                let gray = luminance(pixel, fused);
                pixel.map(|value| clamped(mixed(value, own, gray, of_gray, fused)))
            },
        );
    }
}

/// A mixture of a value with another one.
#[inline(always)]
#[expect(clippy::inline_always, reason = "it is compiled for each level's vectors")]
#[expect(clippy::suboptimal_flops, reason = "torch rounds after each operation")]
fn mixed(value: f32, own: f32, other: f32, of_other: f32, fused: bool) -> f32 {
    if fused { other.mul_add(of_other, value * own) } else { own * value + of_other * other }
}

impl Wire for SaturationFloats {
    fn put(&self, to: &mut impl Put) {
        to.double(self.factor);
        to.choice(self.library);
    }

    fn take(from: &mut impl Take) -> Option<Self> {
        let (factor, library) = (from.double()?, from.choice()?);
        (library != Library::Pillow).then_some(Self { factor, library })
    }
}

/// Mixes with the mean of the luminance of all pixels, or of their only channel, as the first generation does. Operands: the
/// factor, and the threads by which torch adds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ContrastFloats {
    /// How much of the pixel there is in the mixture.
    pub factor: f64,
    /// Threads that torch has.
    pub threads: u32,
}

impl FloatPixels for ContrastFloats {
    fn looks(&self) -> bool {
        true
    }

    fn change(&self, level: Level, planes: &mut Planes) {
        let pixels = planes.rows() * planes.columns();
        if pixels == 0 {
            return;
        }
        let of_channel = |channel: usize| planes.numbers().get(channel * pixels..).unwrap_or(&[]).iter();
        let value = |number: &Number| f32::from_ne_bytes(*number);
        let gray: Vec<f32> = if planes.channels() == 3 {
            let rgb = of_channel(0).zip(of_channel(1)).zip(of_channel(2));
            rgb.map(|((r, g), b)| luminance([r, g, b].map(value), false)).take(pixels).collect()
        } else {
            of_channel(0).map(value).take(pixels).collect()
        };
        let mean = cascade::sum(&gray, self.threads as usize) / pixels as f32;
        let (own, of_mean) = (self.factor as f32, rest(self.factor));
        each_value(
            level,
            planes,
            #[inline(always)]
            |value| clamped(mixed(value, own, mean, of_mean, false)),
        );
    }
}

impl Wire for ContrastFloats {
    fn put(&self, to: &mut impl Put) {
        to.double(self.factor);
        to.word(self.threads);
    }

    fn take(from: &mut impl Take) -> Option<Self> {
        Some(Self { factor: from.double()?, threads: from.word()? })
    }
}
