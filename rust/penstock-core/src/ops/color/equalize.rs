//! Equalizing: each channel's values are spread so that all are about equally frequent, in all libraries by the same
//! integers.
//!
//! There are no operands. With `n` pixels, of which `m` have the greatest value that is there, a step is `(n - m) / 255`,
//! and a value becomes the number of steps in the count of all values below it. A channel of one value, or of so few
//! pixels that the step is 0, stays as it is.

use penstock_jpeg::simd::Level;

use crate::ops::chance::ByChance;
use crate::ops::kinds::{Block, Measured, Put, Size, Take, Wire};
use crate::ops::layout::{Layout, Lying};
use crate::ops::statistics::Statistics;
use crate::ops::tables::Tables;

/// `RandomEqualize`.
pub type RandomEqualize = ByChance<Equalize>;

/// Equalizes each channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Equalize;

impl Measured for Equalize {
    fn laid(&self, given: Lying, size: Size) -> Lying {
        given.made(size, Layout::PLANAR)
    }

    fn look(&self, _level: Level, block: &Block, pixels: usize, seen: &mut Statistics) {
        for (values, counts) in block.iter().zip(&mut seen.counts).take(seen.channels) {
            let (fours, rest) = values.get(..pixels).unwrap_or(values).as_chunks::<4>();
            for four in fours {
                for (counts, value) in counts.iter_mut().zip(four) {
                    counts[usize::from(*value)] += 1;
                }
            }
            for value in rest {
                counts[0][usize::from(*value)] += 1;
            }
        }
    }

    fn tables(&self, seen: &Statistics) -> Tables {
        let spread = seen.counts.each_ref().map(spread);
        Tables::of(|channel, byte| spread[channel][usize::from(byte)])
    }
}

/// What the bytes of a channel become that are there so often.
fn spread(counts: &[[u32; 256]; 4]) -> [u8; 256] {
    let counts: [u64; 256] =
        std::array::from_fn(|byte| counts.iter().map(|part| u64::from(part[byte])).sum());
    let last = counts.iter().rfind(|&&count| count > 0).copied().unwrap_or_default();
    let step = (counts.iter().sum::<u64>() - last) / 255;
    let mut spread = [0; 256];
    let mut below = step / 2;
    for ((place, count), byte) in spread.iter_mut().zip(counts).zip(0..=255) {
        *place = below.checked_div(step).map_or(byte, |steps| steps.min(255) as u8);
        below += count;
    }
    spread
}

impl Wire for Equalize {
    fn put(&self, _to: &mut impl Put) {}

    fn take(_from: &mut impl Take) -> Option<Self> {
        Some(Equalize)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ops::kinds::BLOCK_PIXELS;

    /// A channel's table, word for word what the libraries' texts say of a list of counts.
    fn plainly(values: &[u8]) -> Vec<u8> {
        let below = |byte: u32| values.iter().filter(|&&value| u32::from(value) < byte).count();
        let counts = (0..256).map(|byte| below(byte + 1) - below(byte));
        let present: Vec<usize> = counts.filter(|&count| count > 0).collect();
        let step = (present.iter().sum::<usize>() - present.last().unwrap()) / 255;
        let identity = present.len() <= 1 || step == 0;
        let steps = |byte: u8| ((step / 2 + below(byte.into())) / step).min(255) as u8;
        (0..=255).map(|byte| if identity { byte } else { steps(byte) }).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn counts_are_spread(
            values in prop::collection::vec(prop_oneof![any::<u8>(), 60u8..90], 1..2000),
            channels in prop_oneof![Just(1usize), Just(3)],
        ) {
            let mut seen = Statistics::new(channels);
            for part in values.chunks(BLOCK_PIXELS) {
                let mut block: Block = [[7; BLOCK_PIXELS]; 3];
                block[0][..part.len()].copy_from_slice(part);
                block[2][..part.len()].copy_from_slice(part);
                Equalize.look(Level::SCALAR, &block, part.len(), &mut seen);
            }
            let tables = Equalize.tables(&seen);
            let expected = plainly(&values);
            prop_assert_eq!(tables.channel(0).as_slice(), &expected);
            if channels == 3 {
                prop_assert_eq!(tables.channel(1)[9], 9, "one value");
                prop_assert_eq!(tables.channel(2).as_slice(), &expected);
            }
        }
    }
}
