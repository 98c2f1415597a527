//! A resize as a step.

use penstock_jpeg::simd::Level;

use super::filter::Filter;
use super::passes::{Arithmetic, Method, Order, Passes};
use super::resampler::Resampler;
use crate::image::{Picture, Region};
use crate::ops::kinds::{Area, Put, Size, Take, Wire};

/// Makes a picture of another size.
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

    fn support(&self, size: Size, wanted: &Region) -> Region {
        self.passes(size).support(wanted)
    }

    fn make<'m>(
        &self,
        level: Level,
        source: &Picture<'m>,
        size: Size,
        wanted: &Region,
        memory: &'m mut Resampler,
    ) -> Option<Picture<'m>> {
        memory.resample(level, source, &self.passes(size), wanted)
    }
}

/// Filters by Pillow's numbers, and one of torch's.
const FILTERS: [Filter; 7] = [
    Filter::Nearest,
    Filter::Lanczos,
    Filter::Bilinear,
    Filter::Bicubic,
    Filter::Box,
    Filter::Hamming,
    Filter::Corner,
];

/// Arithmetics by their numbers where steps are sent.
const ARITHMETICS: [Arithmetic; 4] = [
    Arithmetic::Pillow(Order::Across),
    Arithmetic::Pillow(Order::Shrinkage),
    Arithmetic::Pillow(Order::Tall),
    Arithmetic::Torch,
];

/// The number of an entry, which is there.
fn number<T: PartialEq>(list: &[T], entry: &T) -> u32 {
    list.iter().position(|other| other == entry).unwrap_or(list.len()) as u32
}

impl Wire for Resample {
    fn put(&self, to: &mut impl Put) {
        let Method { filter, arithmetic } = self.method;
        to.words([self.height, self.width, number(&FILTERS, &filter), number(&ARITHMETICS, &arithmetic)]);
    }

    fn take(from: &mut impl Take) -> Option<Self> {
        let [height, width, filter, arithmetic] = from.words()?;
        let (filter, arithmetic) = (*FILTERS.get(filter as usize)?, *ARITHMETICS.get(arithmetic as usize)?);
        Some(Resample { height, width, method: Method { filter, arithmetic } })
    }
}
