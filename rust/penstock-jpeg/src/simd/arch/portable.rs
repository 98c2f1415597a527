//! An architecture without kernels.

/// There are none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vectors {}

impl Vectors {
    pub(in crate::simd) const ALL: [Vectors; 0] = [];

    pub(in crate::simd) fn name(self) -> &'static str {
        match self {}
    }

    pub(in crate::simd) fn are_there(self) -> bool {
        match self {}
    }
}

/// Does nothing.
#[inline]
pub fn prefetch(_address: *const u8) {}

/// Nothing to be done: no kernel streams.
#[inline]
pub fn fence_streams() {}
