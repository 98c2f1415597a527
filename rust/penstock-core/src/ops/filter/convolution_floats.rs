//! torch's convolution of each channel of a tensor of float32: what [`super::Convolution`] does, of numbers and without a
//! rounding at the end.

use penstock_jpeg::simd::Level;

use super::convolution::{Convolution, Seen};
use super::dispatch;
use super::products::BLOCK;
use crate::image::{Planes, Region};
use crate::ops::kinds::{Area, FloatArea, Put, Size, Take, Wire};

/// Convolves every channel. Operands: those of the convolution of bytes.
#[derive(Debug, Clone, PartialEq)]
pub struct ConvolutionFloats {
    /// The weights.
    pub weights: Convolution,
}

/// Memory of one thread.
#[derive(Debug, Default)]
pub struct Padded {
    /// The source, with what is seen before and behind it, and room for a block behind each row.
    numbers: Vec<f32>,
    products: Vec<f32>,
}

impl FloatArea for ConvolutionFloats {
    type Memory = Padded;

    fn size(&self, size: Size) -> Option<Size> {
        self.weights.size(size)
    }

    fn support(&self, size: Size, wanted: &Region) -> Region {
        self.weights.support(size, wanted)
    }

    fn make(
        &self,
        level: Level,
        source: &Planes,
        size: Size,
        wanted: &Region,
        memory: &mut Padded,
        out: &mut Planes,
    ) -> Option<()> {
        let support = self.support(size, wanted);
        if (source.rows(), source.columns()) != (support.rows.len(), support.columns.len())
            || !out.shape(source.channels(), wanted.rows.len(), wanted.columns.len())
        {
            return None;
        }
        let [across, down] = self.weights.margins();
        let rows = Seen::new(&wanted.rows, down, size.0, support.rows.start);
        let columns = Seen::new(&wanted.columns, across, size.1, support.columns.start);
        let Padded { numbers, products } = memory;
        products.clear();
        let [across, down] = self.weights.weights();
        products.extend(down.iter().flat_map(|down| across.iter().map(move |across| down * across)));
        let stride = columns.count() + BLOCK;
        let (width, height) = (wanted.columns.len(), wanted.rows.len());
        numbers.clear();
        numbers.try_reserve_exact(rows.count().checked_mul(stride)?).ok()?;
        for channel in 0..source.channels() {
            numbers.clear();
            for row in 0..rows.count() {
                let line = source.row(channel, rows.at(row));
                numbers.extend((0..columns.count()).map(|x| f32::from_ne_bytes(line[columns.at(x)])));
                numbers.resize((row + 1) * stride, 0.0);
            }
            let out = out.numbers_mut().get_mut(channel * width * height..)?.get_mut(..width * height)?;
            for (row, out) in out.chunks_exact_mut(width).enumerate() {
                let from = numbers.get(row * stride..)?;
                dispatch::convolve_floats(level, from, stride, (products, across.len()), out);
            }
        }
        Some(())
    }
}

impl Wire for ConvolutionFloats {
    fn put(&self, to: &mut impl Put) {
        self.weights.put(to);
    }

    fn take(from: &mut impl Take) -> Option<Self> {
        Some(Self { weights: Convolution::take(from)? })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn made(level: Level, step: &ConvolutionFloats, source: &Planes, size: Size, wanted: &Region) -> Planes {
        let (mut part, mut out) = (Planes::default(), Planes::default());
        let support = step.support(size, wanted);
        assert!(part.copy_part(source, &support.rows, &support.columns));
        step.make(level, &part, size, wanted, &mut Padded::default(), &mut out).unwrap();
        out
    }

    proptest! {
        #[test]
        fn every_level_and_every_part_has_the_same_bits(
            size in (6u32..50, 6u32..150),
            channels in prop::sample::select(vec![1usize, 3]),
            sides in (0usize..5, 0usize..5),
            corner in (0u32..50, 0u32..150),
        ) {
            let weights = |side: usize| -> Vec<f32> {
                (0..=2 * side).map(|i| (1 + i) as f32 / ((2 * side + 1) * (side + 1)) as f32).collect()
            };
            let weights = Convolution::new(weights(sides.0), weights(sides.1)).unwrap();
            let (step, mut source) = (ConvolutionFloats { weights }, Planes::default());
            prop_assert!(source.shape(channels, size.0 as usize, size.1 as usize));
            for (index, number) in source.numbers_mut().iter_mut().enumerate() {
                *number = ((index * 89 % 256) as f32 / 255.0).to_ne_bytes();
            }
            let whole = made(Level::SCALAR, &step, &source, size, &Region::whole(size));
            let (top, left) = (corner.0 % size.0, corner.1 % size.1);
            let wanted = Region { rows: top..size.0, columns: left..size.1 };
            let mut part = Planes::default();
            prop_assert!(part.copy_part(&whole, &wanted.rows, &wanted.columns));
            for level in Level::available() {
                let all = made(level, &step, &source, size, &Region::whole(size));
                prop_assert_eq!(all.numbers(), whole.numbers());
                let some = made(level, &step, &source, size, &wanted);
                prop_assert_eq!(some.numbers(), part.numbers());
            }
        }
    }
}
