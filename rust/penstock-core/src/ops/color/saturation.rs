//! Saturation: every value mixed with the pixel's gray value.
//!
//! Operands: the factor, and whose arithmetic.

use penstock_jpeg::simd::Level;

use super::blend::{self, Blend};
use super::dispatch;
use crate::ops::kinds::{Block, Pixels, Put, Take, Wire};
use crate::ops::library::Library;

/// Mixes with gray.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Saturation {
    /// How much of the image there is in the mixture; finite in single precision.
    pub factor: f64,
    /// Whose arithmetic.
    pub library: Library,
}

impl Pixels for Saturation {
    fn change(&self, level: Level, block: &mut Block) {
        dispatch::saturate(level, Blend::new(self.factor, self.library), block);
    }
}

impl Wire for Saturation {
    fn put(&self, to: &mut impl Put) {
        blend::put(self.factor, self.library, to);
    }

    fn take(from: &mut impl Take) -> Option<Self> {
        blend::take(from).map(|(factor, library)| Saturation { factor, library })
    }
}
