//! How torch has a tensor lie in memory: some of its roundings depend on which values are the last ones there.

use super::kinds::{Put, Take};

/// The order of an image's values in memory. Operands: whether channels are interleaved, and whether columns go before
/// rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    /// Whether the channels of a pixel lie together; each channel lies by itself otherwise.
    pub interleaved: bool,
    /// Whether the pixels of a column lie together; those of a row otherwise.
    pub transposed: bool,
}

impl Layout {
    /// As torch makes most tensors.
    pub const PLANAR: Layout = Layout { interleaved: false, transposed: false };

    /// As a tensor that was made of an image lies.
    pub const INTERLEAVED: Layout = Layout { interleaved: true, transposed: false };

    pub(super) fn put(self, to: &mut impl Put) {
        to.words([u32::from(self.interleaved), u32::from(self.transposed)]);
    }

    pub(super) fn take(from: &mut impl Take) -> Option<Self> {
        Some(Layout { interleaved: from.flag()?, transposed: from.flag()? })
    }
}
