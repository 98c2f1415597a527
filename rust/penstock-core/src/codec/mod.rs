//! Files' bytes to pixels.
//!
//! JPEG, PNG and binary PPM are decoded here. On anything else, and on whatever is out of the ordinary in one of them,
//! this ends with [`Irregular`], which leaves the file to Pillow: nothing is repaired, so nothing is repaired
//! differently.

mod decoder;
mod error;
mod header;
mod png;
mod ppm;
pub(crate) mod seen;
mod sniff;

pub use decoder::{Decoded, Decoder};
pub use error::Irregular;
pub use header::{Format, Header, Order};
pub use penstock_jpeg::{Reason as JpegReason, Region, read_metadata};
pub use png::has_checksums;
pub use png::reason::Reason as PngReason;
pub use seen::{Usage, passes, usage};
pub use sniff::read_header;
