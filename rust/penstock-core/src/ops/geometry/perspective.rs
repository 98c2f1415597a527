//! `Image.transform` by a perspective.

use penstock_jpeg::simd::Level;

use super::field::Field;
use super::sample::Interpolation;
use super::warp::{Canvas, Warper};
use crate::image::{Picture, Region};
use crate::ops::kinds::{Area, Put, Size, Take, Wire};

/// Takes pixel (x, y) from `(a * x + b * y + c, d * x + e * y + f) / (g * x + h * y + 1)`, in pixels of the source. Operands:
/// these eight numbers; height and width of the output; the [`Interpolation`]; for each of three channels the byte of what
/// comes from outside, of which a picture of one channel has the first.
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

    fn field(&self) -> Field {
        Field::Perspective(self.matrix, self.canvas.interpolation)
    }
}

impl Area for Perspective {
    type Memory = Warper;

    fn size(&self, _size: Size) -> Option<Size> {
        Some(self.canvas.size)
    }

    fn support(&self, size: Size, wanted: &Region) -> Region {
        self.field().support(size, wanted)
    }

    fn make<'m>(
        &self,
        level: Level,
        source: &Picture<'m>,
        size: Size,
        wanted: &Region,
        memory: &'m mut Warper,
    ) -> Option<Picture<'m>> {
        memory.warp(level, source, size, wanted, &self.canvas, &self.field())
    }
}

impl Wire for Perspective {
    fn put(&self, to: &mut impl Put) {
        self.matrix.iter().for_each(|&number| to.double(number));
        self.canvas.put(to);
    }

    fn take(from: &mut impl Take) -> Option<Self> {
        let mut matrix = [0.0; 8];
        for number in &mut matrix {
            *number = from.double()?;
        }
        let Canvas { size, interpolation, fill } = Canvas::take(from)?;
        Perspective::new(matrix, size, interpolation, fill)
    }
}
