//! A JPEG decoder for those who need a rectangle of a picture, with exactly the pixels that libjpeg-turbo gives.
//!
//! # Overview
//! * Equal, bit for bit, to libjpeg-turbo's default output (accurate integer transform, "fancy" upsampling, its
//!   colour conversion), which is what Pillow gives for modes `L` and `RGB`.
//! * Baseline, extended sequential and progressive Huffman coding of 8-bit samples; gray, `YCbCr` and RGB; every
//!   sampling that libjpeg decodes; restart markers.
//! * It knows its rectangle before it starts: blocks outside are stepped over in the entropy-coded data, nothing
//!   is transformed, upsampled or coloured there, and decoding stops after the last row needed. With an
//!   [`Index`] it takes little more than the rectangle's own data.
//! * No dependencies, no C. `unsafe` is confined to one file, of vector loads and stores on slices of checked
//!   length and of calls that a CPU feature check guards.
//!
//! # What it gives up
//! It repairs nothing. On anything at which libjpeg would warn or fail, and on whatever is out of the ordinary
//! (arithmetic coding, 12 bits, four components, missing tables, data left over, incomplete scans, coefficients
//! that no encoder makes), decoding ends with [`Irregular`], which says: let libjpeg do it.
//!
//! # Example
//! See [`Decoder`].
//!
//! # The way of one picture
//! 1. `markers` walks to the first scan; `region` finds which blocks the rectangle needs.
//! 2. `bits` takes the stuffing out of the scan's data.
//! 3. `sequential` decodes a few MCUs at a time with the tables of `huffman`, or steps over them; files of
//!    several scans are first collected as coefficients by `progressive`.
//! 4. `idct` turns blocks into samples in the strips of `render`, which `upsample` and `color` turn into the
//!    caller's rows.
#![warn(missing_docs)]

mod bits;
mod color;
mod decoder;
mod error;
mod exif;
mod huffman;
mod idct;
mod index;
mod level;
mod markers;
mod pass;
mod progressive;
mod region;
mod render;
mod scans;
mod sequential;
mod simd;
mod upsample;
#[cfg(target_arch = "x86_64")]
mod x86;
#[cfg(target_arch = "x86_64")]
mod x86_blocks;

pub use decoder::{Check, Decoder, Header, Image, Limits, Mode, read_header};
pub use error::{Irregular, Reason};
pub use index::Index;
pub use level::Level;
pub use region::Region;
pub use render::Target;
