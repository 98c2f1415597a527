//! Erasing: a rectangle of the output becomes a constant.

use super::kinds::{Elements, Put, Size, Take, Wire};
use crate::image::Region;

/// Overwrites a rectangle that lies inside the picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Erase {
    /// First row.
    pub top: u32,
    /// First column.
    pub left: u32,
    /// Its rows.
    pub height: u32,
    /// Its columns.
    pub width: u32,
    /// Which constant of the table it becomes.
    pub fill: u16,
}

impl Elements for Erase {
    fn place(&self, (height, width): Size) -> Option<Region> {
        let (bottom, right) = (self.top.checked_add(self.height)?, self.left.checked_add(self.width)?);
        (bottom <= height && right <= width)
            .then_some(Region { rows: self.top..bottom, columns: self.left..right })
    }

    fn fill(&self) -> u16 {
        self.fill
    }
}

impl Wire for Erase {
    fn put(&self, to: &mut impl Put) {
        to.words([self.top, self.left, self.height, self.width, self.fill.into()]);
    }

    fn take(from: &mut impl Take) -> Option<Self> {
        let [top, left, height, width, fill] = from.words()?;
        Some(Erase { top, left, height, width, fill: fill.try_into().ok()? })
    }
}
