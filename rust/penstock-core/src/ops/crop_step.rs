//! The step that all crops come to, and negative margins.

use super::kinds::{Map, Put, Size, Take, Wire};
use super::layout::Lying;
use crate::image::axis::Axis;

/// Keeps a rectangle that lies inside the image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Crop {
    /// First row.
    pub top: u32,
    /// First column.
    pub left: u32,
    /// Rows kept.
    pub height: u32,
    /// Columns kept.
    pub width: u32,
}

impl Map for Crop {
    fn laid(&self, given: Lying, size: Size) -> Lying {
        Lying { size, ..given }
    }

    fn size(&self, (height, width): Size) -> Option<Size> {
        let Crop { top, left, height: rows, width: columns } = *self;
        let inside = top.checked_add(rows)? <= height && left.checked_add(columns)? <= width;
        (inside && rows > 0 && columns > 0).then_some((rows, columns))
    }

    fn edit(&self, rows: &mut Axis, columns: &mut Axis) {
        rows.crop(self.top, self.height);
        columns.crop(self.left, self.width);
    }
}

impl Wire for Crop {
    fn put(&self, to: &mut impl Put) {
        to.words([self.top, self.left, self.height, self.width]);
    }

    fn take(from: &mut impl Take) -> Option<Self> {
        let [top, left, height, width] = from.words()?;
        Some(Crop { top, left, height, width })
    }
}
