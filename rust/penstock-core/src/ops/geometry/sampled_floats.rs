//! torchvision's affine transforms of float32 tensors: what [`super::SampledGrid`] does, of numbers and without a rounding.

use penstock_jpeg::simd::Level;

use super::dispatch;
use super::sample::Interpolation;
use super::sampled_grid::{GROUP, SampledGrid};
use crate::image::{Number, Planes, Region};
use crate::ops::generation::Generation;
use crate::ops::kinds::{FloatArea, Put, Size, Take, Wire};

/// Takes numbers from where a matrix says that they come from. Operands: those of the grid.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SampledFloats {
    /// Where they come from, and how these places are looked at.
    pub grid: SampledGrid,
}

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

impl SampledFloats {
    /// Makes a row of what is wanted of all channels, from one column of the output on.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "it is compiled for each level's vectors")]
    pub(super) fn row(&self, source: &Planes, [row, first]: [u32; 2], (index, out): (usize, &mut Planes)) {
        let (width, plane) = (out.columns(), out.rows() * out.columns());
        let size = (source.rows() as u32, source.columns() as u32);
        for start in (0..width).step_by(GROUP) {
            let [across, down] = self.grid.places(size, row, first.wrapping_add(start as u32));
            let count = GROUP.min(width - start);
            for channel in 0..source.channels() {
                let texels =
                    source.numbers().get(channel * source.rows() * source.columns()..).unwrap_or(&[]);
                let at = channel * plane + index * width + start;
                let out = out.numbers_mut().get_mut(at..at + count).unwrap_or(&mut []);
                for ((out, x), y) in out.iter_mut().zip(across).zip(down) {
                    *out = self.number(texels, size, channel, [x, y]).to_ne_bytes();
                }
            }
        }
    }

    /// The number at a place of a channel.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "it is compiled for each level's vectors")]
    #[expect(clippy::suboptimal_flops, reason = "torch's own roundings")]
    fn number(&self, texels: &[Number], size: Size, channel: usize, [x, y]: [f32; 2]) -> f32 {
        let looking = &self.grid.looking;
        let fill = looking.fill.and_then(|fill| fill.get(channel).copied());
        if looking.interpolation == Interpolation::Nearest {
            let found = texel(texels, size, x.round_ties_even(), y.round_ties_even());
            return found.or(fill).unwrap_or(0.0);
        }
        let (left, upper) = (x.floor(), y.floor());
        let (west, north) = (x - left, y - upper);
        let (east, south) = (1.0 - west, 1.0 - north);
        let weights = [south * east, south * west, north * east, north * west];
        let corners = [(left, upper), (left + 1.0, upper), (left, upper + 1.0), (left + 1.0, upper + 1.0)];
        let found = corners.map(|(x, y)| texel(texels, size, x, y));
        let mut value = found[0].unwrap_or(0.0) * weights[0];
        for (number, weight) in found.iter().zip(weights).skip(1) {
            value = number.unwrap_or(0.0).mul_add(weight, value);
        }
        let Some(fill) = fill else { return value };
        // How much of it is inside is looked at as well.
        let ones = found.map(|number| f32::from(u8::from(number.is_some())));
        let mut inside = ones[0] * weights[0];
        for (one, weight) in ones.iter().zip(weights).skip(1) {
            inside = one.mul_add(weight, inside);
        }
        if looking.generation == Generation::V1 {
            value * inside + (1.0 - inside) * fill
        } else {
            (value - fill) * inside + fill
        }
    }
}

/// The number in a whole column and row, if there is one.
#[inline(always)]
#[expect(clippy::inline_always, reason = "it is compiled for each level's vectors")]
fn texel(texels: &[Number], (height, width): Size, x: f32, y: f32) -> Option<f32> {
    let inside = x >= 0.0 && y >= 0.0 && x < width as f32 && y < height as f32;
    let number = inside.then(|| texels.get(y as usize * width as usize + x as usize)).flatten();
    number.map(|number| f32::from_ne_bytes(*number))
}

impl Wire for SampledFloats {
    fn put(&self, to: &mut impl Put) {
        self.grid.put(to);
    }

    fn take(from: &mut impl Take) -> Option<Self> {
        Some(Self { grid: SampledGrid::take(from)? })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::sampled_grid::Looking;
    use super::super::sampling::Places;
    use super::*;

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
