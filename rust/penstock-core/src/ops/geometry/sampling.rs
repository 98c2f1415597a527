//! How a transform of torchvision's looks at images: in whose arithmetic, by which interpolation, and what is outside.

use super::affine::Affine;
use super::affine_grid::AffineGrid;
use super::sample::Interpolation;
use super::sampled_floats::SampledFloats;
use super::sampled_grid::{Looking, SampledGrid};
use super::torch_grid::Places;
use super::warp::bytes;
use crate::ops::generation::Generation;
use crate::ops::kinds::{Size, Take};

/// Steps of which one takes an image's pixels from where a matrix says.
pub trait Looks: From<Affine> + From<AffineGrid> + From<SampledGrid> + From<SampledFloats> {}

impl<S: From<Affine> + From<AffineGrid> + From<SampledGrid> + From<SampledFloats>> Looks for S {}

/// How images are looked at. Operands: in which arithmetic places are found; the interpolation; for each of three channels
/// the byte of what comes from outside; if a tensor is looked at between its pixels, for each of three channels what it is
/// filled with, if it is filled; whether its pixels are numbers in single precision.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sampling {
    /// In which arithmetic places are found.
    pub places: Places,
    /// What a pixel is made of.
    pub interpolation: Interpolation,
    /// For each channel the byte of what comes from outside.
    pub fill: [u8; 3],
    /// For each channel what a tensor is filled with, if it is.
    pub filled: Option<[f64; 3]>,
    /// Whether pixels are numbers in single precision.
    pub floats: bool,
}

impl Sampling {
    pub(super) fn take(from: &mut impl Take) -> Option<Self> {
        Some(Sampling {
            places: from.choice()?,
            interpolation: from.choice()?,
            fill: bytes(from)?,
            filled: if from.is_there()? { Some(from.doubles()?) } else { None },
            floats: from.flag()?,
        })
    }

    /// Column and row of a centre as the library counts them; the middle, if none was given.
    pub(super) fn center(self, given: Option<[f64; 2]>, (height, width): Size) -> [f64; 2] {
        let [x, y] = [width, height].map(|length| f64::from(length) * 0.5);
        match (self.places, given) {
            (Places::Pillow, given) => given.unwrap_or([x, y]),
            (_, Some(given)) => [given[0] - x, given[1] - y],
            (_, None) => [0.0; 2],
        }
    }

    /// How a tensor is looked at.
    pub(super) fn looking(self, generation: Generation) -> Looking {
        let Sampling { places, interpolation, filled, .. } = self;
        Looking {
            generation,
            places,
            interpolation,
            fill: filled.map(|fill| fill.map(|number| number as f32)),
        }
    }

    /// The step that takes pixels from where a matrix says, to an output of `size`.
    pub(super) fn by<S: Looks>(self, generation: Generation, matrix: [f64; 6], size: Size) -> Option<S> {
        let Sampling { places, interpolation, fill, floats, .. } = self;
        if floats {
            let grid = SampledGrid::affine(matrix, size, self.looking(generation))?;
            return Some(SampledFloats { grid }.into());
        }
        match (places, interpolation) {
            (Places::Pillow, _) => Affine::new(matrix, size, interpolation, fill).map(S::from),
            (_, Interpolation::Nearest) => {
                AffineGrid::new(matrix, places, size, interpolation, fill).map(S::from)
            }
            _ => SampledGrid::affine(matrix, size, self.looking(generation)).map(S::from),
        }
    }
}
