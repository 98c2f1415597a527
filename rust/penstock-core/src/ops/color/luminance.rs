//! An image of one channel out of one of three: its luminance.
//!
//! Pixels become gray in the pass that they share with other changes of colour; of what that makes, one channel is kept.

use penstock_jpeg::simd::Level;

use super::Gray;
use crate::image::{ImageView, Region};
use crate::ops::kinds::{Area, Put, Size, Take, Wire};

/// Makes one channel of three. Operands: those of [`Gray`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Luminance {
    /// What is done to the pixels, before this step is asked for the one channel.
    pub gray: Gray,
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
