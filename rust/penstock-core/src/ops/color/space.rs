//! Pillow's conversions of colours to other spaces, and back: YCbCr in whole numbers, HSV in its mixture of precisions.
//!
//! Operands: which one.

use penstock_jpeg::simd::Level;

use super::hue::{from_hsv, to_hsv};
use crate::ops::choice::Choice;
use crate::ops::kinds::{Block, Pixels, Put, Take, Wire};

/// A conversion of a pixel's three values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conversion {
    /// Of colours to luma and the differences of blue and red.
    ToYcbcr,
    /// The other way.
    OfYcbcr,
    /// Of colours to hue, saturation and value.
    ToHsv,
    /// The other way.
    OfHsv,
}

impl Choice for Conversion {
    const ALL: &[(Self, &str)] = &[
        (Conversion::ToYcbcr, "ycbcr"),
        (Conversion::OfYcbcr, "rgb_of_ycbcr"),
        (Conversion::ToHsv, "hsv"),
        (Conversion::OfHsv, "rgb_of_hsv"),
    ];
}

/// Converts colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Space {
    /// How.
    pub conversion: Conversion,
}

impl Pixels for Space {
    fn change(&self, _level: Level, block: &mut Block) {
        match self.conversion {
            Conversion::ToYcbcr => each(block, to_ycbcr),
            Conversion::OfYcbcr => each(block, of_ycbcr),
            Conversion::ToHsv => each(block, to_hsv),
            Conversion::OfHsv => each(block, from_hsv),
        }
    }
}

fn each([first, second, third]: &mut Block, convert: impl Fn([u8; 3]) -> [u8; 3]) {
    for ((a, b), c) in first.iter_mut().zip(second).zip(third) {
        [*a, *b, *c] = convert([*a, *b, *c]);
    }
}

/// Bits behind the point of Pillow's products.
const SCALE: i32 = 6;

/// The products of a factor, in hundred thousandths, with 256 numbers from `first` on. A half is added and what is behind
/// the point cut off, whatever the sign.
const fn products(factor: i64, first: i64) -> [i16; 256] {
    let mut made = [0; 256];
    let mut index = 0;
    while index < 256 {
        let twice = 2 * ((factor * (first + index as i64)) << SCALE);
        made[index] = ((twice + 100_000) / 200_000) as i16;
        index += 1;
    }
    made
}

/// For luma and each difference what red, green and blue add to it.
static TO_YCBCR: [[[i16; 256]; 3]; 3] = [
    [products(29_900, 0), products(58_700, 0), products(11_400, 0)],
    [products(-16_874, 0), products(-33_126, 0), products(50_000, 0)],
    [products(50_000, 0), products(-41_869, 0), products(-8_131, 0)],
];
static RED_OF_CR: [i16; 256] = products(140_200, -128);
static GREEN_OF_CB: [i16; 256] = products(-34_414, -128);
static GREEN_OF_CR: [i16; 256] = products(-71_414, -128);
static BLUE_OF_CB: [i16; 256] = products(177_200, -128);

fn to_ycbcr(pixel: [u8; 3]) -> [u8; 3] {
    let [red, green, blue] = pixel.map(usize::from);
    let [y, cb, cr] = [0, 1, 2].map(|channel: usize| {
        let [of_red, of_green, of_blue] = &TO_YCBCR[channel];
        (of_red[red] + of_green[green] + of_blue[blue]) >> SCALE
    });
    [y as u8, (cb + 128) as u8, (cr + 128) as u8]
}

fn of_ycbcr([y, cb, cr]: [u8; 3]) -> [u8; 3] {
    let (cb, cr) = (usize::from(cb), usize::from(cr));
    [RED_OF_CR[cr], GREEN_OF_CB[cb] + GREEN_OF_CR[cr], BLUE_OF_CB[cb]]
        .map(|sum| (i16::from(y) + (sum >> SCALE)).clamp(0, 255) as u8)
}

impl Wire for Space {
    fn put(&self, to: &mut impl Put) {
        to.choice(self.conversion);
    }

    fn take(from: &mut impl Take) -> Option<Self> {
        Some(Space { conversion: from.choice()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::color::every_colour;

    #[test]
    fn every_colour_has_its_luma_and_comes_back() {
        for block in every_colour() {
            for index in 0..block[0].len() {
                let pixel = block.map(|plane| plane[index]);
                let [red, green, blue] = pixel.map(f64::from);
                let exact = [
                    red.mul_add(0.299, green.mul_add(0.587, blue * 0.114)),
                    128.0 + (blue - red.mul_add(0.299, green.mul_add(0.587, blue * 0.114))) / 1.772,
                    128.0 + (red - red.mul_add(0.299, green.mul_add(0.587, blue * 0.114))) / 1.402,
                ];
                let found = to_ycbcr(pixel);
                for (found, exact) in found.into_iter().zip(exact) {
                    assert!((f64::from(found) - exact).abs() < 1.1, "{pixel:?} {found} {exact}");
                }
                for (back, value) in of_ycbcr(found).into_iter().zip(pixel) {
                    assert!(back.abs_diff(value) <= 4, "{pixel:?} {found:?}");
                }
            }
        }
    }
}
