//! `Image.transform` by a perspective.

use super::field::Field;
use super::sample::Interpolation;
use super::warp::{Canvas, Warp};
use crate::image::Region;
use crate::ops::kinds::{Put, Size, Take, Wire};

/// Takes pixel (x, y) from `(a * x + b * y + c, d * x + e * y + f) / (g * x + h * y + 1)`, in pixels of the source. Operands:
/// these eight numbers; height and width of the output; the [`Interpolation`]; for each of three channels the byte of what
/// comes from outside, of which an image of one channel has the first.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Perspective {
    matrix: [f64; 8],
    canvas: Canvas,
}

impl Perspective {
    /// `None` if a number is not finite, or the size is none.
    #[must_use]
    pub fn new(matrix: [f64; 8], size: Size, interpolation: Interpolation, fill: [u8; 3]) -> Option<Self> {
        let canvas = Canvas::new(size, interpolation, fill)?;
        matrix.iter().all(|number| number.is_finite()).then_some(Perspective { matrix, canvas })
    }
}

impl Warp for Perspective {
    fn canvas(&self) -> &Canvas {
        &self.canvas
    }

    fn field(&self, _size: Size, _wanted: &Region) -> Field {
        Field::Perspective(self.matrix, self.canvas.interpolation)
    }
}

impl Wire for Perspective {
    fn put(&self, to: &mut impl Put) {
        to.doubles(self.matrix);
        self.canvas.put(to);
    }

    fn take(from: &mut impl Take) -> Option<Self> {
        let matrix = from.doubles()?;
        let Canvas { size, interpolation, fill } = Canvas::take(from)?;
        Perspective::new(matrix, size, interpolation, fill)
    }
}
