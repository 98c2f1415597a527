//! Files that were stepped through from end to end: known again by their content, with where their MCUs begin.
//!
//! Nobody knows that a file is whole before the last of it was looked at, so the first sight of a file takes longer
//! than a rectangle needs. What that pass learns is kept for the next one. A file is known by a hash of all its
//! bytes, not by its name and times: whatever happened to it, what is known fits the bytes at hand, and bytes out of
//! a database are known as well as a file's. Hashing takes a hundredth of what it saves.
//!
//! A worker has what its parent knew when it was forked off, and beside that a small memory of its own; what it learns it
//! also writes down, for its parent and the workers to come ([`crate::source::known`]). The parent's memory stays as
//! it was there: what is written to would no longer be shared with the parent.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
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
/// Memory of a worker's own: there are many of them.
const WORKER_BYTES: usize = 8 << 20;
/// What a worker writes down between two batches, at most.
const MOST_LEARNED: usize = 4 << 20;

/// What a file is known by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Key(u128);

impl Key {
    /// The key of a file with this content. Nobody can prepare two files with the same one: it is salted.
    pub(super) fn of(data: &[u8]) -> Self {
        Self(XxHash3_128::oneshot_with_seed(salt(), data))
    }
}

/// Zero until it is wanted. A lock in its place might be another thread's when a child is forked off.
static SALT: AtomicU64 = AtomicU64::new(0);

/// What this process's keys are salted with.
pub(crate) fn salt() -> u64 {
    let salt = SALT.load(Ordering::Relaxed);
    if salt != 0 {
        return salt;
    }
    let ours = RandomState::new().hash_one(0) | 1;
    SALT.compare_exchange(0, ours, Ordering::Relaxed, Ordering::Relaxed)
        .map_or_else(|theirs| theirs, |_| ours)
}

/// Has the keys be those of another process. What was known before is then not found any more.
pub(crate) fn set_salt(salt: u64) {
    SALT.store(salt, Ordering::Relaxed);
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
    /// What this process knows; in a worker, what it knew when it began.
    base: Shards,
    /// What a worker got to know since.
    own: Shards,
    is_worker: AtomicBool,
    /// The same, to be sent.
    learned: Mutex<Vec<u8>>,
    /// Files that were stepped through.
    passes: AtomicUsize,
}

#[derive(Debug)]
struct Shards {
    shards: [Mutex<Shard>; SHARDS],
    most_bytes: usize,
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

/// Makes what would otherwise be made when it is first wanted, under a lock that a forked child would wait for.
pub(crate) fn prepare() {
    salt();
    seen();
}

/// Has this process, a worker, leave what it knows as it is, and write down what it learns.
pub(crate) fn be_worker() {
    seen().is_worker.store(true, Ordering::Relaxed);
}

/// Moves what a worker wrote down to `out`.
pub(crate) fn take_learned(out: &mut Vec<u8>) {
    if let Some(mut learned) = patiently(&seen().learned) {
        out.append(&mut learned);
    }
}

/// Learns what another process of the same salt wrote down; false if it is anything else.
pub(crate) fn learn(bytes: &[u8]) -> bool {
    seen().learn(bytes)
}

/// Writes down what is known, while `out` is no longer than `most`.
pub(crate) fn write(out: &mut Vec<u8>, most: usize) {
    seen().write(out, most);
}

/// What this process knows of files.
#[must_use]
pub fn usage() -> Usage {
    let (base, own) = (seen().base.usage(), seen().own.usage());
    Usage { files: base.files + own.files, bytes: base.bytes + own.bytes }
}

/// Files of which this process did not know where their parts are, and which it stepped through for that.
#[must_use]
pub fn passes() -> usize {
    seen().passes.load(Ordering::Relaxed)
}

impl Seen {
    fn new(most_bytes: usize) -> Self {
        Self {
            base: Shards::new(most_bytes),
            own: Shards::new(most_bytes.min(WORKER_BYTES)),
            is_worker: AtomicBool::new(false),
            learned: Mutex::default(),
            passes: AtomicUsize::new(0),
        }
    }

    /// Whether anything is ever kept.
    pub(super) fn is_in_use(&self) -> bool {
        self.base.most_bytes > 0
    }

    fn is_worker(&self) -> bool {
        self.is_worker.load(Ordering::Relaxed)
    }

    /// Where a file's MCUs begin, if it was seen.
    pub(super) fn get(&self, key: Key) -> Option<Arc<Index>> {
        if !self.is_worker() {
            return self.base.find(key, Arc::clone);
        }
        // To count a user more would be to write to the parent's memory.
        self.own.find(key, Arc::clone).or_else(|| self.base.find(key, |index| Arc::new(Index::clone(index))))
    }

    /// Keeps what was learnt about a file by stepping through it.
    pub(super) fn put(&self, key: Key, index: Index) {
        self.passes.fetch_add(1, Ordering::Relaxed);
        if self.is_worker()
            && let Some(mut learned) = patiently(&self.learned)
            && learned.len() < MOST_LEARNED
        {
            write_entry(&mut learned, key, &index);
        }
        self.keep(key, index);
    }

    fn keep(&self, key: Key, index: Index) {
        if !self.is_worker() {
            self.base.put(key, index);
        } else if self.base.find(key, |_| ()).is_none() {
            self.own.put(key, index);
        }
    }

    fn learn(&self, mut bytes: &[u8]) -> bool {
        while !bytes.is_empty() {
            let Some((key, index)) = read_entry(&mut bytes) else { return false };
            self.keep(key, index);
        }
        true
    }

    fn write(&self, out: &mut Vec<u8>, most: usize) {
        for shard in self.base.shards.iter().chain(&self.own.shards).filter_map(patiently) {
            for (&key, index) in &shard.known {
                if out.len() >= most {
                    return;
                }
                write_entry(out, key, index);
            }
        }
    }
}

/// A key, the length of an index, and the index.
fn write_entry(out: &mut Vec<u8>, key: Key, index: &Index) {
    out.extend_from_slice(&key.0.to_le_bytes());
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    index.write(out);
    let length = (out.len() - start - 4) as u32;
    out[start..start + 4].copy_from_slice(&length.to_le_bytes());
}

fn read_entry(bytes: &mut &[u8]) -> Option<(Key, Index)> {
    let (&key, rest) = bytes.split_first_chunk()?;
    let (&length, rest) = rest.split_first_chunk()?;
    let (index, rest) = rest.split_at_checked(u32::from_le_bytes(length) as usize)?;
    *bytes = rest;
    Some((Key(u128::from_le_bytes(key)), Index::read(index)?))
}

impl Shards {
    fn new(most_bytes: usize) -> Self {
        Self { shards: Default::default(), most_bytes }
    }

    /// What is made of a file's index, if there is one.
    fn find<T>(&self, key: Key, make: impl FnOnce(&Arc<Index>) -> T) -> Option<T> {
        self.shard(key)?.known.get(&key).map(make)
    }

    fn put(&self, key: Key, index: Index) {
        let most = self.most_bytes / SHARDS;
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

fn patiently<T>(shard: &Mutex<T>) -> Option<MutexGuard<'_, T>> {
    for _ in 0..PATIENCE {
        match shard.try_lock() {
            Ok(guard) => return Some(guard),
            // Every change leaves what it guards whole.
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
        assert_eq!(seen.base.usage(), Usage { files: 1, bytes: cost(&index()) });
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
        let usage = seen.base.usage();
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
        assert_eq!(seen.base.usage(), Usage::default());
    }

    #[test]
    fn a_locked_part_knows_nothing() {
        let seen = Seen::new(1 << 20);
        seen.put(key(1), index());
        let guard = seen.base.shard(key(1)).unwrap();
        assert!(seen.get(key(1)).is_none());
        drop(guard);
        assert!(seen.get(key(1)).is_some());
    }
    fn worker() -> Seen {
        let seen = Seen::new(1 << 20);
        seen.put(key(1), index());
        seen.is_worker.store(true, Ordering::Relaxed);
        seen
    }

    #[test]
    fn a_worker_writes_down_what_it_learns_and_the_next_one_knows_it() {
        let (worker, parent) = (worker(), Seen::new(1 << 20));
        worker.put(key(2), index());
        worker.put(key(1), index());
        assert!([1, 2].into_iter().all(|number| *worker.get(key(number)).unwrap() == index()));
        assert_eq!(
            (worker.base.usage().files, worker.own.usage().files),
            (1, 1),
            "what it had stays as it was"
        );
        let learned = worker.learned.lock().unwrap().clone();
        assert!(parent.learn(&learned));
        assert_eq!(*parent.get(key(2)).unwrap(), index());
        assert_eq!((parent.passes.load(Ordering::Relaxed), worker.passes.load(Ordering::Relaxed)), (0, 3));
        for end in 1..learned.len() / 2 {
            assert!(!Seen::new(1 << 20).learn(&learned[..end]), "cut at {end}");
        }
        let mut all = Vec::new();
        worker.write(&mut all, usize::MAX);
        assert_eq!(all.len(), learned.len());
        let mut some = Vec::new();
        worker.write(&mut some, 1);
        assert_eq!(some.len(), learned.len() / 2, "no more than the one that goes beyond it");
    }

    #[test]
    fn a_worker_uses_little_memory() {
        let worker = worker();
        for number in 0..(2 * MOST_LEARNED / cost(&index())) as u32 {
            worker.put(key(number), index());
        }
        assert!(worker.own.usage().bytes <= WORKER_BYTES);
        assert!(worker.learned.lock().unwrap().len() < MOST_LEARNED + cost(&index()));
    }
}
