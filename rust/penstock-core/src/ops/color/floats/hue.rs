//! Hue: the pixel's colour on the circle of hues, turned.

use penstock_jpeg::simd::Level;

use super::{clamped, each_pixel};
use crate::image::Planes;
use crate::ops::kinds::{FloatPixels, Put, Take, Wire};
use crate::ops::library::Library;

/// Turns the hue. Operands: how far, as a part of the circle, and whose arithmetic.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HueFloats {
    /// How far.
    pub turn: f64,
    /// Whose arithmetic.
    pub library: Library,
}

impl FloatPixels for HueFloats {
    fn change(&self, level: Level, planes: &mut Planes) {
        let turn = self.turn as f32;
        if self.library == Library::Torch1 {
            each_pixel(
                level,
                planes,
                #[inline(always)]
                |pixel| turned::<true>(pixel, turn),
            );
        } else {
            each_pixel(level, planes, |pixel| turned::<false>(pixel, turn));
        }
    }
}

/// What is left of a number above -2 when it is divided by one, with its sign.
#[inline(always)]
#[expect(clippy::inline_always, reason = "it is compiled for each level's vectors")]
fn fraction(value: f32) -> f32 {
    value - value.trunc()
}

/// As of bytes, but for the conversions. The first generation divides by 6, the second one multiplies with the reciprocal,
/// and computes what is added to a channel from what is taken off another one.
#[inline(always)]
#[expect(clippy::inline_always, reason = "it is compiled for each level's vectors")]
#[expect(clippy::float_cmp, reason = "torch compares so")]
fn turned<const FIRST: bool>([r, g, b]: [f32; 3], turn: f32) -> [f32; 3] {
    let most = if r < g { g } else { r };
    let value = if most < b { b } else { most };
    let least = if g < r { g } else { r };
    let least = if b < least { b } else { least };
    let range = value - least;
    let is_gray = value == least;
    let saturation = range / if is_gray { 1.0 } else { value };
    let by = if is_gray { 1.0 } else { range };
    let [red, green, blue] = [r, g, b].map(|channel| (value - channel) / by);
    let sector = if r == value {
        blue - green
    } else if g == value {
        2.0 + red - blue
    } else {
        4.0 + green - red
    };
    let sixth = if FIRST { sector / 6.0 } else { sector * (1.0 / 6.0) };
    let hue = fraction(fraction(sixth + 1.0) + turn);
    let hue = if hue < 0.0 { hue + 1.0 } else { hue };

    let position = hue * 6.0;
    let sector = position.floor();
    let part = position - sector;
    let taken = saturation * part;
    let left = 1.0 - saturation;
    let added = if FIRST { 1.0 - saturation * (1.0 - part) } else { taken + left };
    let [p, q, t] = [left, 1.0 - taken, added].map(|share| clamped(value * share));
    let sector = if sector >= 6.0 { sector - 6.0 } else { sector };
    // Of which channels are which: by comparisons, of which vectors can be made.
    let choose = |at: [f32; 6]| {
        let early = if sector == 0.0 {
            at[0]
        } else if sector == 1.0 {
            at[1]
        } else {
            at[2]
        };
        let late = if sector == 3.0 {
            at[3]
        } else if sector == 4.0 {
            at[4]
        } else {
            at[5]
        };
        if sector < 3.0 { early } else { late }
    };
    [
        choose([value, q, p, p, t, value]),
        choose([t, value, value, q, p, p]),
        choose([p, p, t, value, value, q]),
    ]
}

impl Wire for HueFloats {
    fn put(&self, to: &mut impl Put) {
        to.double(self.turn);
        to.choice(self.library);
    }

    fn take(from: &mut impl Take) -> Option<Self> {
        let (turn, library) = (from.double()?, from.choice()?);
        ((-0.5..=0.5).contains(&turn) && library != Library::Pillow).then_some(Self { turn, library })
    }
}
