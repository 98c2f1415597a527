//! Files that were stepped through from end to end: known again by their content, with where their MCUs begin.
//!
//! Nobody knows that a file is whole before the last of it was looked at, so the first sight of a file takes longer
//! than a rectangle needs. What that pass learns is kept for the next one. A file is known by a hash of all its
//! bytes, not by its name and times: whatever happened to it, what is known fits the bytes at hand, and bytes out of
//! a database are known as well as a file's. Hashing takes a hundredth of what it saves.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, TryLockError};

use penstock_jpeg::Index;
use twox_hash::XxHash3_128;

/// Parts with a lock of their own, so that threads do not meet.
const SHARDS: usize = 16;
/// Memory of an entry beside its index: the hash in two places, pointers, and what tables leave empty.
const ENTRY_BYTES: usize = 128;
/// Once all memory is in use, one newcomer in so many takes the place of another file. Were it each of them, a data
/// set larger than the memory would drive out its own files before they come again; were it none, the files of a
/// loader that is gone would stay.
const NEWCOMERS: usize = 16;
/// Tries to take a lock.
const PATIENCE: usize = 200;
/// Memory where the system does not tell how much there is.
const DEFAULT_BYTES: usize = 256 << 20;
/// The share of the machine's memory that is used otherwise.
const SHARE: usize = 64;

/// What a file is known by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Key(u128);

impl Key {
    /// The key of a file with this content. Nobody can prepare two files with the same one: it is salted.
    pub(super) fn of(data: &[u8]) -> Self {
        static SALT: OnceLock<u64> = OnceLock::new();
        Self(XxHash3_128::oneshot_with_seed(*SALT.get_or_init(|| RandomState::new().hash_one(0)), data))
    }
}

/// What is known, in bytes and files.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Number of files.
    pub files: usize,
    /// Memory that they take.
    pub bytes: usize,
}

/// The process's memory of files.
#[derive(Debug)]
pub(super) struct Seen {
    shards: [Mutex<Shard>; SHARDS],
    most_bytes: AtomicUsize,
}

#[derive(Debug, Default)]
struct Shard {
    known: HashMap<Key, Arc<Index>>,
    keys: Vec<Key>,
    bytes: usize,
    turned_away: usize,
}

/// The one of this process, as large as `PENSTOCK_INDEX_BYTES` says; of no size if `PENSTOCK_VERIFY` wants every
/// file stepped through every time.
pub(super) fn seen() -> &'static Seen {
    static SEEN: OnceLock<Seen> = OnceLock::new();
    SEEN.get_or_init(|| {
        let verify = std::env::var("PENSTOCK_VERIFY").is_ok_and(|text| !matches!(text.as_str(), "" | "0"));
        let wanted = std::env::var("PENSTOCK_INDEX_BYTES").ok().and_then(|text| text.parse().ok());
        Seen::new(if verify { 0 } else { wanted.unwrap_or_else(default_bytes) })
    })
}

/// Lets this process learn nothing of files from now on: it will not live long, or there are many like it.
pub fn learn_nothing() {
    seen().most_bytes.store(0, Ordering::Relaxed);
}

/// What this process knows of files.
#[must_use]
pub fn usage() -> Usage {
    seen().usage()
}

impl Seen {
    fn new(most_bytes: usize) -> Self {
        Self { shards: Default::default(), most_bytes: AtomicUsize::new(most_bytes) }
    }

    /// Whether anything is ever kept.
    pub(super) fn is_in_use(&self) -> bool {
        self.most_bytes.load(Ordering::Relaxed) > 0
    }

    /// Where a file's MCUs begin, if it was seen.
    pub(super) fn get(&self, key: Key) -> Option<Arc<Index>> {
        self.shard(key)?.known.get(&key).cloned()
    }

    /// Keeps what was learnt about a file.
    pub(super) fn put(&self, key: Key, index: Index) {
        let most = self.most_bytes.load(Ordering::Relaxed) / SHARDS;
        let needed = cost(&index);
        let Some(mut shard) = self.shard(key) else { return };
        if needed > most || shard.known.contains_key(&key) {
            return;
        }
        if shard.bytes + needed > most {
            shard.turned_away += 1;
            if !shard.turned_away.is_multiple_of(NEWCOMERS) {
                return;
            }
            while shard.bytes + needed > most {
                shard.drop_one(key);
            }
        }
        shard.bytes += needed;
        shard.keys.push(key);
        shard.known.insert(key, Arc::new(index));
    }

    fn usage(&self) -> Usage {
        let shards = self.shards.iter().filter_map(patiently);
        shards.fold(Usage::default(), |usage, shard| Usage {
            files: usage.files + shard.keys.len(),
            bytes: usage.bytes + shard.bytes,
        })
    }

    /// The part for a key. In a forked child it may be locked for ever: then nothing is known.
    fn shard(&self, key: Key) -> Option<MutexGuard<'_, Shard>> {
        self.shards.get(key.0 as usize % SHARDS).and_then(patiently)
    }
}

impl Shard {
    /// Forgets a file. The newcomer's key, which is as good as random, says which one.
    fn drop_one(&mut self, newcomer: Key) {
        if self.keys.is_empty() {
            return;
        }
        let place = (newcomer.0 >> 64) as usize % self.keys.len();
        let key = self.keys.swap_remove(place);
        if let Some(index) = self.known.remove(&key) {
            self.bytes -= cost(&index);
        }
    }
}

fn cost(index: &Index) -> usize {
    ENTRY_BYTES + index.memory()
}

fn patiently(shard: &Mutex<Shard>) -> Option<MutexGuard<'_, Shard>> {
    for _ in 0..PATIENCE {
        match shard.try_lock() {
            Ok(guard) => return Some(guard),
            // Every change leaves a shard whole.
            Err(TryLockError::Poisoned(poisoned)) => return Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => std::hint::spin_loop(),
        }
    }
    None
}

/// A share of the memory that this process may have: the machine's, or its control group's if that is less.
fn default_bytes() -> usize {
    let read = |path| std::fs::read_to_string(path).unwrap_or_default();
    let machine = read("/proc/meminfo").lines().find_map(|line| {
        let kilobytes: usize = line.strip_prefix("MemTotal:")?.trim().strip_suffix(" kB")?.parse().ok()?;
        Some(kilobytes * 1024)
    });
    let group = read("/sys/fs/cgroup/memory.max").trim().parse().ok();
    machine.into_iter().chain(group).min().map_or(DEFAULT_BYTES, |bytes| bytes / SHARE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index() -> Index {
        let file = include_bytes!("../../../penstock-jpeg/tests/data/tiny.jpg");
        penstock_jpeg::Decoder::new().index(file).unwrap()
    }

    fn key(number: u32) -> Key {
        Key::of(&number.to_le_bytes())
    }

    #[test]
    fn a_file_is_known_by_all_of_its_bytes() {
        let mut content = vec![7_u8; 1000];
        let key = Key::of(&content);
        assert_eq!(key, Key::of(&content));
        for place in [0, 499, 999] {
            content[place] ^= 1;
            assert_ne!(key, Key::of(&content));
            content[place] ^= 1;
        }
        assert_ne!(key, Key::of(&content[..999]));
    }

    #[test]
    fn what_was_put_is_found_and_counted() {
        let seen = Seen::new(1 << 20);
        assert!(seen.get(key(1)).is_none());
        seen.put(key(1), index());
        seen.put(key(1), index());
        assert_eq!(*seen.get(key(1)).unwrap(), index());
        assert_eq!(seen.usage(), Usage { files: 1, bytes: cost(&index()) });
        assert!(seen.get(key(2)).is_none());
    }

    #[test]
    fn memory_is_bounded_and_newcomers_get_in_slowly() {
        let room = 20;
        let most = SHARDS * room * cost(&index());
        let seen = Seen::new(most);
        let files = 40 * (SHARDS * room) as u32;
        let first: Vec<u32> = (0..files)
            .filter(|&number| {
                seen.put(key(number), index());
                number < files / 40
            })
            .collect();
        let usage = seen.usage();
        assert!(usage.bytes <= most && usage.bytes > most * 9 / 10, "{usage:?} of {most}");
        let known =
            |numbers: &[u32]| numbers.iter().filter(|&&number| seen.get(key(number)).is_some()).count();
        let kept = known(&first);
        assert!(kept > 0, "a passing crowd drives nobody out at once");
        let all: Vec<u32> = (0..files).collect();
        assert!(known(&all) > kept, "but some get in");
        assert_eq!(known(&all), usage.files);
    }

    #[test]
    fn without_memory_nothing_is_kept() {
        let seen = Seen::new(0);
        assert!(!seen.is_in_use());
        seen.put(key(1), index());
        assert_eq!(seen.usage(), Usage::default());
    }

    #[test]
    fn a_locked_part_knows_nothing() {
        let seen = Seen::new(1 << 20);
        seen.put(key(1), index());
        let guard = seen.shard(key(1)).unwrap();
        assert!(seen.get(key(1)).is_none());
        drop(guard);
        assert!(seen.get(key(1)).is_some());
    }
}
