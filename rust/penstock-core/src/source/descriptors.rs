//! File descriptors, of which a process may have few: how many of them are taken, and where.
//!
//! The limit counts numbers, not files: an open fails if the lowest unused number is not below it. So what is kept open
//! for a while lies right below the limit, where the rest of the process comes last, and where it still lies if the
//! limit is lowered meanwhile; and it is a small share of what seems to be unused. Numbers are given out from the
//! lowest one on, so that of a file that was just opened tells how many are in use, without counting them.
//!
//! Files that are read at once and closed again take the lowest numbers. Where few are left, they are read one at a time.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::system::descriptors::{self, is_shortage, limit, number};

/// Descriptors that are kept at a time, at most.
const MOST_KEPT: usize = 256;
/// The share of what is unused that may be kept.
const SHARE: usize = 8;
/// A table of descriptors is as long as the largest number in it, and each fork copies it; so it is not made longer
/// than this for nothing.
const SHORT_TABLE: usize = 2048;
/// With fewer unused descriptors than this, and than a quarter of the limit, files are read one at a time.
const FEW: usize = 16;
/// How long an open is tried again if there is no descriptor left.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long a thread waits before it tries again.
const INTERVAL: Duration = Duration::from_millis(1);

static KEPT: AtomicUsize = AtomicUsize::new(0);
/// Whether few descriptors were left when a file was opened last.
static SCARCE: AtomicBool = AtomicBool::new(false);
/// The process whose thread reads a file while few are left; zero if there is none.
static TURN: AtomicU32 = AtomicU32::new(0);

/// Descriptors that are unused, as far as the number of a file that was just opened tells.
fn unused(limit: usize, opened: usize) -> usize {
    limit.saturating_sub(opened + 1)
}

/// A descriptor that is kept for a while.
#[derive(Debug)]
pub struct Kept(File);

impl Kept {
    /// Another descriptor of an open file, if that takes none that somebody else is likely to need.
    #[must_use]
    pub fn duplicate(file: &File) -> Option<Self> {
        let before = KEPT.fetch_add(1, Ordering::Relaxed);
        let kept = duplicate(file, before, limit()).map(Self);
        if kept.is_none() {
            KEPT.fetch_sub(1, Ordering::Relaxed);
        }
        kept
    }

    /// The file.
    #[must_use]
    pub fn file(&self) -> &File {
        &self.0
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        KEPT.fetch_sub(1, Ordering::Relaxed);
    }
}

fn duplicate(file: &File, kept: usize, limit: usize) -> Option<File> {
    if kept >= MOST_KEPT.min(unused(limit, number(file)) / SHARE) {
        return None;
    }
    let lowest = (limit - limit / SHARE).min(SHORT_TABLE.max(4 * number(file)));
    let copy = descriptors::duplicate(file, lowest)?;
    // Numbers in between that are not ours are somebody's who has filled all below.
    (number(&copy) - lowest <= kept).then_some(copy)
}

/// A file that is open in order to be read at once.
#[derive(Debug)]
pub(super) struct Reading {
    pub(super) file: File,
    _turn: Option<Turn>,
}

/// Opens a file, and waits if that takes one of the last descriptors while another file is being read.
pub(super) fn open(options: &OpenOptions, path: &Path) -> io::Result<Reading> {
    let mut missing: Option<Instant> = None;
    loop {
        let turn = if SCARCE.load(Ordering::Relaxed) {
            let Some(turn) = Turn::take() else {
                thread::sleep(INTERVAL);
                continue;
            };
            Some(turn)
        } else {
            None
        };
        match options.open(path) {
            Ok(file) => {
                let limit = limit();
                let scarce = unused(limit, number(&file)) < FEW.max(limit / 4);
                SCARCE.store(scarce, Ordering::Relaxed);
                if !scarce || turn.is_some() {
                    return Ok(Reading { file, _turn: turn });
                }
            }
            Err(error) if is_shortage(&error) => {
                SCARCE.store(true, Ordering::Relaxed);
                if missing.get_or_insert_with(Instant::now).elapsed() > PATIENCE {
                    return Err(error);
                }
                drop(turn);
                thread::sleep(INTERVAL);
            }
            Err(error) => return Err(error),
        }
    }
}

/// The right to read the only file. Who held it in another process does not hold it in this one.
#[derive(Debug)]
struct Turn(());

impl Turn {
    fn take() -> Option<Self> {
        let process = std::process::id();
        let other = |holder| (holder != process).then_some(process);
        TURN.fetch_update(Ordering::Acquire, Ordering::Relaxed, other).ok().map(|_| Self(()))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        TURN.store(0, Ordering::Release);
    }
}

#[cfg(all(test, unix, not(feature = "plain")))]
mod tests {
    use super::*;

    #[test]
    fn a_small_share_is_kept_right_below_the_limit() {
        let file = File::open("/dev/null").unwrap();
        let limit = limit().min(1024);
        let copy = duplicate(&file, 0, limit).unwrap();
        assert!(number(&copy) >= limit - limit / SHARE);
        let free = unused(limit, number(&file));
        assert!(duplicate(&file, free / SHARE, limit).is_none(), "no more than a share");
        assert!(duplicate(&file, MOST_KEPT, usize::MAX >> 40).is_none(), "nor than so many");
        assert!(duplicate(&file, 0, limit).is_none(), "there is somebody else, if it is none of ours");
        assert!(duplicate(&file, 1, limit).is_some());
        assert!(duplicate(&file, 0, number(&file)).is_none(), "the limit was lowered");
        assert!(duplicate(&file, 0, 0).is_none());
    }

    #[test]
    fn what_is_kept_is_counted() {
        let file = File::open("/dev/null").unwrap();
        let before = KEPT.load(Ordering::Relaxed);
        let kept = Kept::duplicate(&file).unwrap();
        assert_eq!(KEPT.load(Ordering::Relaxed), before + 1);
        assert!(kept.file().metadata().is_ok());
        drop(kept);
        assert_eq!(KEPT.load(Ordering::Relaxed), before);
    }

    #[test]
    fn one_thread_has_the_turn() {
        let turn = Turn::take().unwrap();
        assert!(Turn::take().is_none());
        drop(turn);
        TURN.store(std::process::id() + 1, Ordering::Relaxed);
        drop(Turn::take().expect("the parent's thread is not here"));
        assert_eq!(TURN.load(Ordering::Relaxed), 0);
    }
}
