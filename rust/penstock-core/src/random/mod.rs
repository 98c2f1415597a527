//! torch's random numbers, and Python's, from the states of their own generators; or from nothing but a sample's index.
//!
//! [`Mt19937`] is the generator behind `torch.Generator(device="cpu")`; it starts from a seed or from the
//! bytes of `Generator.get_state()` and can be written back into them. [`Philox`] has words of its own for each sample. Both
//! are [`Words`], and a [`Generator`] is either. [`draw`] turns words into the numbers that `torch.rand` and
//! `torch.randint` would have given of them, [`python`] into those of Python's module `random`.

pub mod draw;
mod generator;
mod mt19937;
mod philox;
pub mod python;
mod streams;
mod words;

pub use generator::Generator;
pub use mt19937::{Mt19937, PYTHON_WORDS, STATE_BYTES, StateError};
pub use philox::{Philox, philox4x32_10};
pub use streams::Streams;
pub use words::Words;
