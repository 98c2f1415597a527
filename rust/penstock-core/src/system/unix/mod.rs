//! Linux, macOS and their kin.

pub(crate) mod descriptors;
pub mod files;
pub(crate) mod forks;
pub mod heap;
pub(crate) mod identity;
pub(crate) mod pages;
pub(crate) mod waits;

/// Which of the two ways this is.
pub const NAME: &str = "unix";
