//! Pixel work: what makes new pixels of old ones, on bytes, between two readings through index maps.

pub mod resize;
