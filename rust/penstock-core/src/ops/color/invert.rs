//! Inverting: every value becomes what is left of it to 255, in all libraries.

use crate::ops::chance::ByChance;
use crate::ops::kinds::{Lut, Put, Take, Wire};

/// `RandomInvert`.
pub type RandomInvert = ByChance<Invert>;

/// Inverts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Invert;

impl Lut for Invert {
    fn value(&self, _channel: usize, byte: u8) -> u8 {
        !byte
    }
}

impl Wire for Invert {
    fn put(&self, _to: &mut impl Put) {}

    fn take(_from: &mut impl Take) -> Option<Self> {
        Some(Invert)
    }
}
