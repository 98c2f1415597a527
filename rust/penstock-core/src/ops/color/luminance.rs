//! `Grayscale`, and an image of one channel out of one of three: its luminance.
//!
//! Pixels become gray in the pass that they share with other changes of colour; of what that makes, one channel is kept.

use penstock_jpeg::simd::Level;

use super::gray::Gray;
use crate::image::{ImageView, Region};
use crate::ops::kinds::{Area, Draw, Parameters, Put, Size, Take, Wire};
use crate::random::Streams;

/// `Grayscale` of three channels. Operands: those of [`Gray`]; whether one channel is made.
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

/// Makes one channel of three. Operands: those of [`Gray`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Luminance {
    /// What is done to the pixels, before this step is asked for the one channel.
    pub gray: Gray,
}

impl Luminance {
    /// What is done to the pixels before it.
    pub(crate) fn before(self) -> Gray {
        self.gray
    }
}

impl Area for Luminance {
    type Memory = ();

    fn channels(&self, _given: usize) -> usize {
        1
    }

    fn support(&self, _size: Size, wanted: &Region) -> Region {
        wanted.clone()
    }

    /// No pixel is moved for it.
    fn make<'m>(
        &self,
        _level: Level,
        source: &ImageView<'m>,
        _size: Size,
        _wanted: &Region,
        _memory: &'m mut (),
    ) -> Option<ImageView<'m>> {
        source.channel(0)
    }
}

impl Wire for Luminance {
    fn put(&self, to: &mut impl Put) {
        self.gray.put(to);
    }

    fn take(from: &mut impl Take) -> Option<Self> {
        Some(Luminance { gray: Gray::take(from)? })
    }
}
