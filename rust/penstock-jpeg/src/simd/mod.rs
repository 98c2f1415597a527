//! Vector instructions: which of them there are, and the little that must be `unsafe` to use them.
//!
//! A value of [`Level`] is a proof that the processor has its instructions, which is what makes it sound to call a
//! function that enables them. Such calls stand in files named `dispatch`, each beside its kernels. Loads and stores of
//! memory of checked length are in [`arch`], by architecture. So the kernels themselves are safe code.
//!
//! Kernels of other crates of penstock use this module too. It is no part of what this crate promises.
#![expect(unsafe_code, reason = "vector loads and stores, and memory that others may write to")]

pub mod arch;
mod level;
mod part;

pub use arch::Vectors;
pub use level::Level;
pub use part::Part;
