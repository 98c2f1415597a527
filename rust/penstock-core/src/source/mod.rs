//! Sources: from a sample's index to its bytes or pixels.

pub(crate) mod ahead;
pub mod array;
pub mod files;
pub mod sights;
