//! The memory of one batch, cut into one slot per picture.
#![expect(
    unsafe_code,
    reason = "the batch's memory belongs to a tensor; threads write to disjoint parts of it"
)]

/// Memory of a batch that somebody else owns and keeps alive.
#[derive(Debug)]
pub struct Slots {
    base: *mut u8,
    bytes: usize,
}

// SAFETY: a `Slots` is an address range; the promise of `new` is what makes writing to it from any thread sound.
unsafe impl Send for Slots {}
// SAFETY: as above; `slot` hands out overlapping memory only if its own promise is broken.
unsafe impl Sync for Slots {}

impl Slots {
    /// Memory of `bytes` bytes at `base`.
    ///
    /// # Safety
    /// The memory must stay valid, and must not be read or written by anybody else, until the [`super::Job`]
    /// that is made of it has finished or was cancelled.
    #[must_use]
    pub unsafe fn new(base: *mut u8, bytes: usize) -> Self {
        Self { base, bytes }
    }

    /// Size of the whole memory.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Slot `index` of slots of `size` bytes each.
    ///
    /// # Safety
    /// No two live slots may have the same index, and all must be of one size.
    #[expect(clippy::mut_from_ref, reason = "slots of different index do not overlap")]
    pub(super) unsafe fn slot(&self, index: usize, size: usize) -> &mut [u8] {
        let start = index * size;
        assert!(start + size <= self.bytes, "slot {index} of {size} bytes ends outside {} bytes", self.bytes);
        // SAFETY: in bounds by the assertion, valid by the promise of `new`, alone by the caller's.
        unsafe { std::slice::from_raw_parts_mut(self.base.add(start), size) }
    }
}
