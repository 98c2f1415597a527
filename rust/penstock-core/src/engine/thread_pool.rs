//! Threads of the process that wait for calls: as many as the largest need so far.
//!
//! They are started by the first call, never at import, and live as long as the process. A forked child has
//! none of them: it leaves the parent's channel alone, whatever state that is in, and starts its own.

use std::sync::Mutex;
use std::thread;

use crossbeam_channel::{Receiver, Sender, unbounded};

use super::lock;
use crate::error::Error;

/// What one thread does: takes calls from the receiver for ever, and may return them by the sender.
type Work<T> = fn(&Sender<T>, &Receiver<T>);

/// Threads of one kind.
pub(super) struct ThreadPool<T: 'static> {
    name: &'static str,
    work: Work<T>,
    threads: Mutex<Option<Threads<T>>>,
}

struct Threads<T> {
    process: u32,
    count: usize,
    calls: Sender<T>,
    called: Receiver<T>,
}

impl<T: Clone + Send> ThreadPool<T> {
    /// A pool without threads, which will be called `name` and a number.
    pub(super) const fn new(name: &'static str, work: Work<T>) -> Self {
        Self { name, work, threads: Mutex::new(None) }
    }

    /// Calls `count` threads, of at least `threads`, to `work`.
    pub(super) fn call(&self, work: &T, count: usize, threads: usize) -> Result<(), Error> {
        if count == 0 {
            return Ok(());
        }
        let mut trouble = None;
        let mut guard = lock(&self.threads);
        let process = std::process::id();
        if guard.as_ref().is_some_and(|thread_pool| thread_pool.process != process) {
            std::mem::forget(guard.take());
        }
        let thread_pool = guard.get_or_insert_with(|| {
            let (calls, called) = unbounded();
            Threads { process, count: 0, calls, called }
        });
        while thread_pool.count < threads {
            let (calls, called, work) = (thread_pool.calls.clone(), thread_pool.called.clone(), self.work);
            let started = thread::Builder::new()
                .name(format!("{}-{}", self.name, thread_pool.count))
                .spawn(move || work(&calls, &called));
            match started {
                Ok(_) => thread_pool.count += 1,
                // Fewer threads are slower, not wrong; none at all would hang.
                Err(error) if thread_pool.count == 0 => return Err(Error::Thread(error.to_string())),
                Err(error) => {
                    trouble = Some((thread_pool.count, error));
                    break;
                }
            }
        }
        for _ in 0..count {
            // The pool holds the other end: sending cannot fail.
            let _ = thread_pool.calls.send(work.clone());
        }
        drop(guard);
        // After the lock: a logger may run Python code, and with it another thread that wants the pool.
        if let Some((thread, error)) = trouble {
            log::warn!("cannot start thread {}-{thread}: {error}", self.name);
        }
        Ok(())
    }
}
