//! `ImageFilter.GaussianBlur`: three box blurs, one after the other, which together are nearly a Gaussian.
//!
//! The boxes' radius is that of Gwosdek et al., "Theoretical Foundations of Gaussian Convolution by Extended Box
//! Filtering" (2011), in Pillow's single precision.

use super::blur::{Blurred, Radius};

/// Blurs by three boxes. Operands: the standard deviation along rows, that along columns, both in pixels.
pub type GaussianBlur = Blurred<ThreeBoxes>;

/// The boxes whose standard deviation is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ThreeBoxes;

impl Radius for ThreeBoxes {
    const PASSES: u8 = 3;

    #[expect(clippy::suboptimal_flops, reason = "Pillow's own roundings")]
    fn of(deviation: f32) -> f32 {
        let variance = deviation * deviation / f32::from(Self::PASSES);
        let length = (12.0 * f64::from(variance) + 1.0).sqrt() as f32;
        let whole = ((f64::from(length) - 1.0) / 2.0).floor() as f32;
        let part = (2.0 * whole + 1.0) * (whole * (whole + 1.0) - 3.0 * variance);
        whole + part / (6.0 * (variance - (whole + 1.0) * (whole + 1.0)))
    }
}
