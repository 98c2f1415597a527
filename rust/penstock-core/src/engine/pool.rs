//! The threads that make pixels.

use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender};

use super::Tools;
use super::job_queue::SharedJobs;
use super::thread_pool::ThreadPool;
use crate::error::Error;

static POOL: ThreadPool<Arc<SharedJobs>> = ThreadPool::new("penstock", work);

/// Calls `count` threads to `queue`, of a pool of at least `threads`.
pub(super) fn call(queue: &Arc<SharedJobs>, count: usize, threads: usize) -> Result<(), Error> {
    POOL.call(queue, count, threads)
}

fn work(calls: &Sender<Arc<SharedJobs>>, called: &Receiver<Arc<SharedJobs>>) {
    let mut tools = Tools::default();
    while let Ok(queue) = called.recv() {
        while queue.work(&mut tools) {
            // One group at a time where other streams wait, so that none of them starves.
            if !called.is_empty() {
                let _ = calls.send(queue);
                break;
            }
        }
    }
}
