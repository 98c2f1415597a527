//! The bytes that one pass of a box blur treats alike.

/// The same place of 64 rows, or 64 places of the same row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(align(64))]
pub(crate) struct Chunk(pub(crate) [u8; Chunk::BYTES]);

impl Chunk {
    /// Rows or bytes of a strip.
    pub(crate) const BYTES: usize = 64;
    /// Zeros.
    pub(crate) const EMPTY: Chunk = Chunk([0; Chunk::BYTES]);
}

/// Bytes of a row that vectors transpose at a time. So many chunks behind its end a strip may be read.
pub(crate) const BLOCK: usize = 16;
