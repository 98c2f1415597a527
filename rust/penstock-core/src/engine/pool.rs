//! The threads of the process: as many as the largest stream so far has asked for.
//!
//! They are started by the first job, never at import, and live as long as the process. A forked child has
//! none of them: it leaves the parent's channel alone, whatever state that is in, and starts its own.

use std::sync::{Arc, Mutex};
use std::thread;

use crossbeam_channel::{Receiver, Sender, unbounded};

use super::lock;
use super::stream::Queue;
use crate::error::Error;
use crate::plan::Workspace;

struct Pool {
    process: u32,
    threads: usize,
    calls: Sender<Arc<Queue>>,
    called: Receiver<Arc<Queue>>,
}

static POOL: Mutex<Option<Pool>> = Mutex::new(None);

/// Calls `count` threads to `queue`, of a pool of at least `threads`.
pub(super) fn call(queue: &Arc<Queue>, count: usize, threads: usize) -> Result<(), Error> {
    if count == 0 {
        return Ok(());
    }
    let mut trouble = None;
    let mut guard = lock(&POOL);
    let process = std::process::id();
    if guard.as_ref().is_some_and(|pool| pool.process != process) {
        std::mem::forget(guard.take());
    }
    let pool = guard.get_or_insert_with(|| {
        let (calls, called) = unbounded();
        Pool { process, threads: 0, calls, called }
    });
    while pool.threads < threads {
        let (calls, called) = (pool.calls.clone(), pool.called.clone());
        let started = thread::Builder::new()
            .name(format!("penstock-{}", pool.threads))
            .spawn(move || work(&calls, &called));
        match started {
            Ok(_) => pool.threads += 1,
            // Fewer threads are slower, not wrong; none at all would hang.
            Err(error) if pool.threads == 0 => return Err(Error::Thread(error.to_string())),
            Err(error) => {
                trouble = Some((pool.threads, error));
                break;
            }
        }
    }
    for _ in 0..count {
        // The pool holds the other end: sending cannot fail.
        let _ = pool.calls.send(Arc::clone(queue));
    }
    drop(guard);
    // After the lock: a logger may run Python code, and with it another thread that wants the pool.
    if let Some((thread, error)) = trouble {
        log::warn!("cannot start loader thread {thread}: {error}");
    }
    Ok(())
}

fn work(calls: &Sender<Arc<Queue>>, called: &Receiver<Arc<Queue>>) {
    let mut workspace = Workspace::default();
    while let Ok(queue) = called.recv() {
        while queue.work(&mut workspace) {
            // One group at a time where other streams wait, so that none of them starves.
            if !called.is_empty() {
                let _ = calls.send(queue);
                break;
            }
        }
    }
}
