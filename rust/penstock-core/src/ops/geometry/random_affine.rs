//! `RandomAffine`: what is drawn.

use super::matrix::matrix;
use super::sampling::{Looks, Sampling};
use crate::ops::generation::Generation;
use crate::ops::kinds::{Bounds, Draw, Parameters, Size, Take};
use crate::random::Streams;
use crate::random::draw::Uniform;

/// `RandomAffine`. Operands: the generation; the bounds of the angle, in degrees; if there are any, the
/// greatest translations by columns and rows, as shares of width and height; if there are any, the bounds of the scale; if
/// there are any, the bounds of the shear along rows, and likewise along columns, in degrees; the centre's column and row, if
/// it is not the middle; those of the [`Sampling`]; how torch's `uniform_` rounds.
#[derive(Debug, Clone, PartialEq)]
pub struct RandomAffine {
    /// The two compute the matrix in different orders.
    pub generation: Generation,
    /// Bounds of the angle, in degrees.
    pub degrees: Bounds,
    /// Greatest translations by columns and rows, as shares of width and height.
    pub translate: Option<[f64; 2]>,
    /// Bounds of the scale.
    pub scale: Option<Bounds>,
    /// Bounds of the shears along rows and along columns, in degrees.
    pub shear: [Option<Bounds>; 2],
    /// Column and row of the centre, in pixels, if it is not the middle.
    pub center: Option<[f64; 2]>,
    /// How the image is looked at.
    pub sampling: Sampling,
    /// How torch's `uniform_` rounds.
    pub uniform: Uniform,
}

impl<S: Looks> Draw<S> for RandomAffine {
    fn draw(
        &self,
        size: Size,
        Streams { torch: generator, .. }: &mut Streams,
        steps: &mut Vec<S>,
    ) -> Option<Size> {
        let (height, width) = (f64::from(size.0), f64::from(size.1));
        let mut drawn = |bounds: Bounds| f64::from(self.uniform.draw(generator, bounds));
        let angle = drawn(self.degrees);
        let translation = self.translate.map_or([0.0; 2], |[x, y]| {
            [x * width, y * height].map(|most| drawn((-most as f32, most as f32)).round_ties_even())
        });
        let scale = self.scale.map_or(1.0, &mut drawn);
        let shear = self.shear.map(|bounds| bounds.map_or(0.0, &mut drawn));
        let center = self.sampling.center(self.center, size);
        let matrix = matrix(self.generation, center, angle, translation, scale, shear);
        steps.push(self.sampling.by(self.generation, matrix, size)?);
        Some(size)
    }
}

impl Parameters for RandomAffine {
    fn take(from: &mut impl Take) -> Option<Self> {
        let (generation, degrees) = (from.choice()?, from.bounds()?);
        let translate = if from.is_there()? { Some(from.doubles()?) } else { None };
        let scale = if from.is_there()? { Some(from.bounds()?) } else { None };
        let mut shear = [None; 2];
        for shear in &mut shear {
            *shear = if from.is_there()? { Some(from.bounds()?) } else { None };
        }
        Some(RandomAffine {
            generation,
            degrees,
            translate,
            scale,
            shear,
            center: if from.is_there()? { Some(from.doubles()?) } else { None },
            sampling: Sampling::take(from)?,
            uniform: from.uniform()?,
        })
    }
}
