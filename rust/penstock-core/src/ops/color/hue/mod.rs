//! Hue: the pixel's colour on the circle of hues, turned.
//!
//! Operands: how far, as a part of the circle from -0.5 to 0.5, and whose arithmetic.

mod pillow;

use penstock_jpeg::simd::Level;

use crate::ops::kinds::{Block, Pixels, Put, Take, Wire};
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
    fn change(&self, _level: Level, block: &mut Block) {
        let [red, green, blue] = block;
        for ((r, g), b) in red.iter_mut().zip(green).zip(blue) {
            [*r, *g, *b] = pillow::turned([*r, *g, *b], self.shift());
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
