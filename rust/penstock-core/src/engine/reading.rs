//! A batch's files on their way: read by threads that do nothing else, ahead of the numbers and the pixels.
//!
//! A thread that reads waits for a disk or a network, one that decodes uses a core, so the two kinds are apart and
//! have numbers of their own. The slower files come, the more of them are read at the same time.
//!
//! Batches are read as far ahead as they are sent, but no further than [`AHEAD_BYTES`] of files: beyond that only a
//! batch that somebody waits for is read.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender};

use super::lock;
use super::thread_pool::ThreadPool;
use crate::error::Error;
use crate::source::files::{Fallback, File, held_bytes};
use crate::system::waits::waits;

/// Files that are read at the same time, unless `PENSTOCK_READERS` says otherwise: so many that as many come in a
/// second as a few cores decode, within these limits.
const READERS_AT_LEAST: usize = 16;
const READERS_AT_MOST: usize = 128;
const FILES_PER_SECOND: u64 = 13_000;
/// The last reads whose time is averaged.
const LAST_READS: u64 = 32;
/// Memory of files from which on none are read ahead of need.
const AHEAD_BYTES: usize = 512 << 20;
/// How long a thread waits before it looks again whether there is room.
const ROOM_INTERVAL: Duration = Duration::from_millis(10);
/// The same where other files wait to be read.
const BUSY_INTERVAL: Duration = Duration::from_millis(1);

/// What `claimed` is at least once nobody wants the files any more.
const NOBODY: usize = usize::MAX / 2;

static READERS: ThreadPool<Arc<Reading>> = ThreadPool::new("penstock-read", work);
/// What a read took of late, in nanoseconds, if a disk or a network was waited for.
static READ_TIME: AtomicU64 = AtomicU64::new(0);

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
    files: Vec<OnceLock<Result<Arc<File>, Fallback>>>,
    /// Paths that a thread has taken; [`NOBODY`] once nobody wants the files any more.
    claimed: AtomicUsize,
    /// Time that reading took, added up over threads, in nanoseconds.
    nanoseconds: AtomicU64,
    /// Whether somebody waits for the files, however much memory they take.
    needed: AtomicBool,
    /// Threads that wait for one of the files.
    waiting: AtomicUsize,
    /// Threads that are still to be called to read.
    uncalled: AtomicUsize,
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
                Origin::Elsewhere => OnceLock::from(Err(Fallback::Elsewhere)),
            });
        }
        let (claimed, nanoseconds, needed) = (AtomicUsize::new(0), AtomicU64::new(0), AtomicBool::new(false));
        let (finished, settled) = (Mutex::default(), Condvar::new());
        let process = std::process::id();
        let threads = readers(Duration::from_nanos(READ_TIME.load(Ordering::Relaxed)));
        let wanted = threads.min(paths.len());
        let reading = Arc::new(Self {
            process,
            most_pixels,
            paths,
            files,
            claimed,
            nanoseconds,
            needed,
            waiting: AtomicUsize::new(0),
            uncalled: AtomicUsize::new(wanted.saturating_sub(1)),
            finished,
            settled,
        });
        READERS.call(&reading, wanted.min(1), threads)?;
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
        self.need();
        let deadline = Instant::now() + patience;
        while Instant::now() < deadline && self.read_one() {}
    }

    /// Has the files read however much memory they take.
    fn need(&self) {
        if !self.needed.swap(true, Ordering::Relaxed) {
            self.wake_readers();
        }
    }

    /// Waits until every file is read; false if that takes longer than `patience`.
    #[must_use]
    pub fn wait(&self, patience: Duration) -> bool {
        let finished = lock(&self.finished);
        let waiting = |finished: &mut usize| *finished < self.paths.len();
        let waited = self.settled.wait_timeout_while(finished, patience, waiting);
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }

    /// Waits for one file, reading others meanwhile if there are any that nobody has taken.
    ///
    /// # Errors
    /// [`Fallback`] if it is left to Pillow, or if nobody wants the files any more.
    pub(super) fn wait_for(&self, index: usize) -> Result<&Arc<File>, Fallback> {
        self.need();
        let there = || self.files.get(index).is_none_or(|file| file.get().is_some());
        while !there() && self.read_one() {}
        if !there() {
            self.waiting.fetch_add(1, Ordering::SeqCst);
            let mut finished = lock(&self.finished);
            while !there() && !self.is_cancelled() {
                finished = self.settled.wait(finished).unwrap_or_else(PoisonError::into_inner);
            }
            drop(finished);
            self.waiting.fetch_sub(1, Ordering::SeqCst);
        }
        self.file(index).unwrap_or(Err(Fallback::Unreadable))
    }

    /// A file that was read, or why it is left to Pillow; `None` if it is not read yet.
    #[must_use]
    pub fn file(&self, index: usize) -> Option<Result<&Arc<File>, Fallback>> {
        Some(self.files.get(index)?.get()?.as_ref().map_err(|&left| left))
    }

    /// Time that reading took so far, added up over threads.
    #[must_use]
    pub fn time(&self) -> Duration {
        Duration::from_nanos(self.nanoseconds.load(Ordering::Relaxed))
    }

    /// Calls more threads, if there is something left for them. Each that comes calls two, so that all of them come
    /// soon, and whoever started this has woken one.
    fn call_others(self: &Arc<Self>, calls: &Sender<Arc<Self>>) {
        for _ in 0..2 {
            let is_left = self.claimed.load(Ordering::Relaxed) < self.paths.len();
            let fewer = |uncalled: usize| uncalled.checked_sub(1).filter(|_| is_left);
            if self.uncalled.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fewer).is_ok() {
                // The receiver is the caller's own: sending cannot fail.
                let _ = calls.send(Arc::clone(self));
            }
        }
    }

    /// Lets nobody begin to read another file.
    pub fn cancel(&self) {
        self.claimed.store(NOBODY, Ordering::Relaxed);
        // A forked child has no threads to wake, and the lock may be in any state.
        if self.is_ours() {
            self.wake_readers();
        }
    }

    fn is_cancelled(&self) -> bool {
        self.claimed.load(Ordering::Relaxed) >= NOBODY
    }

    /// Ends the waits for room. Who looks for room holds the lock, so nobody misses what was set before.
    fn wake_readers(&self) {
        drop(lock(&self.finished));
        self.settled.notify_all();
    }

    /// Whether files may be read now, or there are none left, and a thread would find that out.
    fn has_room(&self) -> bool {
        self.needed.load(Ordering::Relaxed)
            || held_bytes() < AHEAD_BYTES
            || self.claimed.load(Ordering::Relaxed) >= self.paths.len()
    }

    /// Waits for room, no longer than `patience`; whether there is any.
    fn wait_for_room(&self, patience: Duration) -> bool {
        let guard = lock(&self.finished);
        let waited = self.settled.wait_timeout_while(guard, patience, |_| !self.has_room());
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }

    /// Reads the next file, if there is one that nobody has taken.
    fn read_one(&self) -> bool {
        let claim = self.claimed.fetch_add(1, Ordering::Relaxed);
        let Some((index, path)) = self.paths.get(claim) else {
            return false;
        };
        let (start, waited) = (Instant::now(), waits());
        let file = File::read(path, self.most_pixels).map(Arc::new);
        let taken = start.elapsed();
        self.nanoseconds.fetch_add(taken.as_nanos() as u64, Ordering::Relaxed);
        // More threads do not help against busy cores.
        let slow = waited.is_none() || waits() != waited;
        note_read_time(if slow { taken } else { Duration::ZERO });
        if let Some(slot) = self.files.get(*index) {
            // Claimed once, so set once.
            let _ = slot.set(file);
        }
        let mut finished = lock(&self.finished);
        *finished += 1;
        if *finished == self.paths.len() || self.waiting.load(Ordering::SeqCst) > 0 {
            self.settled.notify_all();
        }
        true
    }
}

fn work(calls: &Sender<Arc<Reading>>, called: &Receiver<Arc<Reading>>) {
    while let Ok(reading) = called.recv() {
        reading.call_others(calls);
        loop {
            let busy = !called.is_empty();
            if reading.has_room() || reading.wait_for_room(if busy { BUSY_INTERVAL } else { ROOM_INTERVAL }) {
                if !reading.read_one() {
                    break;
                }
            } else if busy {
                // Somebody may be waiting for the others.
                let _ = calls.send(reading);
                break;
            }
        }
    }
}

/// Averages the time of a read with those before. Threads may overwrite each other's: none of them matters much.
fn note_read_time(taken: Duration) {
    let (taken, before) = (taken.as_nanos() as u64, READ_TIME.load(Ordering::Relaxed));
    READ_TIME.store((before * (LAST_READS - 1) + taken) / LAST_READS, Ordering::Relaxed);
}

/// Files to read at the same time if each takes so long.
fn readers(read_time: Duration) -> usize {
    static WANTED: OnceLock<Option<usize>> = OnceLock::new();
    let wanted = *WANTED.get_or_init(|| std::env::var("PENSTOCK_READERS").ok()?.parse().ok());
    let enough = (read_time.as_nanos() as u64).saturating_mul(FILES_PER_SECOND) / 1_000_000_000;
    wanted.unwrap_or((enough as usize).clamp(READERS_AT_LEAST, READERS_AT_MOST)).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slow_files_are_read_by_more_threads() {
        if std::env::var_os("PENSTOCK_READERS").is_none() {
            assert_eq!(readers(Duration::from_micros(50)), READERS_AT_LEAST);
            assert_eq!(readers(Duration::from_millis(5)), 65);
            assert_eq!(readers(Duration::from_secs(9)), READERS_AT_MOST);
        }
    }
}
