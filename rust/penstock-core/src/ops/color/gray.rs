//! Gray: all three channels become the pixel's luminance.
//!
//! Operand: whose arithmetic. Pillow's is of integers; torchvision's two generations differ in a few colours, since the second
//! one multiplies and adds with one rounding where torch does.

use penstock_jpeg::simd::Level;

use super::dispatch;
use crate::ops::chance::ByChance;
use crate::ops::kinds::{Block, Pixels, Put, Size, Take, Wire};
use crate::ops::layout::{Layout, Lying};
use crate::ops::library::Library;

/// `RandomGrayscale`.
pub type RandomGrayscale = ByChance<Gray>;

/// Makes an image of three channels gray.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gray {
    /// Whose arithmetic.
    pub library: Library,
}

impl Pixels for Gray {
    fn laid(&self, given: Lying, size: Size) -> Lying {
        given.made(size, Layout::PLANAR)
    }

    fn change(&self, level: Level, block: &mut Block) {
        *block = [dispatch::gray(level, self.library, block); 3];
    }
}

impl Wire for Gray {
    fn put(&self, to: &mut impl Put) {
        to.choice(self.library);
    }

    fn take(from: &mut impl Take) -> Option<Self> {
        Some(Gray { library: from.choice()? })
    }
}
