//! How numbers are looked at by a grid: where they are.

use penstock_jpeg::simd::Level;

use super::dispatch;
use super::sampled_floats::SampledFloats;
use crate::image::{Planes, Region};
use crate::ops::kinds::{FloatArea, Size};

/// Memory of one thread: none.
#[derive(Debug, Default)]
pub struct NoMemory;

impl FloatArea for SampledFloats {
    type Memory = NoMemory;

    fn size(&self, _size: Size) -> Option<Size> {
        Some(self.grid.size)
    }

    fn support(&self, size: Size, wanted: &Region) -> Region {
        if wanted.is_empty() { Region::default() } else { Region::whole(size) }
    }

    fn make(
        &self,
        level: Level,
        source: &Planes,
        size: Size,
        wanted: &Region,
        _memory: &mut NoMemory,
        out: &mut Planes,
    ) -> Option<()> {
        if (source.rows(), source.columns()) != (size.0 as usize, size.1 as usize)
            || source.channels() > 3
            || !out.shape(source.channels(), wanted.rows.len(), wanted.columns.len())
        {
            return None;
        }
        for (index, row) in wanted.rows.clone().enumerate() {
            dispatch::sampled_floats(level, self, source, [row, wanted.columns.start], (index, out));
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::sample::Interpolation;
    use super::super::sampled_grid::{Looking, SampledGrid};
    use super::super::torch_grid::Places;
    use super::*;
    use crate::ops::generation::Generation;

    fn made(level: Level, step: &SampledFloats, source: &Planes, wanted: &Region) -> Planes {
        let size = (source.rows() as u32, source.columns() as u32);
        let mut out = Planes::default();
        step.make(level, source, size, wanted, &mut NoMemory, &mut out).unwrap();
        out
    }

    proptest! {
        #[test]
        fn every_level_and_every_part_has_the_same_bits(
            size in (1u32..50, 1u32..50),
            to in (1u32..50, 1u32..50),
            channels in prop::sample::select(vec![1usize, 3]),
            matrix in prop::array::uniform4(-2.0f64..2.0),
            first in any::<bool>(),
            nearest in any::<bool>(),
            filled in any::<bool>(),
            corner in (0u32..50, 0u32..50),
        ) {
            let [a, b, d, e] = matrix;
            let looking = Looking {
                generation: if first { Generation::V1 } else { Generation::V2 },
                places: Places::Rounded,
                interpolation: if nearest { Interpolation::Nearest } else { Interpolation::Bilinear },
                fill: filled.then_some([0.3, 0.7, -1.0]),
            };
            let grid = SampledGrid::affine([a, b, 1.5, d, e, -2.0], to, looking).unwrap();
            let (step, mut source) = (SampledFloats { grid }, Planes::default());
            prop_assert!(source.shape(channels, size.0 as usize, size.1 as usize));
            for (index, number) in source.numbers_mut().iter_mut().enumerate() {
                *number = ((index * 89 % 256) as f32 / 255.0).to_ne_bytes();
            }
            let whole = made(Level::SCALAR, &step, &source, &Region::whole(to));
            let (top, left) = (corner.0 % to.0, corner.1 % to.1);
            let wanted = Region { rows: top..to.0, columns: left..to.1 };
            let mut part = Planes::default();
            prop_assert!(part.copy_part(&whole, &wanted.rows, &wanted.columns));
            for level in Level::available() {
                let all = made(level, &step, &source, &Region::whole(to));
                prop_assert_eq!(all.numbers(), whole.numbers());
                let some = made(level, &step, &source, &wanted);
                prop_assert_eq!(some.numbers(), part.numbers());
            }
        }
    }
}
