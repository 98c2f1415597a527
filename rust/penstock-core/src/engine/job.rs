//! A batch on its way: which of its pictures are claimed, running, done.
#![expect(unsafe_code, reason = "the claims counted here are what makes slots disjoint")]

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::{Draft, Slots, Tools, lock, memory};
use crate::error::Error;
use crate::image::Picture;
use crate::stats::Tally;
use crate::write::Stores;

/// Output bytes below which a group of pictures is not worth a thread's wake-up.
const GROUP_BYTES: usize = 128 * 1024;
/// Live batch memory from which output is stored past the caches: it has left them by the time it is written
/// again. Measured in rings of 13 to 614 MB on a machine with 2 MB of second-level cache a core, the two ways
/// cost the same at 50 MB, and at 200 MB streaming takes 0.7 of the time.
const STREAM_BYTES: usize = 96 << 20;

/// A drawn batch with memory to go to.
#[derive(Debug)]
pub struct Job {
    draft: Draft,
    slots: Slots,
    picture_bytes: usize,
    /// Pictures that a thread claims at a time.
    group: usize,
    stores: Stores,
    progress: Mutex<Progress>,
    settled: Condvar,
}

#[derive(Debug, Default)]
struct Progress {
    claimed: usize,
    finished: usize,
    running: usize,
    cancelled: bool,
    failure: Option<Error>,
    tally: Tally,
}

impl Job {
    /// Takes a drawn batch and the memory for its pixels.
    ///
    /// # Errors
    /// [`Error::Ragged`] if the pictures differ in shape, [`Error::OutputSize`] if the memory does not fit them.
    pub fn new(draft: Draft, slots: Slots) -> Result<Self, Error> {
        if draft.is_ragged() {
            return Err(Error::Ragged);
        }
        let picture_bytes = draft.picture_bytes();
        let needed = picture_bytes * draft.len();
        if needed != slots.bytes() {
            return Err(Error::OutputSize { needed, given: slots.bytes() });
        }
        // Decoding takes longer than any wake-up.
        let group = if draft.decodes() { 1 } else { (GROUP_BYTES / picture_bytes.max(1)).max(1) };
        let stores = if memory::usage().live > STREAM_BYTES { Stores::Streamed } else { Stores::Cached };
        let (progress, settled) = (Mutex::default(), Condvar::new());
        Ok(Self { draft, slots, picture_bytes, group, stores, progress, settled })
    }

    /// Groups that threads can work on at the same time.
    pub(super) fn groups(&self) -> usize {
        self.draft.len().div_ceil(self.group)
    }

    /// Claims the next pictures, or `None` if all are taken.
    pub(super) fn claim(&self) -> Option<Range<usize>> {
        let mut progress = lock(&self.progress);
        let (first, total) = (progress.claimed, self.draft.len());
        if progress.cancelled || first == total {
            return None;
        }
        let claim = first..total.min(first + self.group);
        progress.claimed = claim.end;
        progress.running += 1;
        Some(claim)
    }

    /// Makes the pictures of a claim. A panic fails the batch, never the thread.
    pub(super) fn run(&self, claim: Range<usize>, tools: &mut Tools) {
        let pictures = claim.len();
        let first = claim.start;
        tools.workspace.set_stores(self.stores);
        let start = Instant::now();
        let made = catch_unwind(AssertUnwindSafe(|| {
            for index in claim {
                // SAFETY: `claim` hands out each index once, and every slot has the size of one picture.
                let slot = unsafe { self.slots.slot(index, self.picture_bytes) };
                if let Err(left) = self.draft.render(index, tools, slot)? {
                    tools.tally.left.push((index, left));
                }
            }
            Ok(())
        }));
        let made = made.unwrap_or_else(|panic| {
            *tools = Tools::default();
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let message =
                text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or_default().to_owned();
            Err(Error::Panic { sample: first, message })
        });
        let mut tally = std::mem::take(&mut tools.tally);
        tally.rendering = start.elapsed().saturating_sub(tally.decoding);
        let mut progress = lock(&self.progress);
        if let Err(error) = made {
            progress.failure.get_or_insert(error);
        }
        progress.tally.add(tally);
        progress.finished += pictures;
        progress.running -= 1;
        if progress.finished == self.draft.len() || (progress.cancelled && progress.running == 0) {
            self.settled.notify_all();
        }
    }

    /// Makes pictures in this thread until the last one is claimed or `patience` is over.
    pub fn help(&self, patience: Duration) {
        let deadline = Instant::now() + patience;
        Tools::lend(|tools| {
            while Instant::now() < deadline
                && let Some(claim) = self.claim()
            {
                self.run(claim, tools);
            }
        });
    }

    /// What was done so far; complete once the job is finished. Pictures left to Pillow are in order.
    #[must_use]
    pub fn tally(&self) -> Tally {
        let mut tally = lock(&self.progress).tally.clone();
        tally.left.sort_unstable_by_key(|&(index, _)| index);
        tally
    }

    /// Makes a picture that was not decoded from these pixels; false if they are not of the size that its file's
    /// header announced, for which its numbers were drawn, or if it is not waiting for pixels.
    ///
    /// # Errors
    /// [`Error::Render`] as for any picture.
    pub fn supply(&self, index: usize, picture: &Picture<'_>) -> Result<bool, Error> {
        let progress = lock(&self.progress);
        let waiting = progress.tally.left.iter().any(|&(left, _)| left == index);
        if !waiting || progress.finished < self.draft.len() {
            return Ok(false);
        }
        // SAFETY: every thread has finished, and whoever else would supply this picture waits for the lock.
        let slot = unsafe { self.slots.slot(index, self.picture_bytes) };
        Tools::lend(|tools| self.draft.render_instead(picture, index, tools, slot))
    }

    /// Waits until every picture is made; `None` if that takes longer than `patience`.
    ///
    /// # Errors
    /// What went wrong on a thread.
    pub fn wait(&self, patience: Duration) -> Option<Result<(), Error>> {
        let deadline = Instant::now() + patience;
        let mut progress = lock(&self.progress);
        loop {
            if progress.finished == self.draft.len() {
                return Some(progress.failure.clone().map_or(Ok(()), Err));
            }
            let left = deadline.checked_duration_since(Instant::now())?;
            progress = self.settled.wait_timeout(progress, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Lets nobody begin another picture and returns once nobody is at work: the memory is the caller's again.
    pub fn cancel(&self) {
        let mut progress = lock(&self.progress);
        progress.cancelled = true;
        while progress.running > 0 {
            progress = self.settled.wait(progress).unwrap_or_else(PoisonError::into_inner);
        }
    }
}
