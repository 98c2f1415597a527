//! torchvision's affine transforms of uint8 tensors, by the nearest pixel.
//!
//! torch computes a grid of places between -1 and 1 in single precision, as a product of matrices, and looks at it with
//! `grid_sample`. Whether that product rounds every step, as here, depends on the library that torch was built with.

use super::field::Field;
use super::sample::Interpolation;
use super::warp::{Canvas, Warp};
use crate::image::Region;
use crate::ops::kinds::{Put, Size, Take, Wire};

/// Takes pixels from where a matrix says that they come from, both counted from the middles of output and source, with y
/// downwards. Operands: the six numbers of the matrix, row by row; height and width of the output; `nearest`; for each of
/// three channels the byte of what comes from outside, of which a tensor of one channel has the first.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AffineGrid {
    matrix: [f64; 6],
    canvas: Canvas,
}

impl AffineGrid {
    /// `None` if a number is not finite, or the size is none.
    #[must_use]
    pub fn new(matrix: [f64; 6], size: Size, fill: [u8; 3]) -> Option<Self> {
        let finite = matrix.iter().all(|&number| (number as f32).is_finite());
        let canvas = Canvas::new(size, Interpolation::Nearest, fill)?;
        finite.then_some(AffineGrid { matrix, canvas })
    }
}

impl Warp for AffineGrid {
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
        }
    }
}

impl Wire for AffineGrid {
    fn put(&self, to: &mut impl Put) {
        to.doubles(self.matrix);
        self.canvas.put(to);
    }

    fn take(from: &mut impl Take) -> Option<Self> {
        let matrix = from.doubles()?;
        let Canvas { size, interpolation, fill } = Canvas::take(from)?;
        (interpolation == Interpolation::Nearest).then(|| AffineGrid::new(matrix, size, fill))?
    }
}
