//! Memory that is used again and again, and whose content nobody looks for later.
//!
//! It lies in pages of its own. A child of a fork finds zeros in them: pages that a parent and a child share are copied
//! when either writes them first, each at ten times the cost of writing it, and torch forks at the beginning of every
//! epoch.
#![expect(unsafe_code, reason = "memory from the system")]

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;

use super::pages;

/// Bytes that keep their place from one use to the next.
pub(crate) struct Scratch {
    start: NonNull<u8>,
    len: usize,
    capacity: usize,
}

// SAFETY: it owns its memory alone.
unsafe impl Send for Scratch {}
// SAFETY: a shared one is only read.
unsafe impl Sync for Scratch {}

impl Scratch {
    /// Has it hold `len` bytes, of which the first `kept` are those that it held, and the others anything. False, and
    /// it is as it was, if there is no memory for them.
    pub(crate) fn fit(&mut self, len: usize, kept: usize) -> bool {
        if len <= self.capacity {
            self.len = len;
            return true;
        }
        let Some(capacity) = size_class(len) else { return false };
        let Some(start) = pages::allocate(capacity) else { return false };
        pages::keep_from_children(start, capacity);
        let mut grown = Self { start, len, capacity };
        let kept = kept.min(self.len);
        grown[..kept].copy_from_slice(&self[..kept]);
        *self = grown;
        true
    }

    /// Bytes that it takes.
    pub(crate) fn capacity(&self) -> usize {
        self.capacity
    }
}

/// Rounds up to an eighth of the next lower power of two, so that things of nearly one size find room in each other's
/// memory.
pub(crate) fn size_class(len: usize) -> Option<usize> {
    len.checked_next_multiple_of((len.checked_next_power_of_two()? / 16).max(4096))
}

impl Default for Scratch {
    fn default() -> Self {
        Self { start: NonNull::dangling(), len: 0, capacity: 0 }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if self.capacity > 0 {
            // SAFETY: it was allocated so, and is owned here alone.
            unsafe { pages::free(self.start, self.capacity) };
        }
    }
}

impl Deref for Scratch {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: `len` is at most `capacity`, and bytes from the system are zero before they are written.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.len) }
    }
}

impl DerefMut for Scratch {
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: as above, and it is borrowed alone.
        unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr(), self.len) }
    }
}

impl fmt::Debug for Scratch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scratch").field("len", &self.len).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_grows_with_what_is_kept_and_shrinks_in_its_place() {
        let mut scratch = Scratch::default();
        assert!(scratch.is_empty() && scratch.fit(0, 0) && scratch.capacity() == 0);
        assert!(scratch.fit(5000, 0));
        scratch.fill(7);
        let place = scratch.as_ptr();
        assert!(scratch.fit(10, 0));
        assert_eq!((scratch.len(), scratch.as_ptr()), (10, place));
        assert!(scratch.fit(8000, 0));
        assert_eq!((scratch[4999], scratch.as_ptr()), (7, place), "one size class, one place");
        assert!(scratch.fit(100_000, 4000));
        assert!(scratch[..4000].iter().all(|&byte| byte == 7) && scratch.len() == 100_000);
        assert!(scratch.fit(200_000, usize::MAX));
        assert_eq!(scratch[3999], 7);
        for impossible in [usize::MAX, isize::MAX as usize, usize::MAX - 4096] {
            assert!(!scratch.fit(impossible, 1));
        }
        assert_eq!((scratch[0], scratch.len()), (7, 200_000));
    }

    #[test]
    fn a_size_class_wastes_at_most_an_eighth() {
        for len in [1, 4096, 4097, 100_000, 1_572_864, 1_572_865, 12_345_678] {
            let class = size_class(len).unwrap();
            assert!(class >= len && class <= (len + len / 8).max(8192), "{len} {class}");
        }
    }
}
