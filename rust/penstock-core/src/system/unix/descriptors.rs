//! Numbers of open files, of which a process may have few.

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, RawFd};

use rustix::io::fcntl_dupfd_cloexec;
use rustix::process::{Resource, getrlimit};

/// Numbers are below this.
pub(crate) fn limit() -> usize {
    getrlimit(Resource::Nofile).current.map_or(usize::MAX, |limit| limit as usize).min(RawFd::MAX as usize)
}

/// A file's number.
pub(crate) fn number(file: &File) -> usize {
    file.as_raw_fd() as usize
}

/// Another descriptor of an open file, with the lowest unused number that is not below `lowest`.
pub(crate) fn duplicate(file: &File, lowest: usize) -> Option<File> {
    fcntl_dupfd_cloexec(file, RawFd::try_from(lowest).ok()?).ok().map(File::from)
}

/// Whether opening failed because no number is left.
pub(crate) fn is_shortage(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE))
}
