//! Posterizing: only the upper bits of a value are kept, in all libraries.

use crate::ops::chance::ByChance;
use crate::ops::kinds::{Lut, Put, Take, Wire};

/// `RandomPosterize`.
pub type RandomPosterize = ByChance<Posterize>;

/// Keeps the upper bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Posterize {
    /// How many of them; from 8 on, all.
    pub bits: u8,
}

impl Lut for Posterize {
    fn value(&self, _channel: usize, byte: u8) -> u8 {
        let dropped = 8_u32.saturating_sub(u32::from(self.bits));
        byte & 0xff_u8.checked_shl(dropped).unwrap_or(0)
    }
}

impl Wire for Posterize {
    fn put(&self, to: &mut impl Put) {
        to.word(self.bits.into());
    }

    fn take(from: &mut impl Take) -> Option<Self> {
        Some(Posterize { bits: from.word()?.try_into().ok()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_and_number_of_bits_is_masked_as_pillow_does() {
        for bits in 0..=8_u8 {
            // `~(2 ** (8 - bits) - 1)`, of Python's unbounded integers.
            let mask = !((1_i32 << (8 - bits)) - 1);
            for byte in 0..=255 {
                assert_eq!(i32::from(Posterize { bits }.value(0, byte)), i32::from(byte) & mask);
            }
        }
        assert_eq!(Posterize { bits: 9 }.value(1, 77), 77);
    }
}
