//! Files that Python opened, and files that may be none.
#![expect(unsafe_code, reason = "a descriptor is taken at its word")]

use std::fs::{File, OpenOptions};
use std::io;
use std::mem::ManuallyDrop;
use std::os::fd::{FromRawFd, RawFd};
use std::os::unix::fs::{FileExt, OpenOptionsExt};

/// The file of a descriptor of Python's, which is not closed here; `None` where there are no such descriptors.
///
/// # Safety
/// The descriptor stays open for as long as the file is used.
#[must_use]
pub unsafe fn of_descriptor(descriptor: RawFd) -> Option<ManuallyDrop<File>> {
    // SAFETY: the caller's promise, and nobody drops it.
    Some(ManuallyDrop::new(unsafe { File::from_raw_fd(descriptor) }))
}

/// Reads from a place in a file, wherever it was read last.
pub(crate) fn read_at(file: &File, memory: &mut [u8], offset: u64) -> io::Result<usize> {
    file.read_at(memory, offset)
}

/// Has an open return at once: that of a pipe might otherwise wait for ever.
pub(crate) fn without_waiting(options: &mut OpenOptions) {
    options.custom_flags(libc::O_NONBLOCK);
}
