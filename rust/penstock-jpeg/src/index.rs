//! Where the block rows of a scan begin.

use crate::markers::MAX_COMPONENTS;

/// The state of decoding at the start of an MCU row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Byte of the file, and bit in it.
    pub(crate) byte: u32,
    pub(crate) bit: u8,
    /// The number that the next restart marker carries.
    pub(crate) restart: u8,
    /// MCUs up to that marker.
    pub(crate) until_restart: u16,
    pub(crate) predictors: [i16; MAX_COMPONENTS],
}

/// What one pass over a file knows about it: that its data are sound, and where each MCU row of them begins.
///
/// With it, a rectangle is decoded from its first row on. It takes 16 bytes for each MCU row; files of several
/// scans have no rows, as all of a file is needed for any part of the picture.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Index {
    /// Length of the file.
    pub(crate) length: usize,
    pub(crate) rows: Vec<Entry>,
}

impl Index {
    /// Bytes of memory that it holds.
    #[must_use]
    pub fn memory(&self) -> usize {
        size_of::<Self>() + self.rows.capacity() * size_of::<Entry>()
    }
}
