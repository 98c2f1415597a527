//! Brightness: every value times a factor.
//!
//! Operands: the factor, and whose arithmetic; all of them come to the same table.

use super::blend::{self, Blend};
use crate::ops::kinds::{Lut, Put, Take, Wire};
use crate::ops::library::Library;

/// Mixes with black.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Brightness {
    /// How much of the image there is in the mixture; finite in single precision.
    pub factor: f64,
    /// Whose arithmetic.
    pub library: Library,
}

impl Lut for Brightness {
    fn value(&self, _channel: usize, byte: u8) -> u8 {
        Blend::new(self.factor, self.library).byte(0.0, byte)
    }
}

impl Wire for Brightness {
    fn put(&self, to: &mut impl Put) {
        blend::put(self.factor, self.library, to);
    }

    fn take(from: &mut impl Take) -> Option<Self> {
        blend::take(from).map(|(factor, library)| Brightness { factor, library })
    }
}
