//! A JPEG decoder for those who need a rectangle of an image, with exactly the pixels that libjpeg-turbo gives.
//!
//! # Overview
//! * Equal, bit for bit, to libjpeg-turbo's default output (accurate integer transform, "fancy" upsampling, its
//!   colour conversion), which is what Pillow gives for modes `L` and `RGB`.
//! * Baseline, extended sequential and progressive Huffman coding of 8-bit samples; gray, `YCbCr` and RGB; every
//!   sampling that libjpeg decodes; restart markers.
//! * It knows its rectangle before it starts: blocks outside are stepped over in the entropy-coded data, nothing
//!   is transformed, upsampled or coloured there, and decoding stops after the last row needed. With an
//!   [`Index`] it takes little more than the rectangle's own data.
//! * No dependencies, no C. `unsafe` is confined to vector loads and stores on slices of checked length and to calls that a
//!   CPU feature check guards.
//!
//! # What it gives up
//! It repairs nothing. On anything at which libjpeg would warn or fail, and on whatever is out of the ordinary
//! (arithmetic coding, 12 bits, four components, missing tables, data left over, incomplete scans, coefficients
//! that no encoder makes), decoding ends with [`Irregular`], which says: let libjpeg do it.
//!
//! # Example
//! See [`Decoder`], and `examples/decode.rs`, a command that writes an image or a rectangle as PPM.
//!
//! # The way of one image
//! 1. `markers` walks to the first scan; `region` finds which blocks the rectangle needs.
//! 2. `bits` takes the stuffing out of the scan's data.
//! 3. `sequential` decodes a few MCUs at a time with the tables of `huffman`, or steps over them; files of
//!    several scans are first collected as coefficients by `progressive`.
//! 4. `render` has `kernels` turn blocks into samples, in strips, and these into the caller's rows.
#![warn(missing_docs)]
// What is there for vector kernels alone is unused where there are none.
#![cfg_attr(
    not(target_arch = "x86_64"),
    allow(dead_code, unfulfilled_lint_expectations, unreachable_code, unused_imports, unused_variables)
)]

mod bits;
mod decoder;
mod error;
mod exif;
mod huffman;
mod index;
mod kernels;
mod markers;
mod pass;
mod progressive;
mod region;
mod render;
mod scans;
mod sequential;
#[doc(hidden)]
pub mod simd;

pub use decoder::{Check, Decoder, Header, Image, Limits, Mode, read_header, read_metadata};
pub use error::{Irregular, Reason};
pub use index::Index;
pub use region::Region;
pub use render::Target;
pub use simd::Level;

/// The code in README runs with that of the other pages.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
