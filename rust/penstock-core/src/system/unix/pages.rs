//! Large memory, straight from the system.
//!
//! Its first use costs a fault per page, so it asks for huge ones. A child of a fork shares pages with its parent, and
//! whichever of them writes first pays for a copy, five times what a fresh page costs; torch forks at the beginning of
//! every epoch. So memory that nobody uses is kept from children ([`keep_from_children`]).
#![expect(unsafe_code, reason = "memory from the system")]

use std::ptr::NonNull;

/// Size and alignment of a huge page on the machines where this matters.
const HUGE_PAGE: usize = 2 << 20;

/// Writable memory of `len` bytes, all zero; `None` if the system has none left. Much of it begins at a huge page.
pub(crate) fn allocate(len: usize) -> Option<NonNull<u8>> {
    if len < HUGE_PAGE {
        return map(len);
    }
    // As much more as it takes to begin at a huge page.
    let room = len.checked_add(HUGE_PAGE)?;
    let mapped = map(room)?.as_ptr();
    let before = mapped.align_offset(HUGE_PAGE);
    // SAFETY: `before` is less than a huge page, so all of it, and `len` bytes behind it, are mapped.
    let start = unsafe { mapped.add(before) };
    // SAFETY: as above; the end of `room` is the end of the mapping.
    let end = unsafe { start.add(len) };
    // SAFETY: both parts were mapped just now, and are not part of what is returned.
    unsafe {
        unmap(mapped, before);
        unmap(end, HUGE_PAGE - before);
    }
    #[cfg(target_os = "linux")]
    advise(start, len, libc::MADV_HUGEPAGE);
    NonNull::new(start)
}

fn map(len: usize) -> Option<NonNull<u8>> {
    let (access, flags) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
    // SAFETY: new memory, wherever the system likes.
    let mapped = unsafe { libc::mmap(std::ptr::null_mut(), len, access, flags, -1, 0) };
    NonNull::new(mapped.cast()).filter(|_| mapped != libc::MAP_FAILED)
}

/// Gives memory back.
///
/// # Safety
/// It was allocated here with this length, and nobody uses it any more.
pub(crate) unsafe fn free(start: NonNull<u8>, len: usize) {
    // SAFETY: passed on.
    unsafe { unmap(start.as_ptr(), len) };
}

/// # Safety
/// All of it is mapped, and nobody uses it any more.
unsafe fn unmap(start: *mut u8, len: usize) {
    if len > 0 {
        // SAFETY: passed on. It fails only if the system is out of memory for its own tables; then the pages stay.
        unsafe { libc::munmap(start.cast(), len) };
    }
}

/// Has children of a fork find zeros in this memory, whose content means nothing to anybody.
pub(crate) fn keep_from_children(start: NonNull<u8>, len: usize) {
    #[cfg(target_os = "linux")]
    advise(start.as_ptr(), len, libc::MADV_WIPEONFORK);
    #[cfg(not(target_os = "linux"))]
    let _ = (start, len);
}

/// Has children find what their parent has written.
pub(crate) fn share_with_children(start: NonNull<u8>, len: usize) {
    #[cfg(target_os = "linux")]
    advise(start.as_ptr(), len, libc::MADV_KEEPONFORK);
    #[cfg(not(target_os = "linux"))]
    let _ = (start, len);
}

/// Advice that the system does not take, since it is too old, is none that anybody relies on.
#[cfg(target_os = "linux")]
fn advise(start: *mut u8, len: usize, advice: libc::c_int) {
    // SAFETY: none of the three changes what this process reads or writes.
    unsafe { libc::madvise(start.cast(), len, advice) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_zero_and_writable_and_much_begins_at_a_huge_page() {
        for len in [4096, HUGE_PAGE - 4096, HUGE_PAGE, 3 * HUGE_PAGE + 4096] {
            let start = allocate(len).expect("there is memory");
            assert!(len < HUGE_PAGE || start.align_offset(HUGE_PAGE) == 0);
            // SAFETY: allocated above, with this length.
            let bytes = unsafe { std::slice::from_raw_parts_mut(start.as_ptr(), len) };
            assert!(bytes.iter().all(|&byte| byte == 0));
            bytes.fill(1);
            keep_from_children(start, len);
            share_with_children(start, len);
            assert!(bytes.iter().all(|&byte| byte == 1));
            // SAFETY: as above.
            unsafe { free(start, len) };
        }
        assert!(allocate(usize::MAX).is_none());
        assert!(allocate(isize::MAX as usize).is_none());
    }
}
