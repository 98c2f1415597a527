//! Hue: the pixel's colour on the circle of hues, turned.
//!
//! Operands: how far, as a part of the circle from -0.5 to 0.5, and whose arithmetic.

mod dispatch;
mod pillow;
mod sector;
#[cfg(target_arch = "x86_64")]
mod sectors;
mod torch;
#[cfg(target_arch = "x86_64")]
mod x86_64;

pub(super) use pillow::{from_hsv, to_hsv};

use penstock_jpeg::simd::Level;

use crate::ops::kinds::{Block, Pixels, Put, Size, Take, Wire};
use crate::ops::layout::{Layout, Lying};
use crate::ops::library::Library;

/// Turns the hue.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hue {
    /// How far, as a part of the circle.
    pub turn: f64,
    /// Whose arithmetic.
    pub library: Library,
}

impl Hue {
    /// How far in 256ths of the circle, cut off towards zero and counted forwards.
    fn shift(self) -> u8 {
        (self.turn * 255.0) as i32 as u8
    }
}

impl Pixels for Hue {
    fn laid(&self, given: Lying, size: Size) -> Lying {
        let interleaved = self.library == Library::Torch1;
        given.made(size, if interleaved { Layout::INTERLEAVED } else { Layout::PLANAR })
    }

    fn change(&self, level: Level, block: &mut Block) {
        let turn = self.turn as f32;
        let done = match self.library {
            Library::Pillow => dispatch::pillow(level, block, self.shift()),
            Library::Torch1 => dispatch::torch::<true>(level, block, turn),
            Library::Torch2 | Library::Torch2Unfused => dispatch::torch::<false>(level, block, turn),
        };
        if done {
            return;
        }
        let [red, green, blue] = block;
        for ((r, g), b) in red.iter_mut().zip(green).zip(blue) {
            let pixel = [*r, *g, *b];
            [*r, *g, *b] = match self.library {
                Library::Pillow => pillow::turned(pixel, self.shift()),
                library => torch::turned(pixel, turn, library),
            };
        }
    }
}

impl Wire for Hue {
    fn put(&self, to: &mut impl Put) {
        to.double(self.turn);
        to.choice(self.library);
    }

    fn take(from: &mut impl Take) -> Option<Self> {
        let (turn, library) = (from.double()?, from.choice()?);
        (-0.5..=0.5).contains(&turn).then_some(Hue { turn, library })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::color::every_colour;

    #[test]
    fn levels_turn_every_colour_as_plain_code_does() {
        let levels: Vec<Level> = Level::available().filter(|&level| level != Level::SCALAR).collect();
        let cases = [0.1, -0.37].map(|turn| (turn, Library::Pillow));
        for (turn, library) in cases.into_iter().chain([(-0.1, Library::Torch1), (0.42, Library::Torch2)]) {
            let hue = Hue { turn, library };
            for block in every_colour() {
                let mut expected = block;
                hue.change(Level::SCALAR, &mut expected);
                for &level in &levels {
                    let mut found = block;
                    hue.change(level, &mut found);
                    assert_eq!(found, expected, "{block:?} {}", level.name());
                }
            }
        }
    }
}
