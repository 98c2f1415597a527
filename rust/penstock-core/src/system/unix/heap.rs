//! Memory that the process's allocator holds for later.
#![expect(unsafe_code, reason = "a call of the system's")]

/// Gives what is free of it back to the system, wherever it lies.
///
/// Pages that a child of a fork shares with its parent are copied when either writes them first; fresh ones cost a
/// fifth of that, and only those that are used.
pub fn trim() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: it may be called at any time, by any thread.
    unsafe {
        libc::malloc_trim(0);
    }
}

#[cfg(all(test, target_os = "linux", target_env = "gnu"))]
mod tests {
    use std::fs;

    #[test]
    fn what_is_free_between_what_is_used_goes_back() {
        // Pages that the process has in memory.
        let resident = || -> usize {
            let numbers = fs::read_to_string("/proc/self/statm").unwrap();
            numbers.split_whitespace().nth(1).unwrap().parse().unwrap()
        };
        let pieces: Vec<Vec<u8>> = (0..2000).map(|_| vec![1; 50_000]).collect();
        let full = resident();
        let kept: Vec<Vec<u8>> = pieces.into_iter().step_by(20).collect();
        super::trim();
        // A hundred megabytes, half of which at least is nobody else's by now.
        assert!(resident() + 12_000 < full);
        assert!(kept.iter().flatten().all(|&byte| byte == 1));
    }
}
