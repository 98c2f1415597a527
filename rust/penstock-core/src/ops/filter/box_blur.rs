//! `ImageFilter.BoxBlur`: the mean of a box whose sides may be fractions of pixels.

use penstock_jpeg::simd::Level;

use super::boxes::{Blur, Boxes};
use super::means::Mean;
use crate::image::{Picture, Region};
use crate::ops::kinds::{Area, Put, Size, Take, Wire};

/// Blurs by one box. Operands: the radius along rows, the radius along columns, both in pixels, neither negative.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BoxBlur {
    radii: [f64; 2],
    blur: Blur,
}

impl BoxBlur {
    /// `None` if a radius is negative, or too large for our sums.
    #[must_use]
    pub fn new(radii: [f64; 2]) -> Option<Self> {
        let [across, down] = radii;
        let blur = Blur { across: Mean::new(across as f32)?, down: Mean::new(down as f32)?, passes: 1 };
        Some(BoxBlur { radii, blur })
    }
}

impl Area for BoxBlur {
    type Memory = Boxes;

    fn size(&self, size: Size) -> Option<Size> {
        Some(size)
    }

    fn support(&self, size: Size, wanted: &Region) -> Region {
        self.blur.support(size, wanted)
    }

    fn make<'m>(
        &self,
        level: Level,
        source: &Picture<'m>,
        size: Size,
        wanted: &Region,
        memory: &'m mut Boxes,
    ) -> Option<Picture<'m>> {
        memory.blur(level, source, size, wanted, &self.blur)
    }
}

impl Wire for BoxBlur {
    fn put(&self, to: &mut impl Put) {
        self.radii.iter().for_each(|&radius| to.double(radius));
    }

    fn take(from: &mut impl Take) -> Option<Self> {
        BoxBlur::new([from.double()?, from.double()?])
    }
}
