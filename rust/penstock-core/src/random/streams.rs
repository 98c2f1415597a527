//! The generators that plans draw from.

use super::{Generator, Mt19937};

/// The generators of a logical worker, or those of one sample after the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Streams {
    /// torch's.
    pub torch: Generator,
    /// That of Python's module `random`.
    pub python: Generator,
}

impl Streams {
    /// Has the numbers of a sample come next, if it has any of its own.
    #[inline]
    pub fn begin(&mut self, index: u64) {
        self.torch.begin(index);
        self.python.begin(index);
    }
}

impl From<Generator> for Streams {
    /// For what draws from torch's alone.
    fn from(torch: Generator) -> Self {
        Streams { python: torch.clone(), torch }
    }
}

impl From<Mt19937> for Streams {
    /// For what draws from torch's alone.
    fn from(torch: Mt19937) -> Self {
        Generator::from(torch).into()
    }
}
