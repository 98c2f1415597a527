//! The core of penstock: batches of images, bit for bit as torch and torchvision would have made them.
//!
//! The way of one batch:
//!
//! 1. An image is a view of bytes that somebody else owns ([`image`]), or a file ([`source`]), of which [`codec`]
//!    first reads the header.
//! 2. [`random`] and [`plan`]: the pipeline's parameters are drawn in torch's order from torch's generator, and
//!    come out as concrete steps.
//! 3. [`engine`]: threads take groups of images from a queue, in order of the batches.
//! 4. [`ops`] says what a step does. Most come to two index maps and a table, and one pass of [`write`] gathers,
//!    converts and writes.
//! 5. [`batch`]: `MixUp` and `CutMix` mix the images when all of them are there.
//!
//! Nothing here knows Python.
// What is there for vector kernels alone is unused where there are none.
#![cfg_attr(
    not(target_arch = "x86_64"),
    allow(dead_code, unfulfilled_lint_expectations, unreachable_code, unused_imports, unused_variables)
)]

pub mod batch;
pub mod codec;
pub mod engine;
pub mod error;
pub mod image;
pub mod level;
pub mod ops;
pub mod plan;
pub mod random;
pub mod source;
pub mod stats;
pub mod system;
pub mod write;

pub use error::Error;
pub use level::Level;
