//! One iterator's queue of jobs, worked off in order by at most so many of the threads that make pixels.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use crossbeam_channel::{Receiver, Sender};

use super::thread_pool::ThreadPool;
use super::{Job, Tools, lock};
use crate::error::Error;

/// The threads of all queues.
static POOL: ThreadPool<Arc<SharedJobs>> = ThreadPool::new("penstock", work);

/// Jobs in the order in which they were submitted.
#[derive(Debug)]
pub struct JobQueue {
    queue: Arc<SharedJobs>,
    threads: usize,
    process: u32,
}

/// The part of a stream that the threads hold.
#[derive(Debug, Default)]
struct SharedJobs {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    jobs: VecDeque<Arc<Job>>,
    /// Threads that are at work on this queue or called to it.
    called: usize,
}

impl JobQueue {
    /// A stream whose jobs are worked on by at most `threads` threads at a time.
    #[must_use]
    pub fn new(threads: usize) -> Self {
        Self { queue: Arc::default(), threads: threads.max(1), process: std::process::id() }
    }

    /// Whether this process made the stream; in a forked child its threads are missing.
    #[must_use]
    pub fn is_ours(&self) -> bool {
        self.process == std::process::id()
    }

    /// Appends a job.
    ///
    /// # Errors
    /// [`Error::Forked`] in a child of the process that made the stream, [`Error::Thread`] if no thread starts.
    pub fn submit(&self, job: Arc<Job>) -> Result<(), Error> {
        if !self.is_ours() {
            return Err(Error::Forked);
        }
        let groups = job.groups();
        let mut state = lock(&self.queue.state);
        state.jobs.push_back(job);
        let wanted = self.threads.min(state.called + groups) - state.called;
        state.called += wanted;
        drop(state);
        POOL.call(&self.queue, wanted, self.threads).inspect_err(|_| lock(&self.queue.state).called -= wanted)
    }

    /// Appends a job if several threads could work on it; the caller is going to [`Job::help`] in any case.
    ///
    /// # Errors
    /// As [`JobQueue::submit`].
    pub fn share(&self, job: &Arc<Job>) -> Result<(), Error> {
        // A single group is made by the caller: waking a thread would take longer.
        if self.threads > 1 && job.groups() > 1 {
            self.submit(Arc::clone(job))
        } else if self.is_ours() {
            Ok(())
        } else {
            Err(Error::Forked)
        }
    }
}

impl SharedJobs {
    /// Works on the oldest job that has something left; false if there is none, and then the thread is free.
    fn work(&self, tools: &mut Tools) -> bool {
        let mut state = lock(&self.state);
        while let Some(job) = state.jobs.front() {
            if let Some(claim) = job.claim() {
                let job = Arc::clone(job);
                drop(state);
                job.run(claim, tools);
                return true;
            }
            state.jobs.pop_front();
        }
        state.called -= 1;
        false
    }
}

/// What a thread does: works on the queues that it is called to.
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
