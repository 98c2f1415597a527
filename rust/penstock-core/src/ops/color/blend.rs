//! The mixture of a value with a duller one, which brightness, contrast and saturation are made by.
//!
//! The factor is a number of Python's, of which all libraries take single precision. Pillow moves from the duller value
//! by the factor's part of the difference. torchvision adds two products, the second generation with one rounding
//! fewer where torch has such an instruction, which shows in one pixel in some hundred.

use crate::ops::kinds::{Put, Take};
use crate::ops::library::Library;

/// How much of the value there is in the mixture, and in whose arithmetic.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Blend {
    /// In single precision.
    pub(super) factor: f32,
    /// What torchvision multiplies the duller value by.
    pub(super) rest: f32,
    pub(super) library: Library,
}

impl Blend {
    pub(super) fn new(factor: f64, library: Library) -> Blend {
        Blend { factor: factor as f32, rest: (1.0 - factor) as f32, library }
    }

    /// The mixture, a whole number from 0 to 255.
    pub(super) fn byte(self, dull: f32, value: u8) -> u8 {
        let value = f32::from(value);
        let mixed = match self.library {
            Library::Pillow => pillow(self, dull, value),
            Library::Torch1 | Library::Torch2Unfused => torch(self, dull, value),
            Library::Torch2 => torch_fused(self, dull, value),
        };
        mixed as u8
    }
}

/// Pillow's mixture. A factor of 0 or 1, for which it makes a copy, gives the same.
#[expect(clippy::inline_always, reason = "it is to be compiled with its callers' features")]
#[inline(always)]
pub(super) fn pillow(blend: Blend, dull: f32, value: f32) -> f32 {
    dull + blend.factor * (value - dull)
}

/// torchvision's mixture.
#[expect(clippy::inline_always, reason = "it is to be compiled with its callers' features")]
#[inline(always)]
pub(super) fn torch(blend: Blend, dull: f32, value: f32) -> f32 {
    value * blend.factor + dull * blend.rest
}

/// That of its second generation, where torch rounds once.
#[expect(clippy::inline_always, reason = "it is to be compiled with its callers' features")]
#[inline(always)]
pub(super) fn torch_fused(blend: Blend, dull: f32, value: f32) -> f32 {
    dull.mul_add(blend.rest, value * blend.factor)
}

/// The whole part, from 0 to 255, for loops. Adding 2^23 leaves it in the lowest bits, which makes better vectors than Rust's
/// conversion, as that looks for what no byte is.
#[expect(clippy::inline_always, reason = "it is to be compiled with its callers' features")]
#[inline(always)]
pub(super) fn byte(value: f32) -> u8 {
    (value.clamp(0.0, 255.0).floor() + 8_388_608.0).to_bits() as u8
}

/// Writes factor and library.
pub(super) fn put(factor: f64, library: Library, to: &mut impl Put) {
    to.double(factor);
    to.choice(library);
}

/// Reads factor and library; `None` if the factor is no finite number in single precision.
pub(super) fn take(from: &mut impl Take) -> Option<(f64, Library)> {
    let (factor, library) = (from.double()?, from.choice()?);
    ((factor as f32).is_finite() && ((1.0 - factor) as f32).is_finite()).then_some((factor, library))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_parts_are_cut_off_as_rust_does() {
        for tenth in -5000..5000_i16 {
            let value = f32::from(tenth) / 10.0;
            assert_eq!(byte(value), value as u8);
        }
        for whole in 1..=255_u8 {
            assert_eq!(byte(f32::from(whole).next_down()), whole - 1);
        }
        assert_eq!([byte(f32::MAX), byte(f32::MIN), byte(-0.0)], [255, 0, 0]);
    }
}
