//! The piece of a picture that goes through steps of pixels.

/// Pixels of a [`Block`]: as many as the widest vectors have bytes.
pub const BLOCK_PIXELS: usize = 64;

/// Some pixels, each of the three channels by itself.
pub type Block = [[u8; BLOCK_PIXELS]; 3];
