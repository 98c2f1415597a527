//! Pixel work: what is done to a picture once every number has been drawn.
//!
//! Crop, pad and flip are separable, so they never touch a pixel here: they edit an [`axis::Axis`],
//! the list of where each output row (or column) comes from, and [`crate::write`] reads the source once
//! through two of them.

pub mod axis;
