//! torchvision's affine transforms of uint8 tensors, by the nearest pixel.
//!
//! torch computes a grid of places between -1 and 1 in single precision, as a product of matrices, and looks at it with
//! `grid_sample`. Whether that product rounds every step depends on the library that torch was built with, and on the
//! processor.

use super::field::Field;
use super::sample::Interpolation;
use super::torch_grid::{Places, is_small};
use super::warp::{Canvas, Warp};
use crate::image::Region;
use crate::ops::kinds::{Put, Size, Take, Wire};
use crate::ops::layout::{Layout, Lying};

/// Takes pixels from where a matrix says that they come from, both counted from the middles of output and source, with y
/// downwards. Operands: the six numbers of the matrix, row by row; `rounded` or `fused`, see
/// [`Places`]; height and width of the output; `nearest`; for each of three channels the byte of what comes from outside,
/// of which a tensor of one channel has the first.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AffineGrid {
    matrix: [f64; 6],
    places: Places,
    canvas: Canvas,
}

impl AffineGrid {
    /// `None` if a number is not finite, or the size is none, or the places are Pillow's, or the interpolation is another one than the nearest pixel.
    #[must_use]
    pub fn new(
        matrix: [f64; 6],
        places: Places,
        size: Size,
        interpolation: Interpolation,
        fill: [u8; 3],
    ) -> Option<Self> {
        let finite = matrix.iter().all(|&number| (number as f32).is_finite());
        let canvas = Canvas::new(size, interpolation, fill)?;
        let known = places != Places::Pillow && interpolation == Interpolation::Nearest;
        (finite && known).then_some(AffineGrid { matrix, places, canvas })
    }
}

impl Warp for AffineGrid {
    fn laid(&self, given: Lying, size: Size) -> Lying {
        given.made(size, Layout::PLANAR)
    }

    fn canvas(&self) -> &Canvas {
        &self.canvas
    }

    fn field(&self, (height, width): Size, _wanted: &Region) -> Field {
        let [a, b, c, d, e, f] = self.matrix.map(|number| number as f32);
        let (half_width, half_height) = (0.5 * width as f32, 0.5 * height as f32);
        Field::Grid {
            theta: [
                [a, b, c].map(|number| number / half_width),
                [d, e, f].map(|number| number / half_height),
            ],
            size: self.canvas.size,
            fused: self.places == Places::Fused && !is_small(self.canvas.size),
        }
    }
}

impl Wire for AffineGrid {
    fn put(&self, to: &mut impl Put) {
        to.doubles(self.matrix);
        to.choice(self.places);
        self.canvas.put(to);
    }

    fn take(from: &mut impl Take) -> Option<Self> {
        let (matrix, places) = (from.doubles()?, from.choice()?);
        let Canvas { size, interpolation, fill } = Canvas::take(from)?;
        AffineGrid::new(matrix, places, size, interpolation, fill)
    }
}
