//! Gray: all three channels become the pixel's luminance.
//!
//! Operands of the step: whose arithmetic; of `Grayscale` also whether one channel is made; of `RandomGrayscale` its
//! probability, and whose arithmetic. Pillow's is of integers; torchvision's two generations differ in a few colours, since the
//! second one multiplies and adds with one rounding where torch does.

use penstock_jpeg::simd::Level;

use super::{Luminance, dispatch};
use crate::ops::chance::Chance;
use crate::ops::kinds::{Block, Draw, Parameters, Pixels, Put, Size, Take, Wire};
use crate::ops::library::Library;
use crate::random::Streams;

/// `Grayscale` of three channels.
#[derive(Debug, Clone, PartialEq)]
pub struct Grayscale {
    /// What is done.
    pub step: Gray,
    /// Whether one channel is made of them.
    pub luminance: bool,
}

impl<S: From<Gray> + From<Luminance>> Draw<S> for Grayscale {
    fn draw(&self, size: Size, _streams: &mut Streams, steps: &mut Vec<S>) -> Option<Size> {
        steps.push(if self.luminance { Luminance { gray: self.step }.into() } else { self.step.into() });
        Some(size)
    }
}

impl Parameters for Grayscale {
    fn take(from: &mut impl Take) -> Option<Self> {
        Some(Grayscale { step: Gray::take(from)?, luminance: from.flag()? })
    }
}

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
