//! `RandomPerspective`: which corners are drawn, and the coefficients that they mean.

use super::perspective::Perspective;
use super::sampled_grid::SampledGrid;
use super::sampling::Sampling;
use super::torch_grid::Places;
use crate::ops::ask::Ask;
use crate::ops::chance::Chance;
use crate::ops::generation::Generation;
use crate::ops::kinds::{Draw, Parameters, Size, Take};
use crate::random::{Streams, draw};

/// `RandomPerspective`; its two generations draw the same. Operands: the chance (as `float32`, which is `v2`'s, in both);
/// the generation; the distortion's scale; those of the [`Sampling`]; the function that gives the eight coefficients for
/// height, width, and column and row of each corner's new place, from the top left one clockwise.
#[derive(Debug, Clone, PartialEq)]
pub struct RandomPerspective {
    /// Whether it happens.
    pub chance: Chance,
    /// The two mix what tensors are filled with in different orders.
    pub generation: Generation,
    /// How far corners may go, as a share of half of the image.
    pub distortion: f64,
    /// How the image is looked at.
    pub sampling: Sampling,
    /// torchvision's coefficients, which are LAPACK's solution in double precision, rounded to single.
    pub coefficients: Ask,
}

impl<S: From<Perspective> + From<SampledGrid>> Draw<S> for RandomPerspective {
    fn draw(
        &self,
        size: Size,
        Streams { torch: generator, .. }: &mut Streams,
        steps: &mut Vec<S>,
    ) -> Option<Size> {
        if self.chance.draw(generator) {
            let (height, width) = size;
            let bound = |length: u32| (self.distortion * f64::from(length / 2)) as u32 + 1;
            let (rows, columns) = (bound(height), bound(width));
            let mut near = |bound: u32| draw::randint(generator, bound.into()) as f64;
            let mut corners = [0.0; 8];
            for (place, (bound, far)) in corners.iter_mut().zip([
                (columns, None),
                (rows, None),
                (columns, Some(width)),
                (rows, None),
                (columns, Some(width)),
                (rows, Some(height)),
                (columns, None),
                (rows, Some(height)),
            ]) {
                *place = near(bound) + far.map_or(0.0, |length| f64::from(length) - f64::from(bound));
            }
            let matrix = self.matrix(size, &corners)?;
            let Sampling { places, interpolation, fill, .. } = self.sampling;
            steps.push(if places == Places::Pillow {
                Perspective::new(matrix, size, interpolation, fill)?.into()
            } else {
                SampledGrid::perspective(matrix, size, self.sampling.looking(self.generation))?.into()
            });
        }
        Some(size)
    }
}

impl RandomPerspective {
    fn matrix(&self, (height, width): Size, corners: &[f64; 8]) -> Option<[f64; 8]> {
        let [height, width] = [height, width].map(f64::from);
        let mut numbers = [height, width, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];
        if let Some(rest) = numbers.get_mut(2..) {
            rest.copy_from_slice(corners);
        }
        self.coefficients.all(&numbers)
    }
}

impl Parameters for RandomPerspective {
    fn take(from: &mut impl Take) -> Option<Self> {
        Some(RandomPerspective {
            chance: Chance::take(from)?,
            generation: from.choice()?,
            distortion: from.double().filter(|share| (0.0..=1.0).contains(share))?,
            sampling: Sampling::take(from)?,
            coefficients: from.ask()?,
        })
    }
}
