//! What a step may have to know of its whole image.

/// What was counted of an image by [`Measured::look`](super::kinds::Measured::look); a step counts what it needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statistics {
    /// The image's channels, 1 or 3.
    pub channels: usize,
    /// Pixels that were looked at.
    pub pixels: u64,
    /// The sum of their gray values, as the step's library makes these.
    pub gray: u64,
    /// The least value of each channel; 255 before any.
    pub least: [u8; 3],
    /// The greatest value of each channel; 0 before any.
    pub greatest: [u8; 3],
    /// How often each value is there, by channel, in four counts of a quarter of the pixels each: a count that grows twice
    /// in a row waits for itself.
    pub counts: [[[u32; 256]; 4]; 3],
}

impl Statistics {
    /// Of no pixel.
    #[must_use]
    pub fn new(channels: usize) -> Statistics {
        Statistics {
            channels,
            pixels: 0,
            gray: 0,
            least: [u8::MAX; 3],
            greatest: [0; 3],
            counts: [[[0; 256]; 4]; 3],
        }
    }
}
