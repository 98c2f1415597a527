//! The only place where the GIL is let go.

use std::time::{Duration, Instant};

use pyo3::prelude::*;

/// How long a wait goes on before Python may handle a signal.
const SIGNAL_INTERVAL: Duration = Duration::from_millis(50);

/// Runs `work`, which touches nothing of Python's, while other Python threads run.
pub(crate) fn without<T: Send>(py: Python<'_>, work: impl FnOnce() -> T + Send) -> T {
    py.detach(work)
}

/// Calls `poll` with a patience until it gives something, without the GIL, handling signals between calls.
///
/// `None` after `timeout`; a signal handler's exception (Ctrl-C) is an error.
pub(crate) fn wait<T: Send>(
    py: Python<'_>,
    timeout: Option<Duration>,
    poll: impl Fn(Duration) -> Option<T> + Sync,
) -> PyResult<Option<T>> {
    let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
    loop {
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let patience = left.map_or(SIGNAL_INTERVAL, |left| left.min(SIGNAL_INTERVAL));
        if let Some(found) = without(py, || poll(patience)) {
            return Ok(Some(found));
        }
        py.check_signals()?;
        if left.is_some_and(|left| left <= patience) {
            return Ok(None);
        }
    }
}
