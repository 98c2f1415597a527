//! The generators that plans draw from.

use super::Mt19937;

/// The generators of a logical worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Streams {
    /// torch's.
    pub torch: Mt19937,
    /// That of Python's module `random`.
    pub python: Mt19937,
}

impl From<Mt19937> for Streams {
    /// For what draws from torch's alone.
    fn from(torch: Mt19937) -> Self {
        Streams { python: torch.clone(), torch }
    }
}
