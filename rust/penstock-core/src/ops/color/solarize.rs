//! Solarizing: values from a threshold on are inverted.
//!
//! Pillow compares with the threshold as a number of Python's, torchvision's tensors compare in single precision: they
//! differ where the threshold is rounded to a whole number.

use crate::ops::chance::ByChance;
use crate::ops::kinds::{Lut, Put, Take, Wire};
use crate::ops::library::Library;

/// `RandomSolarize`.
pub type RandomSolarize = ByChance<Solarize>;

/// Inverts from a threshold on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Solarize {
    /// The least value that is inverted.
    pub threshold: f64,
    /// How values are compared with it.
    pub library: Library,
}

impl Lut for Solarize {
    fn value(&self, _channel: usize, byte: u8) -> u8 {
        let inverts = match self.library {
            Library::Pillow => f64::from(byte) >= self.threshold,
            _ => f32::from(byte) >= self.threshold as f32,
        };
        if inverts { !byte } else { byte }
    }
}

impl Wire for Solarize {
    fn put(&self, to: &mut impl Put) {
        to.double(self.threshold);
        to.choice(self.library);
    }

    fn take(from: &mut impl Take) -> Option<Self> {
        Some(Solarize { threshold: from.double()?, library: from.choice()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_libraries_differ_where_the_threshold_is_rounded() {
        let of = |threshold, library| Solarize { threshold, library };
        for library in [Library::Pillow, Library::Torch1, Library::Torch2] {
            for byte in 0..=255 {
                let inverted = of(128.0, library).value(0, byte) != byte;
                assert_eq!(inverted, byte >= 128);
                assert_eq!(of(256.0, library).value(0, byte), byte);
                assert_eq!(of(-1.0, library).value(0, byte), !byte);
            }
        }
        // What 255 * torch.linspace(1, 0, 31)[2] is as a number of Python's.
        let threshold = 238.000_001_013_278_96;
        assert_eq!(of(threshold, Library::Pillow).value(0, 238), 238);
        assert_eq!(of(threshold, Library::Torch2).value(0, 238), 17);
    }
}
