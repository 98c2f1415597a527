//! What words come from: a stream that goes on from sample to sample, or one of each sample's own.

use super::{Mt19937, Philox, Words};

/// Whatever plans draw from.
#[expect(
    clippy::large_enum_variant,
    reason = "there are two for a batch, and a box would be in the way of each word"
)]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Generator {
    /// torch's own or Python's, of a process or a worker: what one sample draws, the next one does not.
    Running(Mt19937),
    /// Each sample has its words.
    Sample(Philox),
}

impl Generator {
    /// Has the words of a sample come next, if it has any of its own.
    #[inline]
    pub fn begin(&mut self, index: u64) {
        if let Generator::Sample(philox) = self {
            philox.begin(index);
        }
    }

    /// What a function of a library's draws from, which takes its own generator and no other.
    pub fn lend(&mut self) -> &mut Mt19937 {
        match self {
            Generator::Running(generator) => generator,
            Generator::Sample(philox) => philox.lend(),
        }
    }
}

impl Words for Generator {
    #[inline]
    fn next_u32(&mut self) -> u32 {
        match self {
            Generator::Running(generator) => generator.next_u32(),
            Generator::Sample(philox) => philox.next_u32(),
        }
    }
}

impl From<Mt19937> for Generator {
    fn from(generator: Mt19937) -> Self {
        Generator::Running(generator)
    }
}

impl From<Philox> for Generator {
    fn from(philox: Philox) -> Self {
        Generator::Sample(philox)
    }
}
