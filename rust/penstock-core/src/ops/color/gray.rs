//! Gray: all three channels become the pixel's luminance.
//!
//! Operands of the step: whose arithmetic; of `RandomGrayscale` also its probability, before that. Pillow's arithmetic is of
//! integers; torchvision's two generations differ in a few colours, since the second one multiplies and adds with one rounding
//! where torch does.

use penstock_jpeg::simd::Level;

use super::dispatch;
use crate::ops::chance::Chance;
use crate::ops::kinds::{Block, Draw, Parameters, Pixels, Put, Size, Take, Wire};
use crate::ops::layout::{Layout, Lying};
use crate::ops::library::Library;
use crate::random::Streams;

/// `RandomGrayscale`. Both generations compare in single precision.
#[derive(Debug, Clone, PartialEq)]
pub struct RandomGrayscale {
    /// Whether it happens.
    pub chance: Chance,
    /// What is done then.
    pub step: Gray,
}

impl<S: From<Gray>> Draw<S> for RandomGrayscale {
    fn draw(
        &self,
        size: Size,
        Streams { torch: generator, .. }: &mut Streams,
        steps: &mut Vec<S>,
    ) -> Option<Size> {
        if self.chance.draw(generator) {
            steps.push(self.step.into());
        }
        Some(size)
    }
}

impl Parameters for RandomGrayscale {
    fn take(from: &mut impl Take) -> Option<Self> {
        let chance = Chance::Single(from.double()? as f32);
        Some(RandomGrayscale { chance, step: Gray::take(from)? })
    }
}

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
