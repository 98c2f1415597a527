//! An image of one channel out of one of three: one of them.
//!
//! Operands: which one, below 3.

use penstock_jpeg::simd::Level;

use crate::image::{ImageView, Region};
use crate::ops::kinds::{Area, Put, Size, Take, Wire};

/// Keeps one channel of three.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Channel {
    /// Its number, below 3.
    pub number: u8,
}

impl Area for Channel {
    type Memory = ();

    fn channels(&self, _given: usize) -> usize {
        1
    }

    fn support(&self, _size: Size, wanted: &Region) -> Region {
        wanted.clone()
    }

    /// No pixel is moved for it. Of an image whose channels are alike there may be one.
    fn make<'m>(
        &self,
        _level: Level,
        source: &ImageView<'m>,
        _size: Size,
        _wanted: &Region,
        _memory: &'m mut (),
    ) -> Option<ImageView<'m>> {
        source.channel(usize::from(self.number).min(source.channels().saturating_sub(1)))
    }
}

impl Wire for Channel {
    fn put(&self, to: &mut impl Put) {
        to.word(self.number.into());
    }

    fn take(from: &mut impl Take) -> Option<Self> {
        from.word().filter(|&number| number < 3).map(|number| Channel { number: number as u8 })
    }
}
