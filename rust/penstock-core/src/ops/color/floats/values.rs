//! What looks at one number alone: brightness, inverting, solarizing.

use penstock_jpeg::simd::Level;

use super::{clamped, each_value};
use crate::image::Planes;
use crate::ops::kinds::{FloatPixels, Put, Take, Wire};

/// Multiplies with a factor. The generations differ in nothing but the sign of zeros.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BrightnessFloats {
    /// The factor.
    pub factor: f64,
}

impl FloatPixels for BrightnessFloats {
    fn change(&self, level: Level, planes: &mut Planes) {
        let factor = self.factor as f32;
        each_value(
            level,
            planes,
            #[inline(always)]
            |value| clamped(value * factor),
        );
    }
}

impl Wire for BrightnessFloats {
    fn put(&self, to: &mut impl Put) {
        to.double(self.factor);
    }

    fn take(from: &mut impl Take) -> Option<Self> {
        Some(Self { factor: from.double()? })
    }
}

/// Inverts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvertFloats;

impl FloatPixels for InvertFloats {
    fn change(&self, level: Level, planes: &mut Planes) {
        each_value(
            level,
            planes,
            #[inline(always)]
            |value| 1.0 - value,
        );
    }
}

impl Wire for InvertFloats {
    fn put(&self, _to: &mut impl Put) {}

    fn take(_from: &mut impl Take) -> Option<Self> {
        Some(Self)
    }
}

/// Inverts what is not below a threshold.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SolarizeFloats {
    /// The threshold, which torch rounds to single precision.
    pub threshold: f64,
}

impl FloatPixels for SolarizeFloats {
    fn change(&self, level: Level, planes: &mut Planes) {
        let threshold = self.threshold as f32;
        each_value(
            level,
            planes,
            #[inline(always)]
            |value| if value >= threshold { 1.0 - value } else { value },
        );
    }
}

impl Wire for SolarizeFloats {
    fn put(&self, to: &mut impl Put) {
        to.double(self.threshold);
    }

    fn take(from: &mut impl Take) -> Option<Self> {
        Some(Self { threshold: from.double()? })
    }
}
