//! Where the MCUs of a scan begin.

use crate::markers::MAX_COMPONENTS;

/// MCUs from one entry to the next, counted in each row anew: a rectangle steps over fewer than these at the
/// left of each of its rows.
pub(crate) const SPACING: usize = 8;

/// The state of decoding in front of an MCU.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Byte of the file, and bit in it.
    pub(crate) byte: u32,
    pub(crate) bit: u8,
    pub(crate) predictors: [i16; MAX_COMPONENTS],
}

/// What one pass over a file knows about it: that its data are sound, and where every eighth MCU of each row
/// begins.
///
/// With it, little more than a rectangle's own data is decoded. It takes 12 bytes for eight MCUs, a hundredth
/// of a photograph's size; files of several scans have no entries, as all of a file is needed for any part of
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

    /// The entry in front of MCU `column` of a row of `across`, or the last one before that.
    pub(crate) fn before(&self, row: usize, column: usize, across: usize) -> Option<&Entry> {
        self.entries.get(row * across.div_ceil(SPACING) + column / SPACING)
    }

    /// The first entry that is not in front of any MCU before `column`.
    pub(crate) fn behind(&self, row: usize, column: usize, across: usize) -> Option<&Entry> {
        self.entries.get(row * across.div_ceil(SPACING) + column.div_ceil(SPACING))
    }
}
