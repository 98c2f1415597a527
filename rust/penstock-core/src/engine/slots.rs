//! The memory of one output, cut into one slot per picture.
#![expect(
    unsafe_code,
    reason = "an output's memory belongs to a tensor; threads write to disjoint parts of it"
)]

use crate::write::{Layout, Output};

/// Memory that somebody else owns and keeps alive, for pictures of one layout.
#[derive(Debug)]
pub struct Slots {
    base: *mut u8,
    bytes: usize,
    layout: Layout,
}

// SAFETY: a `Slots` is an address range; the promise of `new` is what makes writing to it from any thread sound.
unsafe impl Send for Slots {}
// SAFETY: as above; `slot` hands out overlapping memory only if its own promise is broken.
unsafe impl Sync for Slots {}

impl Slots {
    /// Memory of `bytes` bytes at `base`, for pictures of a layout, one behind the other.
    ///
    /// # Safety
    /// The memory must stay valid, and must not be read or written by anybody else, until the [`super::Job`]
    /// that is made of it has finished or was cancelled.
    #[must_use]
    pub unsafe fn new(base: *mut u8, bytes: usize, layout: Layout) -> Self {
        Self { base, bytes, layout }
    }

    /// Size of the whole memory.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Number of slots; `None` if each takes no memory, so that there are as many as anybody wants.
    pub(super) fn count(&self) -> Option<usize> {
        self.bytes.checked_div(self.layout.extent())
    }

    /// How each picture lies.
    #[must_use]
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Slot `index`.
    ///
    /// # Safety
    /// No two live slots may have the same index.
    pub(super) unsafe fn slot(&self, index: usize) -> Output<'_> {
        let size = self.layout.extent();
        let start = index * size;
        assert!(start + size <= self.bytes, "slot {index} of {size} bytes ends outside {} bytes", self.bytes);
        // SAFETY: in bounds by the assertion, valid by the promise of `new`, alone by the caller's.
        let bytes = unsafe { std::slice::from_raw_parts_mut(self.base.add(start), size) };
        Output::new(bytes, &self.layout).unwrap_or_else(|| unreachable!("the slot has the layout's extent"))
    }
}
