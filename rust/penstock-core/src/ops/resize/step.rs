//! A resize as a step.

use penstock_jpeg::simd::Level;

use super::passes::{Method, Passes};
use super::resampler::Resampler;
use crate::image::{ImageView, Region};
use crate::ops::kinds::{Area, Put, Size, Take, Wire};
use crate::ops::layout::{Layout, Lying};

/// Makes an image of another size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resample {
    /// Rows made.
    pub height: u32,
    /// Columns made.
    pub width: u32,
    /// How.
    pub method: Method,
}

impl Resample {
    fn passes(&self, size: Size) -> Passes {
        Passes::new(size, (self.height, self.width), self.method)
    }
}

impl Area for Resample {
    type Memory = Resampler;

    fn size(&self, _size: Size) -> Option<Size> {
        let fits = |length: u32| length > 0 && i32::try_from(length).is_ok();
        (fits(self.height) && fits(self.width)).then_some((self.height, self.width))
    }

    fn laid(&self, given: Lying, size: Size) -> Lying {
        if size == given.size {
            return given; // torchvision returns the very tensor
        }
        let gaps = given.row != given.size.1 && given.size.0 > 1;
        given.made(size, if gaps || given.layout.transposed { Layout::PLANAR } else { given.layout })
    }

    fn support(&self, size: Size, wanted: &Region) -> Region {
        self.passes(size).support(wanted)
    }

    fn make<'m>(
        &self,
        level: Level,
        source: &ImageView<'m>,
        size: Size,
        wanted: &Region,
        memory: &'m mut Resampler,
    ) -> Option<ImageView<'m>> {
        memory.resample(level, source, &self.passes(size), wanted)
    }
}

impl Wire for Resample {
    fn put(&self, to: &mut impl Put) {
        to.words([self.height, self.width]);
        self.method.put(to);
    }

    fn take(from: &mut impl Take) -> Option<Self> {
        let [height, width] = from.words()?;
        Some(Resample { height, width, method: Method::take(from)? })
    }
}
