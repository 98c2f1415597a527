//! torchvision's `affine` without a turn and a scale: shears and translations that are known before anything is drawn.

use super::matrix::matrix;
use super::sampling::{Looks, Sampling};
use crate::ops::ask::Ask;
use crate::ops::generation::Generation;
use crate::ops::kinds::{Draw, Parameters, Size, Take};
use crate::random::Streams;

/// Shears and translates. Operands: the generation; column and row of the translation in pixels, or
/// nothing and the function that gives them for height and width; the shears along rows and along columns, in degrees; the
/// centre's column and row, if it is not the middle; those of the [`Sampling`].
#[derive(Debug, Clone, PartialEq)]
pub struct Moved {
    /// The two compute the matrix in different orders.
    pub generation: Generation,
    /// By how much.
    pub translation: Translation,
    /// Shears along rows and along columns, in degrees.
    pub shear: [f64; 2],
    /// Column and row of the centre, in pixels, if it is not the middle.
    pub center: Option<[f64; 2]>,
    /// How the image is looked at.
    pub sampling: Sampling,
}

/// How far an image is moved, by columns and rows.
#[derive(Debug, Clone, PartialEq)]
pub enum Translation {
    /// So many pixels.
    Pixels([f64; 2]),
    /// What a library says of height and width.
    Asked(Ask),
}

impl<S: Looks> Draw<S> for Moved {
    fn draw(&self, size: Size, _streams: &mut Streams, steps: &mut Vec<S>) -> Option<Size> {
        let translation = match &self.translation {
            Translation::Pixels(translation) => *translation,
            Translation::Asked(ask) => ask.all(&[size.0.into(), size.1.into()])?,
        };
        let center = self.sampling.center(self.center, size);
        let matrix = matrix(self.generation, center, 0.0, translation, 1.0, self.shear);
        steps.push(self.sampling.by(self.generation, matrix, size)?);
        Some(size)
    }
}

impl Parameters for Moved {
    fn take(from: &mut impl Take) -> Option<Self> {
        Some(Moved {
            generation: from.choice()?,
            translation: if from.is_there()? {
                Translation::Pixels(from.doubles()?)
            } else {
                Translation::Asked(from.ask()?)
            },
            shear: from.doubles()?,
            center: if from.is_there()? { Some(from.doubles()?) } else { None },
            sampling: Sampling::take(from)?,
        })
    }
}
