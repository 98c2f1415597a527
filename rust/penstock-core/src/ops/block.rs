//! The piece of an image that goes through steps of pixels.

/// Pixels of a [`Block`]: whole vectors at every level. Enough of them for what is done once for a block, such as calls and
/// copies, to weigh little, and few enough for rows of a small region.
pub const BLOCK_PIXELS: usize = 256;

/// Some pixels, each of the three channels by itself.
pub type Block = [[u8; BLOCK_PIXELS]; 3];
