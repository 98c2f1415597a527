//! Processes that fork.
#![expect(unsafe_code, reason = "a call of the system's")]

use std::sync::Once;

/// Has `function` called before every fork from now on, by the thread that forks. One function only.
pub(crate) fn before(function: extern "C" fn()) {
    static ONCE: Once = Once::new();
    // SAFETY: this crate is never unloaded.
    ONCE.call_once(|| unsafe {
        libc::pthread_atfork(Some(function), None, None);
    });
}
