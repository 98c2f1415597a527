//! Memory that is asked for before it is wanted.

use std::ptr;

/// Memory that will be wanted soon, to be asked for cache line by cache line while other work is done: as many
/// requests at once as an image has lines would keep the processor waiting. Addresses only; nothing is read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ahead {
    next: usize,
    end: usize,
}

impl Ahead {
    pub(crate) fn new(start: *const u8, bytes: usize) -> Self {
        Ahead { next: start.addr() & !63, end: start.addr().wrapping_add(bytes) }
    }

    /// Asks for the next line, if there is one.
    #[inline]
    pub(crate) fn fetch_line(&mut self) {
        if self.next < self.end {
            penstock_jpeg::simd::arch::prefetch(ptr::without_provenance(self.next));
            self.next += 64;
        }
    }

    /// Asks for all that is left.
    #[inline]
    pub(crate) fn fetch(&mut self) {
        while self.next < self.end {
            self.fetch_line();
        }
    }
}
