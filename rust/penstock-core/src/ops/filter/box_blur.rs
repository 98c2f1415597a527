//! `ImageFilter.BoxBlur`: the mean of a box whose sides may be fractions of pixels.

use super::blur::{Blurred, Radius};

/// Blurs by one box. Operands: the radius along rows, the radius along columns, both in pixels, neither negative.
pub type BoxBlur = Blurred<OneBox>;

/// The box whose radius is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OneBox;

impl Radius for OneBox {
    const PASSES: u8 = 1;

    fn of(given: f32) -> f32 {
        given
    }
}
