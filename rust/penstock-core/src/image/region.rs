//! A rectangle of an image.

use std::ops::Range;

/// A rectangle of an image.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Region {
    /// Its rows.
    pub rows: Range<u32>,
    /// Its columns.
    pub columns: Range<u32>,
}

impl Region {
    /// All of an image of `size`, height and width.
    #[must_use]
    pub fn whole((height, width): (u32, u32)) -> Region {
        Region { rows: 0..height, columns: 0..width }
    }

    /// The same region; one that holds no pixels begins at the first row and column.
    #[must_use]
    pub fn or_nothing(self) -> Region {
        if self.is_empty() { Region::default() } else { self }
    }

    /// Whether it holds no pixels.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty() || self.columns.is_empty()
    }
}

impl From<Region> for penstock_jpeg::Region {
    fn from(region: Region) -> penstock_jpeg::Region {
        let Region { rows, columns } = region;
        penstock_jpeg::Region {
            left: columns.start as usize,
            top: rows.start as usize,
            width: columns.len(),
            height: rows.len(),
        }
    }
}
