//! `Image.transform` by an affine function of coordinates, which `Image.rotate` is too.

use super::field::Field;
use super::fixed::{Fixed, Scaled};
use super::sample::Interpolation;
use super::warp::{Canvas, Warp};
use crate::image::Region;
use crate::ops::kinds::{Put, Size, Take, Wire};

/// Takes pixel (x, y) from `(a * x + b * y + c, d * x + e * y + f)`, in pixels of the source. Operands: these six numbers;
/// height and width of the output; the [`Interpolation`]; for each of three channels the byte of what comes from outside,
/// of which an image of one channel has the first.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Affine {
    matrix: [f64; 6],
    canvas: Canvas,
}

impl Affine {
    /// `None` if a number is not finite, or the size is none.
    #[must_use]
    pub fn new(matrix: [f64; 6], size: Size, interpolation: Interpolation, fill: [u8; 3]) -> Option<Self> {
        let canvas = Canvas::new(size, interpolation, fill)?;
        matrix.iter().all(|number| number.is_finite()).then_some(Affine { matrix, canvas })
    }
}

impl Warp for Affine {
    fn canvas(&self) -> &Canvas {
        &self.canvas
    }

    /// By which of Pillow's paths a region is made of an image of `size`.
    fn field(&self, size: Size, wanted: &Region) -> Field {
        let Affine { matrix, canvas } = *self;
        let [_, b, _, d, ..] = matrix;
        if canvas.interpolation != Interpolation::Nearest {
            return Field::Affine(matrix, canvas.interpolation);
        }
        if b == 0.0 && d == 0.0 {
            return Field::Scaled(Scaled::new(matrix, size, wanted));
        }
        Fixed::new(matrix, canvas.size).map_or(Field::Stepped(matrix), Field::Fixed)
    }
}

impl Wire for Affine {
    fn put(&self, to: &mut impl Put) {
        to.doubles(self.matrix);
        self.canvas.put(to);
    }

    fn take(from: &mut impl Take) -> Option<Self> {
        let matrix = from.doubles()?;
        let Canvas { size, interpolation, fill } = Canvas::take(from)?;
        Affine::new(matrix, size, interpolation, fill)
    }
}
