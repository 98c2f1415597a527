//! Where the MCUs of a scan begin.

use crate::markers::MAX_COMPONENTS;
use crate::region::Geometry;

/// The state of decoding in front of an MCU.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Byte of the file, and bit in it.
    pub(crate) byte: u32,
    pub(crate) bit: u8,
    pub(crate) predictors: [i16; MAX_COMPONENTS],
}

/// What one pass over a file knows about it: that its data are sound, and where the MCUs of each row begin, one
/// in every 128 columns of the picture.
///
/// With it, little more than a rectangle's own data is decoded. It takes 12 bytes for each of these places: one or
/// two hundredths of a photograph's size; files of several scans have no entries, as all of a file is needed for any part of
/// the picture.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Index {
    /// Length of the file.
    pub(crate) length: usize,
    /// Row by row.
    pub(crate) entries: Vec<Entry>,
}

impl Index {
    /// Bytes of memory that it holds.
    #[must_use]
    pub fn memory(&self) -> usize {
        size_of::<Self>() + self.entries.capacity() * size_of::<Entry>()
    }

    /// The entry in front of MCU `column` of a row, or the last one before that.
    pub(crate) fn before(&self, row: usize, column: usize, geometry: &Geometry) -> Option<&Entry> {
        let spacing = geometry.spacing();
        self.entries.get(row * geometry.mcus_x.div_ceil(spacing) + column / spacing)
    }

    /// The first entry that is not in front of any MCU before `column`.
    pub(crate) fn behind(&self, row: usize, column: usize, geometry: &Geometry) -> Option<&Entry> {
        let spacing = geometry.spacing();
        self.entries.get(row * geometry.mcus_x.div_ceil(spacing) + column.div_ceil(spacing))
    }
}
