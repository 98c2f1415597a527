//! What a filter does to a row of pixels and its neighbours.

/// Outputs that are made at a time; so many bytes may be read behind a row.
pub(crate) const BLOCK: usize = 32;

/// What is done to a row. [`Rows::make`] is inlined wherever it is called: it is compiled for each level's vectors.
pub(crate) trait Rows<const SIDE: usize> {
    /// Makes the first `count` bytes of `out`, and perhaps more: up to the next multiple of [`BLOCK`]. Byte `i` is made
    /// of the bytes `i + j * step` of the rows, of which the first is the uppermost.
    fn make(&self, rows: &[&[u8]; SIDE], step: usize, count: usize, out: &mut [u8]);

    /// Changes bytes of the outermost pixels.
    fn border(&self, _bytes: &mut [u8]) {}
}
