//! torch's random numbers, from torch's own generator state.
//!
//! [`Mt19937`] is the generator behind `torch.Generator(device="cpu")`; it starts from a seed or from the
//! bytes of `Generator.get_state()` and can be written back into them. [`draw`] turns its words into the
//! numbers that `torch.rand` and `torch.randint` would have given.

pub mod draw;
mod mt19937;

pub use mt19937::{Mt19937, STATE_BYTES, StateError};
