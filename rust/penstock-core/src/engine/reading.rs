//! A batch's files on their way: read by threads that do nothing else, ahead of the numbers and the pixels.
//!
//! A thread that reads waits for a disk or a network, one that decodes uses a core, so the two kinds are apart and
//! have numbers of their own.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender};

use super::crew::Crew;
use super::lock;
use crate::error::Error;
use crate::source::files::{File, Left};

/// Files that are read at the same time, unless `PENSTOCK_READERS` says otherwise.
const DEFAULT_READERS: usize = 16;

static READERS: Crew<Arc<Reading>> = Crew::new("penstock-read", work);

/// Where a file is.
#[derive(Debug)]
pub enum Origin {
    /// In the file system.
    Path(PathBuf),
    /// In memory, all of it.
    Bytes(Vec<u8>),
    /// Nowhere that is looked at here: it is left to Pillow at once.
    Elsewhere,
}

/// Files that are being read.
#[derive(Debug)]
pub struct Reading {
    process: u32,
    most_pixels: u64,
    paths: Vec<(usize, PathBuf)>,
    files: Vec<OnceLock<Result<Arc<File>, Left>>>,
    /// Paths that a thread has taken; far above their number once nobody wants the files any more.
    claimed: AtomicUsize,
    /// Time that reading took, added up over threads, in nanoseconds.
    nanoseconds: AtomicU64,
    finished: Mutex<usize>,
    settled: Condvar,
}

impl Reading {
    /// Has files read and their headers parsed; those of more than `most_pixels` are left to Pillow.
    ///
    /// # Errors
    /// [`Error::Thread`] if no thread starts.
    pub fn start(origins: Vec<Origin>, most_pixels: u64) -> Result<Arc<Self>, Error> {
        let mut paths = Vec::new();
        let mut files = Vec::with_capacity(origins.len());
        for (index, origin) in origins.into_iter().enumerate() {
            files.push(match origin {
                Origin::Path(path) => {
                    paths.push((index, path));
                    OnceLock::new()
                }
                Origin::Bytes(bytes) => OnceLock::from(File::parse(bytes, most_pixels).map(Arc::new)),
                Origin::Elsewhere => OnceLock::from(Err(Left::Elsewhere)),
            });
        }
        let (claimed, nanoseconds) = (AtomicUsize::new(0), AtomicU64::new(0));
        let (finished, settled) = (Mutex::default(), Condvar::new());
        let process = std::process::id();
        let reading =
            Arc::new(Self { process, most_pixels, paths, files, claimed, nanoseconds, finished, settled });
        let threads = readers();
        READERS.call(&reading, threads.min(reading.paths.len()), threads)?;
        Ok(reading)
    }

    /// Whether this process made it; in a forked child nobody reads.
    #[must_use]
    pub fn is_ours(&self) -> bool {
        self.process == std::process::id()
    }

    /// Number of files.
    #[must_use]
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// Whether there are no files.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// Reads files in this thread until the last one is taken or `patience` is over.
    pub fn help(&self, patience: Duration) {
        let deadline = Instant::now() + patience;
        while Instant::now() < deadline && self.read_one() {}
    }

    /// Waits until every file is read; false if that takes longer than `patience`.
    #[must_use]
    pub fn wait(&self, patience: Duration) -> bool {
        let finished = lock(&self.finished);
        let waiting = |finished: &mut usize| *finished < self.paths.len();
        let waited = self.settled.wait_timeout_while(finished, patience, waiting);
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }

    /// A file that was read, or why it is left to Pillow; `None` if it is not read yet.
    #[must_use]
    pub fn file(&self, index: usize) -> Option<Result<&Arc<File>, Left>> {
        Some(self.files.get(index)?.get()?.as_ref().map_err(|&left| left))
    }

    /// Time that reading took so far, added up over threads.
    #[must_use]
    pub fn time(&self) -> Duration {
        Duration::from_nanos(self.nanoseconds.load(Ordering::Relaxed))
    }

    /// Lets nobody begin to read another file.
    pub fn cancel(&self) {
        self.claimed.store(usize::MAX / 2, Ordering::Relaxed);
    }

    /// Reads the next file, if there is one that nobody has taken.
    fn read_one(&self) -> bool {
        let claim = self.claimed.fetch_add(1, Ordering::Relaxed);
        let Some((index, path)) = self.paths.get(claim) else {
            return false;
        };
        let start = Instant::now();
        let file = File::read(path, self.most_pixels).map(Arc::new);
        self.nanoseconds.fetch_add(start.elapsed().as_nanos() as u64, Ordering::Relaxed);
        if let Some(slot) = self.files.get(*index) {
            // Claimed once, so set once.
            let _ = slot.set(file);
        }
        let mut finished = lock(&self.finished);
        *finished += 1;
        if *finished == self.paths.len() {
            self.settled.notify_all();
        }
        true
    }
}

fn work(_: &Sender<Arc<Reading>>, called: &Receiver<Arc<Reading>>) {
    while let Ok(reading) = called.recv() {
        while reading.read_one() {}
    }
}

fn readers() -> usize {
    static READERS: OnceLock<usize> = OnceLock::new();
    *READERS.get_or_init(|| {
        let wanted = std::env::var("PENSTOCK_READERS").ok().and_then(|text| text.parse().ok());
        wanted.unwrap_or(DEFAULT_READERS).max(1)
    })
}
