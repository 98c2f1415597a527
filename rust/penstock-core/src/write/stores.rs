//! How output is stored: through the caches or past them.

/// How output is stored. The bits are the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stores {
    /// Through the caches, where the reader will find it. Right if the memory of all batches that are in
    /// use in turn fits the last-level cache.
    #[default]
    Cached,
    /// Past the caches, which saves reading each cache line before it is overwritten. Right for memory that
    /// has long left the caches. Levels and elements without such stores use ordinary ones.
    Streamed,
}

impl Stores {
    /// Ends a sample that was stored so: streamed stores are made visible before all later ones.
    #[inline]
    pub(super) fn fence(self) {
        if self == Stores::Streamed {
            penstock_jpeg::simd::arch::fence_streams();
        }
    }
}
