//! What Pillow's blurs have in common as steps: boxes, whose radii follow from what the user gave.

use std::marker::PhantomData;

use penstock_jpeg::simd::Level;

use super::boxes::{Blur, Boxes};
use super::means::Mean;
use crate::image::{ImageView, Region};
use crate::ops::kinds::{Area, Put, Size, Take, Wire};

/// Which boxes a number of the user's means.
pub trait Radius {
    /// So many boxes, one after the other.
    const PASSES: u8;

    /// Their radius in pixels, in Pillow's single precision.
    fn of(given: f32) -> f32;
}

/// Blurs by boxes. Operands: the number that is given along rows, and that along columns.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Blurred<R> {
    given: [f64; 2],
    blur: Blur,
    radius: PhantomData<R>,
}

impl<R: Radius> Blurred<R> {
    /// `None` if a radius is negative, no number, or too large for our sums.
    #[must_use]
    pub fn new(given: [f64; 2]) -> Option<Self> {
        let [across, down] = given.map(|given| Mean::new(R::of(given as f32)));
        let blur = Blur { across: across?, down: down?, passes: R::PASSES };
        Some(Blurred { given, blur, radius: PhantomData })
    }
}

impl<R> Area for Blurred<R> {
    type Memory = Boxes;

    fn support(&self, size: Size, wanted: &Region) -> Region {
        self.blur.support(size, wanted)
    }

    fn make<'m>(
        &self,
        level: Level,
        source: &ImageView<'m>,
        size: Size,
        wanted: &Region,
        memory: &'m mut Boxes,
    ) -> Option<ImageView<'m>> {
        memory.blur(level, source, size, wanted, &self.blur)
    }
}

impl<R: Radius> Wire for Blurred<R> {
    fn put(&self, to: &mut impl Put) {
        to.doubles(self.given);
    }

    fn take(from: &mut impl Take) -> Option<Self> {
        Blurred::new(from.doubles()?)
    }
}
