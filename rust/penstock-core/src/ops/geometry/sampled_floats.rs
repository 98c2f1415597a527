//! torchvision's affine transforms of float32 tensors: what [`super::SampledGrid`] does, of numbers and without a rounding.

use super::sample::Interpolation;
use super::sampled_grid::{GROUP, SampledGrid};
use crate::image::{Number, Planes};
use crate::ops::generation::Generation;
use crate::ops::kinds::{Put, Size, Take, Wire};

/// Takes numbers from where a matrix says that they come from. Operands: those of the grid.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SampledFloats {
    /// Where they come from, and how these places are looked at.
    pub grid: SampledGrid,
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
