//! Channels in another order.

use penstock_jpeg::simd::Level;

use crate::ops::kinds::{Block, Pixels, Put, Take, Wire};

/// Takes each channel from another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Permute {
    /// For each channel the one that it comes from, all of them below 3.
    pub from: [u8; 3],
}

impl Pixels for Permute {
    fn change(&self, _level: Level, block: &mut Block) {
        *block = self.from.map(|channel| block[usize::from(channel % 3)]);
    }
}

impl Wire for Permute {
    fn put(&self, to: &mut impl Put) {
        to.words(self.from.map(u32::from));
    }

    fn take(from: &mut impl Take) -> Option<Self> {
        let from = from.words()?;
        from.iter()
            .all(|&channel| channel < 3)
            .then(|| Permute { from: from.map(|channel: u32| channel as u8) })
    }
}
