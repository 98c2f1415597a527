//! Autocontrast: each channel is stretched so that its least value becomes 0 and its greatest one 255.
//!
//! Operand: whose arithmetic. Pillow, without a cutoff, stretches in double precision; the two generations of torchvision
//! multiply and divide in single precision. A channel of one value stays as it is.

use penstock_jpeg::simd::Level;

use super::dispatch;
use crate::ops::chance::ByChance;
use crate::ops::kinds::{Block, Measured, Put, Take, Wire};
use crate::ops::library::Library;
use crate::ops::statistics::Statistics;
use crate::ops::tables::Tables;

/// `RandomAutocontrast`.
pub type RandomAutocontrast = ByChance<AutoContrast>;

/// Stretches each channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AutoContrast {
    /// Whose arithmetic.
    pub library: Library,
}

impl AutoContrast {
    /// What a value becomes where these are the extremes, of which the first is less.
    fn stretched(self, value: u8, least: u8, greatest: u8) -> u8 {
        let range = f32::from(greatest) - f32::from(least);
        let above = f32::from(value) - f32::from(least);
        match self.library {
            Library::Pillow => {
                let scale = 255.0 / f64::from(range);
                let offset = -f64::from(least) * scale;
                (f64::from(value) * scale + offset).clamp(0.0, 255.0) as u8
            }
            // torch divides a number by a tensor as the product with its reciprocal.
            Library::Torch1 => (above * (255.0 * (1.0 / range))) as u8,
            Library::Torch2 | Library::Torch2Unfused => (above / (range * (1.0 / 255.0))) as u8,
        }
    }
}

impl Measured for AutoContrast {
    fn look(&self, level: Level, block: &Block, pixels: usize, seen: &mut Statistics) {
        dispatch::extremes(level, block, pixels, [&mut seen.least, &mut seen.greatest]);
    }

    fn tables(&self, seen: &Statistics) -> Tables {
        Tables::of(|channel, byte| {
            let (least, greatest) = (seen.least[channel], seen.greatest[channel]);
            if greatest > least { self.stretched(byte, least, greatest) } else { byte }
        })
    }
}

impl Wire for AutoContrast {
    fn put(&self, to: &mut impl Put) {
        to.choice(self.library);
    }

    fn take(from: &mut impl Take) -> Option<Self> {
        Some(AutoContrast { library: from.choice()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pair_of_extremes_becomes_black_and_white() {
        for library in [Library::Pillow, Library::Torch1, Library::Torch2] {
            for (least, greatest) in (0..=255u8).flat_map(|most| (0..most).map(move |least| (least, most))) {
                let mut seen = Statistics::new(3);
                (seen.least, seen.greatest) = ([least; 3], [greatest, 255, least]);
                let tables = AutoContrast { library }.tables(&seen);
                let table = tables.channel(0);
                assert!(table.is_sorted());
                assert_eq!(table[usize::from(least)], 0);
                // Pillow's offset may leave a little less than 255.
                assert!(table[usize::from(greatest)] >= 254);
                assert_eq!(tables.channel(2)[77], 77, "one value");
            }
        }
    }

    #[test]
    fn the_libraries_differ() {
        let differ = |one, other| {
            let of = |library, (least, value)| AutoContrast { library }.stretched(value, least, 200);
            let cases = (0..200).flat_map(|least| (least..=200).map(move |value| (least, value)));
            cases.filter(|&case| of(one, case) != of(other, case)).count()
        };
        assert!(differ(Library::Pillow, Library::Torch1) > 0);
        assert!(differ(Library::Torch1, Library::Torch2) > 0);
        assert_eq!(differ(Library::Torch2Unfused, Library::Torch2), 0);
    }
}
