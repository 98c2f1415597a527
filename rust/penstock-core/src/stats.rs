//! What was done for a batch, and how long it took.

use std::time::Duration;

use crate::source::files::Fallback;

/// Counts and times of some images, added up over threads.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BatchStats {
    /// Images that were decoded.
    pub decoded: usize,
    /// Those of them whose files were seen before, so that no more was looked at than was needed.
    pub known: usize,
    /// Time taken by decoding.
    pub decoding: Duration,
    /// Time taken by geometry, conversion and writing.
    pub rendering: Duration,
    /// Images whose files were left to Pillow, and why.
    pub fallbacks: Vec<(usize, Fallback)>,
}

impl BatchStats {
    /// Adds another one.
    pub fn add(&mut self, mut other: BatchStats) {
        self.decoded += other.decoded;
        self.known += other.known;
        self.decoding += other.decoding;
        self.rendering += other.rendering;
        self.fallbacks.append(&mut other.fallbacks);
    }
}
