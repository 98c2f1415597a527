//! Threads, queue, ordering, cancellation. The protocol is told in `README.md` beside this file.
//!
//! A [`DrawnBatch`] is a batch whose numbers are drawn. With memory to go to it becomes a [`Job`], which a
//! [`JobQueue`] hands to the process's threads in order.

mod alone;
mod drawn_batch;
mod job;
mod job_queue;
pub mod memory;
mod reading;
mod shared;
mod slots;
mod thread_pool;
mod tools;

pub use alone::{Original, render_alone};
pub use drawn_batch::{Content, Drawn, DrawnBatch, Place};
pub use job::Job;
pub use job_queue::JobQueue;
pub use reading::{Origin, Reading};
pub use slots::Slots;
use tools::Tools;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks even after a panic elsewhere: every critical section here leaves its data whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
