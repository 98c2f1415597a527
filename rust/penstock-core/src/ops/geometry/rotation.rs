//! `RandomRotation`, and what Pillow's `Image.rotate` and torchvision's `rotate` make of an angle.

use super::matrix;
use super::sampling::{Looks, Sampling};
use super::torch_grid::Places;
use super::turn::{Quarter, Turn};
use crate::ops::ask::Ask;
use crate::ops::flip::{FlipHorizontal, FlipVertical};
use crate::ops::generation::Generation;
use crate::ops::kinds::{Bounds, Draw, Parameters, Size, Take};
use crate::random::Streams;
use crate::random::draw::Uniform;

/// Steps that a rotation may be.
pub trait Turns: Looks + From<Turn> + From<FlipHorizontal> + From<FlipVertical> {}

impl<S: Looks + From<Turn> + From<FlipHorizontal> + From<FlipVertical>> Turns for S {}

/// `RandomRotation`; its two generations draw the same. Operands: the bounds of the angle, in degrees;
/// those of the [`Rotation`]; how torch's `uniform_` rounds.
#[derive(Debug, Clone, PartialEq)]
pub struct RandomRotation {
    /// Bounds of the angle, in degrees.
    pub degrees: Bounds,
    /// What is done by that angle.
    pub rotation: Rotation,
    /// How torch's `uniform_` rounds.
    pub uniform: Uniform,
}

impl<S: Turns> Draw<S> for RandomRotation {
    fn draw(
        &self,
        size: Size,
        Streams { torch: generator, .. }: &mut Streams,
        steps: &mut Vec<S>,
    ) -> Option<Size> {
        let angle = self.uniform.draw(generator, self.degrees);
        self.rotation.by(angle.into(), size, steps)
    }
}

impl Parameters for RandomRotation {
    fn take(from: &mut impl Take) -> Option<Self> {
        let degrees = from.bounds()?;
        let rotation = Rotation::take(from)?;
        Some(Self { degrees, rotation, uniform: from.uniform()? })
    }
}

/// A rotation by an angle that is known before anything is drawn. Operands: the angle, in degrees; those of the [`Rotation`].
#[derive(Debug, Clone, PartialEq)]
pub struct Rotated {
    /// In degrees, counterclockwise.
    pub angle: f64,
    /// What is done by that angle.
    pub rotation: Rotation,
}

impl<S: Turns> Draw<S> for Rotated {
    fn draw(&self, size: Size, _streams: &mut Streams, steps: &mut Vec<S>) -> Option<Size> {
        self.rotation.by(self.angle, size, steps)
    }
}

impl Parameters for Rotated {
    fn take(from: &mut impl Take) -> Option<Self> {
        Some(Rotated { angle: from.double()?, rotation: Rotation::take(from)? })
    }
}

/// A rotation but for its angle. Operands: the generation; whether the output is made to hold all of the image; if that is
/// a tensor, the function that gives the output's width and height for a matrix, height and width; the
/// centre's column and row, if it is not the middle; those of the [`Sampling`].
#[derive(Debug, Clone, PartialEq)]
pub struct Rotation {
    /// Of tensors, the first makes no turns of whole quarters.
    pub generation: Generation,
    /// Whether the output is made to hold all of the image.
    pub expand: bool,
    /// What gives the width and height of what holds all of a tensor: torch's product of matrices.
    pub grown: Option<Ask>,
    /// Column and row of the centre, in pixels, if it is not the middle.
    pub center: Option<[f64; 2]>,
    /// How the image is looked at.
    pub sampling: Sampling,
}

impl Rotation {
    fn take(from: &mut impl Take) -> Option<Self> {
        let rotation = Rotation {
            generation: from.choice()?,
            expand: from.flag()?,
            grown: if from.is_there()? { Some(from.ask()?) } else { None },
            center: if from.is_there()? { Some(from.doubles()?) } else { None },
            sampling: Sampling::take(from)?,
        };
        let asks = rotation.expand && rotation.sampling.places != Places::Pillow;
        (asks == rotation.grown.is_some()).then_some(rotation)
    }

    /// Appends what a rotation by an angle in degrees, counterclockwise, is for an image of `size`.
    #[expect(clippy::float_cmp, reason = "only these very angles are turns, as in Pillow")]
    pub fn by<S: Turns>(&self, angle: f64, size: Size, steps: &mut Vec<S>) -> Option<Size> {
        let of_images = self.sampling.places == Places::Pillow;
        if !of_images && self.generation == Generation::V1 {
            let (matrix, size) = self.grid(angle, size)?;
            steps.push(self.sampling.by(self.generation, matrix, size)?);
            return Some(size);
        }
        let angle = angle.rem_euclid(360.0);
        let (height, width) = size;
        if self.center.is_none() {
            if angle == 0.0 {
                return Some(size);
            }
            if angle == 180.0 {
                steps.extend([FlipHorizontal.into(), FlipVertical.into()]);
                return Some(size);
            }
            if (angle == 90.0 || angle == 270.0) && (self.expand || height == width) {
                let quarter = if angle == 90.0 { Quarter::Rotate90 } else { Quarter::Rotate270 };
                steps.push(Turn { quarter }.into());
                return Some((width, height));
            }
        }
        let (matrix, size) = if of_images { self.matrix(angle, size)? } else { self.grid(angle, size)? };
        steps.push(self.sampling.by(self.generation, matrix, size)?);
        Some(size)
    }

    /// torchvision's matrix from the output to a tensor of `size`, and the output's size.
    fn grid(&self, angle: f64, size: Size) -> Option<([f64; 6], Size)> {
        let center = self.sampling.center(self.center, size);
        let matrix = matrix::matrix(self.generation, center, -angle, [0.0; 2], 1.0, [0.0; 2]);
        let Some(grown) = &self.grown else { return Some((matrix, size)) };
        let [a, b, c, d, e, f] = matrix;
        let [width, height] = grown.all(&[a, b, c, d, e, f, size.0.into(), size.1.into()])?;
        let fits = |length: f64| (1.0..=f64::from(i32::MAX)).contains(&length);
        (fits(width) && fits(height)).then_some((matrix, (height as u32, width as u32)))
    }

    /// Pillow's matrix from the output to an image of `size`, and the output's size.
    fn matrix(&self, angle: f64, (height, width): Size) -> Option<([f64; 6], Size)> {
        let (h, w) = (f64::from(height), f64::from(width));
        let [x, y] = self.sampling.center(self.center, (height, width));
        let (sin, cos) = ((-angle.to_radians()).sin(), (-angle.to_radians()).cos());
        let mut matrix = [round15(cos), round15(sin), 0.0, round15(-sin), round15(cos), 0.0];
        let [c, f] = moved(&matrix, [-x, -y]);
        (matrix[2], matrix[5]) = (c + x, f + y);
        if !self.expand {
            return Some((matrix, (height, width)));
        }
        let corners = [[0.0, 0.0], [w, 0.0], [w, h], [0.0, h]].map(|corner| moved(&matrix, corner));
        let length = |axis: usize| {
            let of = corners.map(|corner| corner[axis]);
            let most = of.into_iter().fold(f64::NEG_INFINITY, f64::max).ceil();
            most - of.into_iter().fold(f64::INFINITY, f64::min).floor()
        };
        let (new_width, new_height) = (length(0), length(1));
        [matrix[2], matrix[5]] = moved(&matrix, [(w - new_width) / 2.0, (h - new_height) / 2.0]);
        let fits = |length: f64| (1.0..=f64::from(i32::MAX)).contains(&length);
        (fits(new_width) && fits(new_height)).then_some((matrix, (new_height as u32, new_width as u32)))
    }
}

/// A place, moved by a matrix.
fn moved([a, b, c, d, e, f]: &[f64; 6], [x, y]: [f64; 2]) -> [f64; 2] {
    [a * x + b * y + c, d * x + e * y + f]
}

/// Python's `round(x, 15)`: the decimal number of 15 digits behind the point that is nearest to the exact value of `x`,
/// half to even, as the double nearest to that.
///
/// Up to 1 that is a whole number of 10^-15, of which a double holds both the number and 10^15, so their quotient is the
/// decimal's nearest double. Which whole number it is the product tells, with what its rounding has cut off; what lies near the
/// middle between two is left to the decimal digits.
fn round15(x: f64) -> f64 {
    const PARTS: f64 = 1e15;
    let product = x * PARTS;
    let whole = product.round_ties_even();
    let rest = (product - whole) + x.mul_add(PARTS, -product);
    if x.abs() <= 1.0 && rest.abs() < 0.499 {
        return whole / PARTS;
    }
    decimally(x)
}

/// [`round15`], by way of decimal digits.
fn decimally(x: f64) -> f64 {
    format!("{x:.15}").parse().unwrap_or(x)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn quarters_and_their_neighbours_are_rounded_as_digits_are() {
        for x in [0.0_f64, -0.0, 0.5, 1.0, 1e-15, 5e-16, 1.5e-15, 4.9e-16, 6.123_233_995_736_766e-17] {
            for x in [x, -x, x.next_up(), x.next_down(), 1.0 - x, x - 1.0] {
                assert_eq!(round15(x).to_bits(), decimally(x).to_bits(), "{x:e}");
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]
        #[test]
        fn numbers_are_rounded_as_digits_are(angle in -7.0f64..7.0, small in -2e-15f64..2e-15, half in -(1i64 << 49)..1 << 49) {
            let middle = (half as f64 + 0.5) / 1e15;
            for x in [angle, angle.sin(), angle.cos(), small, small + 0.5, middle, middle.next_up(), middle.next_down()] {
                prop_assert_eq!(round15(x).to_bits(), decimally(x).to_bits(), "{:e}", x);
            }
        }
    }
}
