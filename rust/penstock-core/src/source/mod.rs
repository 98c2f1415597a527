//! Sources: from a sample's index to its bytes or pixels.

pub mod descriptors;
pub mod files;
pub mod header_cache;
pub mod known;
