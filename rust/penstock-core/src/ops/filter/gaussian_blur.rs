//! `ImageFilter.GaussianBlur`: three box blurs, one after the other, which together are nearly a Gaussian.
//!
//! The boxes' radius is that of Gwosdek et al., "Theoretical Foundations of Gaussian Convolution by Extended Box
//! Filtering" (2011), in Pillow's single precision.

use penstock_jpeg::simd::Level;

use super::boxes::{Blur, Boxes};
use super::means::Mean;
use crate::image::{Picture, Region};
use crate::ops::kinds::{Area, Put, Size, Take, Wire};

/// Pillow's number of boxes.
const PASSES: u8 = 3;

/// Blurs by three boxes. Operands: the standard deviation along rows, that along columns, both in pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GaussianBlur {
    deviations: [f64; 2],
    blur: Blur,
}

impl GaussianBlur {
    /// `None` if a deviation is no number, or too large for our sums.
    #[must_use]
    pub fn new(deviations: [f64; 2]) -> Option<Self> {
        let [across, down] = deviations;
        let mean = |deviation: f64| Mean::new(radius(deviation as f32));
        let blur = Blur { across: mean(across)?, down: mean(down)?, passes: PASSES };
        Some(GaussianBlur { deviations, blur })
    }
}

/// The boxes' radius for a standard deviation.
#[expect(clippy::suboptimal_flops, reason = "Pillow's own roundings")]
fn radius(deviation: f32) -> f32 {
    let variance = deviation * deviation / f32::from(PASSES);
    let length = (12.0 * f64::from(variance) + 1.0).sqrt() as f32;
    let whole = ((f64::from(length) - 1.0) / 2.0).floor() as f32;
    let part = (2.0 * whole + 1.0) * (whole * (whole + 1.0) - 3.0 * variance);
    whole + part / (6.0 * (variance - (whole + 1.0) * (whole + 1.0)))
}

impl Area for GaussianBlur {
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

impl Wire for GaussianBlur {
    fn put(&self, to: &mut impl Put) {
        self.deviations.iter().for_each(|&deviation| to.double(deviation));
    }

    fn take(from: &mut impl Take) -> Option<Self> {
        GaussianBlur::new([from.double()?, from.double()?])
    }
}
