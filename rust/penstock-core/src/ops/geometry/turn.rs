//! Quarter turns, and the two reflections that exchange rows and columns: `Image.transpose`.

use penstock_jpeg::simd::Level;

use crate::image::axis::Run;
use crate::image::{ImageView, Region};
use crate::ops::choice::Choice;
use crate::ops::kinds::{Area, Put, Size, Take, Wire};
use crate::ops::layout::{Layout, Lying};

/// Which turn. The names are Pillow's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quarter {
    /// By 90 degrees, counterclockwise.
    Rotate90,
    /// By 270 degrees, counterclockwise.
    Rotate270,
    /// Rows become columns.
    Transpose,
    /// The same along the other diagonal.
    Transverse,
}

impl Choice for Quarter {
    const ALL: &[(Self, &str)] = &[
        (Quarter::Rotate90, "rotate_90"),
        (Quarter::Rotate270, "rotate_270"),
        (Quarter::Transpose, "transpose"),
        (Quarter::Transverse, "transverse"),
    ];
}

/// Turns an image; no pixel is moved for it. Operands: which [`Quarter`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Turn {
    /// Which turn.
    pub quarter: Quarter,
}

impl Turn {
    /// Whether the rows of the output are the columns of the source from the last to the first, and whether its columns
    /// are such rows.
    fn reversed(self) -> [bool; 2] {
        match self.quarter {
            Quarter::Rotate90 => [true, false],
            Quarter::Rotate270 => [false, true],
            Quarter::Transpose => [false, false],
            Quarter::Transverse => [true, true],
        }
    }
}

impl Area for Turn {
    type Memory = ();

    fn laid(&self, given: Lying, size: Size) -> Lying {
        given.made(size, Layout { transposed: !given.layout.transposed, ..given.layout })
    }

    fn size(&self, (height, width): Size) -> Option<Size> {
        Some((width, height))
    }

    fn support(&self, (height, width): Size, wanted: &Region) -> Region {
        let [rows, columns] = self.reversed();
        let back = |range: &std::ops::Range<u32>, reversed: bool, length: u32| {
            if reversed { length - range.end..length - range.start } else { range.clone() }
        };
        Region { rows: back(&wanted.columns, columns, height), columns: back(&wanted.rows, rows, width) }
    }

    fn make<'m>(
        &self,
        _level: Level,
        source: &ImageView<'m>,
        _size: Size,
        _wanted: &Region,
        _memory: &'m mut (),
    ) -> Option<ImageView<'m>> {
        let run = |length: usize, reversed: bool| {
            let len = length as u32;
            if reversed {
                Some(Run::Source { start: len.checked_sub(1)?, len, step: -1 })
            } else {
                Some(Run::Source { start: 0, len, step: 1 })
            }
        };
        let [rows, columns] = self.reversed();
        source.transposed().select(run(source.width(), rows)?, run(source.height(), columns)?)
    }
}

impl Wire for Turn {
    fn put(&self, to: &mut impl Put) {
        to.choice(self.quarter);
    }

    fn take(from: &mut impl Take) -> Option<Self> {
        Some(Turn { quarter: from.choice()? })
    }
}
