//! The memory of one output, cut into one slot per picture.
#![expect(
    unsafe_code,
    reason = "an output's memory belongs to a tensor; threads write to disjoint parts of it"
)]

use crate::batch::Mix;
use crate::write::{Layout, Output};

/// Memory that somebody else owns and keeps alive, for pictures of one layout.
#[derive(Debug)]
pub struct Slots {
    base: *mut u8,
    bytes: usize,
    layout: Layout,
    mixes: Vec<Mix>,
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
        Self { base, bytes, layout, mixes: Vec::new() }
    }

    /// The same memory, of which the pictures are mixed when all of them are there; `None` if they cannot be.
    #[must_use]
    pub fn mixed(self, mixes: Vec<Mix>) -> Option<Self> {
        let (shape, element) = (self.layout.shape(), self.layout.element_bytes());
        let in_order = Layout::planar(shape, element).as_ref() == Some(&self.layout);
        let count = self.count().unwrap_or_default();
        let fit = mixes.iter().all(|mix| in_order && mix.fits(count, shape, element));
        fit.then_some(Self { mixes, ..self })
    }

    /// Whether the pictures are mixed.
    pub(super) fn are_mixed(&self) -> bool {
        !self.mixes.is_empty()
    }

    /// Mixes the pictures.
    ///
    /// # Safety
    /// All of them must be there, and no slot may be live.
    pub(super) unsafe fn mix(&self) {
        // SAFETY: valid by the promise of `new`, alone by the caller's.
        let bytes = unsafe { std::slice::from_raw_parts_mut(self.base, self.bytes) };
        for mix in &self.mixes {
            mix.apply(bytes, self.layout.shape(), self.layout.element_bytes());
        }
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
