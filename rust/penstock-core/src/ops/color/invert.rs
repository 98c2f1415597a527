//! Inverting: every value becomes what is left of it to 255, in all libraries.

use crate::ops::chance::Chance;
use crate::ops::kinds::{Draw, Lut, Parameters, Put, Size, Take, Wire};
use crate::random::Streams;

/// `RandomInvert`.
#[derive(Debug, Clone, PartialEq)]
pub struct RandomInvert {
    /// Whether it happens.
    pub chance: Chance,
}

impl<S: From<Invert>> Draw<S> for RandomInvert {
    fn draw(
        &self,
        size: Size,
        Streams { torch: generator, .. }: &mut Streams,
        steps: &mut Vec<S>,
    ) -> Option<Size> {
        if self.chance.draw(generator) {
            steps.push(Invert.into());
        }
        Some(size)
    }
}

impl Parameters for RandomInvert {
    fn take(from: &mut impl Take) -> Option<Self> {
        Some(RandomInvert { chance: Chance::take(from)? })
    }
}

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
