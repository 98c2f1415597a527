//! Memory that may change while it is read.

use std::marker::PhantomData;
use std::ptr;

/// Contiguous bytes that somebody else may write to: what `&[u8]` would be, without its promise. All of them
/// are readable for `'a`.
#[derive(Clone, Copy, Debug)]
pub struct Part<'a> {
    start: *const u8,
    len: usize,
    owner: PhantomData<&'a [u8]>,
}

impl<'a> Part<'a> {
    /// `len` bytes from `start` on.
    ///
    /// # Safety
    /// They must be readable for all of `'a`, from any thread. Others may write there meanwhile: then the bytes read
    /// may be old or new.
    #[inline]
    #[must_use]
    pub unsafe fn new(start: *const u8, len: usize) -> Part<'a> {
        Part { start, len, owner: PhantomData }
    }

    /// Number of bytes.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Copies the bytes into `out`, as many as both have.
    #[inline]
    pub fn copy_to(&self, out: &mut [u8]) {
        // SAFETY: as many bytes are readable at `start`, and `out` is ours alone.
        unsafe { ptr::copy_nonoverlapping(self.start, out.as_mut_ptr(), self.len.min(out.len())) };
    }

    /// Address of bytes `at..at + len`, which are readable; `None` if they are not all inside.
    #[inline]
    #[must_use]
    pub fn address(&self, at: usize, len: usize) -> Option<*const u8> {
        (at <= self.len && len <= self.len - at).then(|| self.start.wrapping_add(at))
    }
}
