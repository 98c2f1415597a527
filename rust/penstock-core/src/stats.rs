//! What was done for a batch, and how long it took.

use std::time::Duration;

use crate::source::files::Left;

/// Counts and times of some pictures, added up over threads.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// Pictures that were decoded.
    pub decoded: usize,
    /// Those of them whose files were seen before, so that no more was looked at than was needed.
    pub known: usize,
    /// Time taken by decoding.
    pub decoding: Duration,
    /// Time taken by geometry, conversion and writing.
    pub rendering: Duration,
    /// Pictures whose files were left to Pillow, and why.
    pub left: Vec<(usize, Left)>,
}

impl Tally {
    /// Adds another one.
    pub fn add(&mut self, mut other: Tally) {
        self.decoded += other.decoded;
        self.known += other.known;
        self.decoding += other.decoding;
        self.rendering += other.rendering;
        self.left.append(&mut other.left);
    }
}
