//! The resize of numbers as a step.

use std::ops::Range;

use penstock_jpeg::simd::Level;

use super::dispatch;
use super::passes::LANES;
use super::weights::{Side, Taps};
use crate::image::{Planes, Region};
use crate::ops::kinds::{FloatArea, Put, Size, Take, Wire};
use crate::ops::resize::filter::Filter;
use crate::ops::resize::recent::Recent;

/// Sides whose taps a thread remembers.
const REMEMBERED: usize = 4;

/// Makes an image of numbers of another size: columns first, then rows, each if it is another number of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResampleFloats {
    /// Rows made.
    pub height: u32,
    /// Columns made.
    pub width: u32,
    /// How: bilinear or bicubic with antialiasing, or torch's nearest.
    pub filter: Filter,
}

/// Memory of one thread that resizes.
#[derive(Debug, Default)]
pub struct Memory {
    taps: Recent<(Side, Range<u32>, u32), Taps, REMEMBERED>,
    between: Planes,
    beside: Vec<[f32; LANES]>,
}

impl ResampleFloats {
    fn sides(&self, size: Size) -> [Side; 2] {
        let side = |from, to| Side { from, to, filter: self.filter };
        [side(size.0, self.height), side(size.1, self.width)]
    }
}

impl FloatArea for ResampleFloats {
    type Memory = Memory;

    fn size(&self, size: Size) -> Option<Size> {
        let fits = |length: u32| length > 0 && i32::try_from(length).is_ok();
        [size.0, size.1, self.height, self.width].into_iter().all(fits).then_some((self.height, self.width))
    }

    fn support(&self, size: Size, wanted: &Region) -> Region {
        if wanted.is_empty() {
            return Region::default();
        }
        let [rows, columns] = self.sides(size);
        Region { rows: rows.support(&wanted.rows), columns: columns.support(&wanted.columns) }
    }

    fn make(
        &self,
        level: Level,
        source: &Planes,
        size: Size,
        wanted: &Region,
        memory: &mut Memory,
        out: &mut Planes,
    ) -> Option<()> {
        let support = self.support(size, wanted);
        if (source.rows(), source.columns()) != (support.rows.len(), support.columns.len()) {
            return None;
        }
        let [rows, columns] = self.sides(size);
        let Memory { taps, between, beside } = memory;
        if !between.shape(source.channels(), source.rows(), wanted.columns.len())
            || !out.shape(source.channels(), wanted.rows.len(), wanted.columns.len())
        {
            return None;
        }
        let mut made = |side: Side, wanted: &Range<u32>, origin: u32, pass: &mut dyn FnMut(&Taps)| {
            let key = (side, wanted.clone(), origin);
            taps.get(key, |taps| {
                side.taps(wanted, origin, taps);
                true
            })
            .map(pass)
        };
        made(columns, &wanted.columns, support.columns.start, &mut |taps| {
            dispatch::across(level, source, taps, beside, between);
        })?;
        made(rows, &wanted.rows, support.rows.start, &mut |taps| dispatch::down(level, between, taps, out))
    }
}

impl Wire for ResampleFloats {
    fn put(&self, to: &mut impl Put) {
        to.words([self.height, self.width]);
        to.choice(self.filter);
    }

    fn take(from: &mut impl Take) -> Option<Self> {
        let [height, width] = from.words()?;
        let filter = from.choice()?;
        let known = matches!(filter, Filter::Bilinear | Filter::Bicubic | Filter::Corner);
        known.then_some(ResampleFloats { height, width, filter })
    }
}
