//! `Image.transform` by an affine function of coordinates, which `Image.rotate` is too.

use penstock_jpeg::simd::Level;

use super::field::Field;
use super::fixed::{Fixed, Scaled};
use super::sample::Interpolation;
use super::warp::{Canvas, Warper};
use crate::image::{Picture, Region};
use crate::ops::kinds::{Area, Put, Size, Take, Wire};

/// Takes pixel (x, y) from `(a * x + b * y + c, d * x + e * y + f)`, in pixels of the source. Operands: these six numbers;
/// height and width of the output; the [`Interpolation`]; for each of three channels the byte of what comes from outside,
/// of which a picture of one channel has the first.
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

    /// By which of Pillow's paths a region is made of a picture of `size`.
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

impl Area for Affine {
    type Memory = Warper;

    fn size(&self, _size: Size) -> Option<Size> {
        Some(self.canvas.size)
    }

    fn support(&self, size: Size, wanted: &Region) -> Region {
        self.field(size, wanted).support(size, wanted)
    }

    fn make<'m>(
        &self,
        level: Level,
        source: &Picture<'m>,
        size: Size,
        wanted: &Region,
        memory: &'m mut Warper,
    ) -> Option<Picture<'m>> {
        memory.warp(level, source, size, wanted, &self.canvas, &self.field(size, wanted))
    }
}

impl Wire for Affine {
    fn put(&self, to: &mut impl Put) {
        self.matrix.iter().for_each(|&number| to.double(number));
        self.canvas.put(to);
    }

    fn take(from: &mut impl Take) -> Option<Self> {
        let mut matrix = [0.0; 6];
        for number in &mut matrix {
            *number = from.double()?;
        }
        let Canvas { size, interpolation, fill } = Canvas::take(from)?;
        Affine::new(matrix, size, interpolation, fill)
    }
}
