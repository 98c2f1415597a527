//! The memory of one output, cut into one slot per image.
#![expect(
    unsafe_code,
    reason = "an output's memory belongs to a tensor; threads write to disjoint parts of it"
)]

use std::sync::Arc;

use super::tools::Tools;
use crate::batch::Mix;
use crate::image::ImageView;
use crate::plan::Plan;
use crate::write::{Layout, Output, RenderError};

/// Memory that somebody else owns and keeps alive, for images of one layout.
#[derive(Debug)]
pub struct Slots {
    base: *mut u8,
    bytes: usize,
    layout: Layout,
    mixes: Vec<Mix>,
    /// What becomes of the images when they are mixed, in memory that begins before theirs.
    after: Option<After>,
}

/// What is made of mixed images of bytes.
#[derive(Debug)]
struct After {
    /// Converts their values.
    plan: Arc<Plan>,
    /// How each of them lies then.
    layout: Layout,
}

// SAFETY: a `Slots` is an address range; the promise of `new` is what makes writing to it from any thread sound.
unsafe impl Send for Slots {}
// SAFETY: as above; `slot` hands out overlapping memory only if its own promise is broken.
unsafe impl Sync for Slots {}

impl Slots {
    /// Memory of `bytes` bytes at `base`, for images of a layout, one behind the other.
    ///
    /// # Safety
    /// The memory must stay valid, and must not be read or written by anybody else, until the [`super::Job`]
    /// that is made of it has finished or was cancelled.
    #[must_use]
    pub unsafe fn new(base: *mut u8, bytes: usize, layout: Layout) -> Self {
        Self { base, bytes, layout, mixes: Vec::new(), after: None }
    }

    /// The same memory, of which the images are mixed when all of them are there; `None` if they cannot be.
    #[must_use]
    pub fn mixed(self, mixes: Vec<Mix>) -> Option<Self> {
        let (shape, element) = (self.layout.shape(), self.layout.element_bytes());
        let in_order = Layout::planar(shape, element).as_ref() == Some(&self.layout);
        let count = self.count().unwrap_or_default();
        let fit = mixes.iter().all(|mix| in_order && mix.fits(count, shape, element));
        fit.then_some(Self { mixes, ..self })
    }

    /// The same memory, of which the last part takes the images of bytes, until they are mixed and their values converted
    /// to larger ones by a plan without steps; `None` if that memory does not fit.
    #[must_use]
    pub fn converted(self, plan: Arc<Plan>) -> Option<Self> {
        let (shape, element) = (self.layout.shape(), plan.table().element_bytes());
        let layout = Layout::planar(shape, element)?;
        let in_order = Layout::planar(shape, 1).as_ref() == Some(&self.layout);
        if !in_order || plan.table().channels() != shape[0] || !self.bytes.is_multiple_of(element) {
            return None;
        }
        let bytes = self.bytes / element;
        // SAFETY: a part of the memory, and its end.
        let base = unsafe { self.base.add(self.bytes - bytes) };
        Some(Self { base, bytes, after: Some(After { plan, layout }), ..self })
    }

    /// Whether something is done to the images when all of them are there.
    pub(super) fn are_mixed(&self) -> bool {
        !self.mixes.is_empty() || self.after.is_some()
    }

    /// Mixes the images, and converts them if they are to be.
    ///
    /// # Errors
    /// [`RenderError`] as for any image.
    ///
    /// # Safety
    /// All of them must be there, and no slot may be live.
    pub(super) unsafe fn mix(&self, tools: &mut Tools) -> Result<(), RenderError> {
        // SAFETY: valid by the promise of `new`, alone by the caller's.
        let bytes = unsafe { std::slice::from_raw_parts_mut(self.base, self.bytes) };
        for mix in &self.mixes {
            mix.apply(bytes, self.layout.shape(), self.layout.element_bytes());
        }
        let Some(After { plan, layout }) = &self.after else { return Ok(()) };
        let ([channels, height, width], size) = (self.layout.shape(), self.layout.extent());
        let steps = [width as isize, 1, (height * width) as isize];
        let mut before = vec![0; size];
        // From the first one on: what is written never reaches beyond the bytes that were read.
        for index in 0..self.count().unwrap_or_default() {
            // SAFETY: as above; nothing else of the memory is borrowed.
            before.copy_from_slice(unsafe { std::slice::from_raw_parts(self.base.add(index * size), size) });
            let image = ImageView::from_strided(&before, 0, [height, width, channels], steps);
            // SAFETY: the whole memory begins so many bytes before that of the bytes, by `converted`; the part of each
            // image ends where the bytes of the next one begin, or before.
            let out = unsafe {
                let start = self.base.sub(self.bytes * (plan.table().element_bytes() - 1));
                std::slice::from_raw_parts_mut(start.add(index * layout.extent()), layout.extent())
            };
            let out = Output::new(out, layout).unwrap_or_else(|| unreachable!("it has the layout's extent"));
            plan.render(&image.ok_or(RenderError::Axis)?, &[], &mut tools.workspace, out)?;
        }
        Ok(())
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

    /// How each image lies.
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
