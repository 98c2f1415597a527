//! Memory for batches, kept from one batch to the next.
//!
//! A fresh batch of some megabytes costs a page fault per 4 KiB; a reused one costs nothing. A [`Buffer`] goes
//! back to the pool when it is dropped, which for a tensor's memory is when the last tensor on it is gone.
//! What lies idle is bounded in bytes and in time, and is no child's of a fork: see [`pages`].
#![expect(unsafe_code, reason = "buffers are aligned, uninitialised-to-us memory from the global allocator")]

use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::collections::VecDeque;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

use super::lock;
use crate::system::{forks, pages, scratch};

/// Alignment of every buffer: a cache line, and the widest vector.
pub const ALIGNMENT: usize = 64;
/// Idle bytes that the pool keeps at most, unless `PENSTOCK_POOL_BYTES` says otherwise.
pub const DEFAULT_IDLE_BYTES: usize = 512 << 20;
/// How long a buffer may lie idle; looked at whenever the pool is used.
const IDLE_TIME: Duration = Duration::from_secs(20);
/// Size from which on memory is the system's own pages.
const LARGE_BYTES: usize = 512 << 10;

/// How often this process and its parents have forked.
static FORKS: AtomicUsize = AtomicUsize::new(0);

/// Writable memory, zero when first allocated and of any content later.
#[derive(Debug)]
pub struct Buffer {
    start: NonNull<u8>,
    len: usize,
    capacity: usize,
    /// [`FORKS`] when it was taken.
    forks: usize,
}

// SAFETY: a `Buffer` owns its memory alone.
unsafe impl Send for Buffer {}
// SAFETY: a shared `Buffer` gives out its address and size, no access.
unsafe impl Sync for Buffer {}

struct Idle {
    since: Instant,
    start: NonNull<u8>,
    capacity: usize,
    /// Whether children of a fork do not get it.
    kept: bool,
}

// SAFETY: an idle buffer is owned by the pool alone.
unsafe impl Send for Idle {}

#[derive(Default)]
struct Pool {
    /// Oldest first.
    idle: VecDeque<Idle>,
    idle_bytes: usize,
    live_bytes: usize,
}

static POOL: Mutex<Pool> = Mutex::new(Pool { idle: VecDeque::new(), idle_bytes: 0, live_bytes: 0 });

/// What the pool holds, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// In buffers that are in use.
    pub live: usize,
    /// In buffers that wait to be used again.
    pub idle: usize,
}

/// The pool's present size.
#[must_use]
pub fn usage() -> Usage {
    let pool = lock(&POOL);
    Usage { live: pool.live_bytes, idle: pool.idle_bytes }
}

/// Gives all idle memory back to the system.
pub fn trim() {
    lock(&POOL).shrink(0, None);
}

impl Buffer {
    /// A buffer of `len` bytes, reused if one of its size class, or a large one that is not much larger, lies idle.
    #[must_use]
    pub fn new(len: usize) -> Self {
        let mut pool = lock(&POOL);
        let reused = pool.find(size_class(len)).and_then(|position| pool.idle.remove(position));
        let capacity = reused.as_ref().map_or_else(|| size_class(len), |idle| idle.capacity);
        pool.live_bytes += capacity;
        if reused.is_some() {
            pool.idle_bytes -= capacity;
        }
        pool.shrink(usize::MAX, Some(Instant::now()));
        drop(pool);
        let start = reused.map_or_else(|| allocate(capacity), Idle::take);
        Self { start, len, capacity, forks: FORKS.load(Ordering::Relaxed) }
    }

    /// Size in bytes, as asked for.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether the buffer has no byte.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Address of the first byte, aligned to [`ALIGNMENT`].
    #[must_use]
    pub fn as_ptr(&self) -> *mut u8 {
        self.start.as_ptr()
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let now = Instant::now();
        let mut pool = lock(&POOL);
        pool.live_bytes -= self.capacity;
        let idle = Idle { since: now, start: self.start, capacity: self.capacity, kept: false };
        // A child may still have its pages: each of them would be copied before it is written again.
        if is_large(self.capacity) && self.forks != FORKS.load(Ordering::Relaxed) {
            idle.free();
        } else {
            pool.idle_bytes += self.capacity;
            pool.idle.push_back(idle);
        }
        pool.shrink(idle_limit(), Some(now));
    }
}

impl Idle {
    /// The memory, to be used again.
    fn take(self) -> NonNull<u8> {
        if self.kept {
            pages::share_with_children(self.start, self.capacity);
        }
        self.start
    }

    fn free(self) {
        if is_large(self.capacity) {
            // SAFETY: it was allocated so, and is owned here alone.
            unsafe { pages::free(self.start, self.capacity) };
        } else {
            // SAFETY: as above, and its layout is the one it was allocated with.
            unsafe { dealloc(self.start.as_ptr(), layout(self.capacity)) };
        }
    }
}

impl Pool {
    /// The position of an idle buffer to be used for one of this capacity.
    fn find(&self, capacity: usize) -> Option<usize> {
        // The youngest one is the likeliest to be in the cache still.
        self.idle.iter().rposition(|idle| idle.capacity == capacity).or_else(|| {
            // Padded batches are each of another size.
            let fits = |idle: &Idle| {
                is_large(capacity) && (capacity..=capacity + capacity / 2).contains(&idle.capacity)
            };
            let fitting = self.idle.iter().enumerate().filter(|(_, idle)| fits(idle));
            fitting.min_by_key(|(_, idle)| idle.capacity).map(|(position, _)| position)
        })
    }

    /// Frees the oldest idle buffers beyond `limit` bytes, and those that have lain idle too long.
    fn shrink(&mut self, limit: usize, now: Option<Instant>) {
        while let Some(oldest) = self.idle.front() {
            let stale = now.is_some_and(|now| now.duration_since(oldest.since) > IDLE_TIME);
            if self.idle_bytes <= limit && !stale {
                break;
            }
            self.idle_bytes -= oldest.capacity;
            self.idle.pop_front().into_iter().for_each(Idle::free);
        }
    }
}

/// Called by the thread that forks, before it does.
extern "C" fn before_fork() {
    FORKS.fetch_add(1, Ordering::Relaxed);
    for idle in &mut lock(&POOL).idle {
        if is_large(idle.capacity) && !idle.kept {
            pages::keep_from_children(idle.start, idle.capacity);
            idle.kept = true;
        }
    }
}

fn is_large(capacity: usize) -> bool {
    capacity >= LARGE_BYTES
}

fn idle_limit() -> usize {
    static LIMIT: OnceLock<usize> = OnceLock::new();
    *LIMIT.get_or_init(|| {
        std::env::var("PENSTOCK_POOL_BYTES")
            .ok()
            .and_then(|text| text.parse().ok())
            .unwrap_or(DEFAULT_IDLE_BYTES)
    })
}

fn size_class(len: usize) -> usize {
    scratch::size_class(len.max(1)).unwrap_or_else(|| handle_alloc_error(Layout::new::<u8>()))
}

fn layout(capacity: usize) -> Layout {
    Layout::from_size_align(capacity, ALIGNMENT).unwrap_or_else(|_| handle_alloc_error(Layout::new::<u8>()))
}

fn allocate(capacity: usize) -> NonNull<u8> {
    let layout = layout(capacity);
    let start = if is_large(capacity) {
        forks::before(before_fork);
        pages::allocate(capacity)
    } else {
        // SAFETY: a size class is never 0.
        NonNull::new(unsafe { alloc_zeroed(layout) })
    };
    start.unwrap_or_else(|| handle_alloc_error(layout))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One test, since the pool is the process's: two would see each other's buffers.
    #[test]
    fn buffers_are_reused_bounded_and_aligned() {
        trim();
        let buffer = Buffer::new(3 << 20);
        let address = buffer.as_ptr();
        assert_eq!(address.align_offset(ALIGNMENT), 0);
        assert_eq!(usage().live, size_class(3 << 20));
        drop(buffer);
        assert_eq!(usage(), Usage { live: 0, idle: size_class(3 << 20) });
        let again = Buffer::new((3 << 20) - 1000);
        assert_eq!(again.as_ptr(), address, "one size class, one buffer");
        assert_eq!(again.len(), (3 << 20) - 1000);
        let other = Buffer::new(3 << 20);
        assert_ne!(other.as_ptr(), address, "a live buffer is never handed out twice");
        drop((again, other));
        trim();
        drop(Buffer::new(3 << 20));
        let smaller = Buffer::new(5 << 19);
        assert_eq!(usage(), Usage { live: size_class(3 << 20), idle: 0 }, "a large one serves a smaller one");
        drop(smaller);
        let small = Buffer::new(1 << 20);
        assert_eq!(usage().idle, size_class(3 << 20), "but none of less than two thirds");
        drop(small);
        trim();
        assert_eq!(usage(), Usage { live: 0, idle: 0 });

        let many: Vec<Buffer> = (0..3).map(|_| Buffer::new(DEFAULT_IDLE_BYTES / 2)).collect();
        drop(many);
        assert!(usage().idle <= DEFAULT_IDLE_BYTES);
        trim();
    }
}
