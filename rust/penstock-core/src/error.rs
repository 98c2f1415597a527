//! Everything that can go wrong below Python.

use crate::random::StateError;
use crate::write::{RenderError, TableError};

/// An error of the core. What concerns one image names its position in the batch.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A generator's state that is none.
    #[error(transparent)]
    State(#[from] StateError),
    /// A conversion table that does not fit its description.
    #[error(transparent)]
    Table(#[from] TableError),
    /// The memory for a batch has another size than its images.
    #[error("the batch takes {needed} bytes, its memory has {given}")]
    OutputSize {
        /// Bytes that the images take.
        needed: usize,
        /// Bytes that were handed over.
        given: usize,
    },
    /// Images of several sizes, which no tensor holds.
    #[error("the batch's images differ in size")]
    Ragged,
    /// The operating system gave no thread.
    #[error("cannot start a loader thread: {0}")]
    Thread(String),
    /// An image that does not go through the plan as it was drawn: a mistake of ours.
    #[error("penstock failed on sample {sample} of the batch: {source}")]
    Render {
        /// Position of the image.
        sample: usize,
        /// What did not fit.
        source: RenderError,
    },
    /// A bug of ours, kept from taking the process down.
    #[error("penstock failed on sample {sample} of the batch: {message}")]
    Panic {
        /// Position of the first image of the failed group.
        sample: usize,
        /// The panic's message.
        message: String,
    },
    /// The iterator was made by the parent of this forked process; its threads are not here.
    #[error("this iterator belongs to the parent process; make a new one after fork")]
    Forked,
}
