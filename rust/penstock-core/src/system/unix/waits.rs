//! Whether a thread waited, for a disk or a network, or was only kept waiting by busier threads.
#![cfg_attr(target_os = "linux", expect(unsafe_code, reason = "a question to the system"))]

/// How often this thread has given up its core of its own accord; `None` where the system does not tell.
#[cfg(target_os = "linux")]
pub(crate) fn waits() -> Option<i64> {
    let mut usage = std::mem::MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: the pointer is to memory for one, which may be written.
    if unsafe { libc::getrusage(libc::RUSAGE_THREAD, usage.as_mut_ptr()) } != 0 {
        return None;
    }
    // SAFETY: the system has filled it, and zeros are numbers, too.
    Some(unsafe { usage.assume_init() }.ru_nvcsw)
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn waits() -> Option<i64> {
    None
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    #[test]
    fn sleeping_is_waiting() {
        let before = super::waits();
        std::thread::sleep(std::time::Duration::from_millis(2));
        assert!(super::waits() > before);
    }
}
