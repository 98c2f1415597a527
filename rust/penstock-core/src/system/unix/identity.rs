//! By what a file is known again, as long as nobody writes to it.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;

/// A file as the system knows it: device, inode, size and times, and when it was changed last in seconds since 1970.
#[expect(clippy::unnecessary_wraps, reason = "the plain way has none")]
pub(crate) fn of(metadata: &Metadata) -> Option<([u64; 7], i64)> {
    let numbers = [
        metadata.dev(),
        metadata.ino(),
        metadata.size(),
        metadata.mtime() as u64,
        metadata.mtime_nsec() as u64,
        metadata.ctime() as u64,
        metadata.ctime_nsec() as u64,
    ];
    Some((numbers, metadata.mtime().max(metadata.ctime())))
}
