//! Pixel work: what is done to a picture once every number has been drawn.
//!
//! Crop, pad and flip are separable, so they never touch a pixel here: they edit an [`axis::Axis`],
//! the list of where each output row (or column) comes from, and [`crate::write`] reads the source once
//! through two of them. What makes new pixels of old ones is done on bytes between two such readings:
//! [`resize`], as Pillow or torch does it.

pub mod axis;
pub(crate) mod filter;
pub(crate) mod program;
pub(crate) mod recent;
pub mod resize;
#[cfg(target_arch = "x86_64")]
pub(crate) mod resize_x86;
pub(crate) mod sheet;
