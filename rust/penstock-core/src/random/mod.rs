//! torch's random numbers, and Python's, from the states of their own generators.
//!
//! [`Mt19937`] is the generator behind `torch.Generator(device="cpu")`; it starts from a seed or from the
//! bytes of `Generator.get_state()` and can be written back into them. [`draw`] turns its words into the
//! numbers that `torch.rand` and `torch.randint` would have given, [`python`] into those of Python's module `random`,
//! whose generator is the same one.

pub mod draw;
mod mt19937;
pub mod python;
mod streams;

pub use mt19937::{Mt19937, PYTHON_WORDS, STATE_BYTES, StateError};
pub use streams::Streams;
