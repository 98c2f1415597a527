//! Threads, queue, ordering, cancellation. The protocol is told in `README.md` beside this file.
//!
//! A [`Draft`] is a batch whose numbers are drawn. With memory to go to it becomes a [`Job`], which a
//! [`Stream`] hands to the process's threads in order.

mod alone;
mod crew;
mod draft;
mod job;
pub mod memory;
mod pool;
mod reading;
mod shared;
mod slots;
mod stream;
mod tools;

pub use alone::{Original, render_alone};
pub use draft::{Content, Draft, Drawn, Place};
pub use job::Job;
pub use reading::{Origin, Reading};
pub use slots::Slots;
pub use stream::Stream;
use tools::Tools;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks even after a panic elsewhere: every critical section here leaves its data whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
