//! Channels in another order.
//!
//! Operands of the step: for each channel the one that it comes from; of `RandomChannelPermutation` the number of channels, 1
//! or 3.

use penstock_jpeg::simd::Level;

use crate::ops::kinds::{Block, Draw, Parameters, Pixels, Put, Size, Take, Wire};
use crate::ops::layout::{Layout, Lying};
use crate::random::{Streams, Words, draw};

/// `RandomChannelPermutation`.
#[derive(Debug, Clone, PartialEq)]
pub struct RandomChannelPermutation {
    /// Channels of the image, 1 or 3.
    pub channels: u32,
}

impl<S: From<Permute>> Draw<S> for RandomChannelPermutation {
    fn draw(
        &self,
        size: Size,
        Streams { torch: generator, .. }: &mut Streams,
        steps: &mut Vec<S>,
    ) -> Option<Size> {
        steps.extend(permutation(self.channels, generator).map(S::from));
        Some(size)
    }
}

impl Parameters for RandomChannelPermutation {
    fn take(from: &mut impl Take) -> Option<Self> {
        Some(RandomChannelPermutation { channels: from.word()? })
    }
}

/// Draws an order of channels. One channel alone has none, and draws nothing.
pub(super) fn permutation(channels: u32, generator: &mut impl Words) -> Option<Permute> {
    (channels == 3).then(|| Permute { from: draw::randperm(generator) })
}

/// Takes each channel from another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Permute {
    /// For each channel the one that it comes from, all of them below 3.
    pub from: [u8; 3],
}

impl Pixels for Permute {
    fn laid(&self, given: Lying, size: Size) -> Lying {
        given.made(size, Layout::PLANAR)
    }

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
