//! A batch on its way: which of its images are claimed, running, done.
#![expect(unsafe_code, reason = "the claims counted here are what makes slots disjoint")]

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::drawn_batch::{Content, DrawnBatch, Place, Seen, size_of};
use super::tools::{Tools, View, Views};
use super::{Slots, lock, memory};
use crate::error::Error;
use crate::image::ImageView;
use crate::source::files::Fallback;
use crate::stats::BatchStats;
use crate::write::{Output, Stores};

/// Output bytes below which a group of images is not worth a thread's wake-up.
const GROUP_BYTES: usize = 128 * 1024;
/// Live batch memory from which output is stored past the caches: it has left them by the time it is written
/// again. Measured in rings of 13 to 614 MB on a machine with 2 MB of second-level cache a core, the two ways
/// cost the same at 50 MB, and at 200 MB streaming takes 0.7 of the time.
const STREAM_BYTES: usize = 96 << 20;

/// A drawn batch with memory to go to.
#[derive(Debug)]
pub struct Job {
    drawn_batch: DrawnBatch,
    outputs: Vec<Slots>,
    /// Images that a thread claims at a time.
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
    /// Whether all images are there and are being mixed.
    mixing: bool,
    /// Images left to Pillow that are there by now.
    supplied: usize,
    failure: Option<Error>,
    tally: BatchStats,
}

/// Bytes of all views, if each has a slot of its own that is made for it.
fn check(drawn_batch: &DrawnBatch, outputs: &[Slots]) -> Result<usize, Error> {
    let bytes_of = |shape: [usize; 3], element: usize| shape.iter().product::<usize>() * element;
    let mut taken: Vec<_> =
        outputs.iter().map(|output| output.count().map(|count| vec![false; count])).collect();
    let mut bytes = 0;
    for (Place { output, slot }, shape, element) in drawn_batch.places() {
        let Some((slots, taken)) = outputs.get(output).zip(taken.get_mut(output)) else {
            return Err(Error::Ragged);
        };
        if (slots.layout().shape(), slots.layout().element_bytes()) != (shape, element) {
            return Err(Error::Ragged);
        }
        bytes += bytes_of(shape, element);
        let Some(taken) = taken else { continue };
        if taken.get_mut(slot).is_none_or(|taken| std::mem::replace(taken, true)) {
            let needed = drawn_batch.places().map(|(_, shape, element)| bytes_of(shape, element)).sum();
            return Err(Error::OutputSize { needed, given: outputs.iter().map(Slots::bytes).sum() });
        }
    }
    Ok(bytes)
}

/// The views of a sample, and their slots.
struct SampleViews<'j> {
    job: &'j Job,
    sample: usize,
}

impl<'j> SampleViews<'j> {
    /// # Safety
    /// Nobody else may have those of this sample meanwhile.
    unsafe fn new(job: &'j Job, sample: usize) -> Self {
        Self { job, sample }
    }
}

impl<'j> Views<'j> for SampleViews<'j> {
    fn count(&self) -> usize {
        self.job.drawn_batch.views(self.sample)
    }

    fn view(&self, index: usize) -> View<'j> {
        self.job.drawn_batch.view(self.sample, index).0
    }

    fn output(&mut self, index: usize) -> Output<'j> {
        let Place { output, slot } = self.job.drawn_batch.view(self.sample, index).1;
        // SAFETY: no two views have the same slot, as `check` has found; nobody else has those of this sample, by the
        // promise of `new`; and who has these views asks for each once.
        unsafe { self.job.outputs[output].slot(slot) }
    }
}

impl Job {
    /// Takes a drawn batch and the memory for its outputs.
    ///
    /// # Errors
    /// [`Error::Ragged`] if an image is of another shape than its output's, [`Error::OutputSize`] if the memory does not
    /// fit the images, or two of them would go to the same place.
    pub fn new(drawn_batch: DrawnBatch, outputs: Vec<Slots>) -> Result<Self, Error> {
        if drawn_batch.is_ragged() {
            return Err(Error::Ragged);
        }
        let bytes = check(&drawn_batch, &outputs)?;
        // Decoding takes longer than any wake-up.
        let sample_bytes = bytes / drawn_batch.len().max(1);
        let group = if drawn_batch.decodes() { 1 } else { (GROUP_BYTES / sample_bytes.max(1)).max(1) };
        let stores = if memory::usage().live > STREAM_BYTES { Stores::Streamed } else { Stores::Cached };
        let (progress, settled) = (Mutex::default(), Condvar::new());
        Ok(Self { drawn_batch, outputs, group, stores, progress, settled })
    }

    /// Groups that threads can work on at the same time.
    pub(super) fn groups(&self) -> usize {
        self.drawn_batch.len().div_ceil(self.group)
    }

    /// Claims the next images, or `None` if all are taken.
    pub(super) fn claim(&self) -> Option<Range<usize>> {
        let mut progress = lock(&self.progress);
        let (first, total) = (progress.claimed, self.drawn_batch.len());
        if progress.cancelled || first == total {
            return None;
        }
        let claim = first..total.min(first + self.group);
        progress.claimed = claim.end;
        progress.running += 1;
        Some(claim)
    }

    /// Makes the images of a claim. A panic fails the batch, never the thread.
    pub(super) fn run(&self, claim: Range<usize>, tools: &mut Tools) {
        let images = claim.len();
        let first = claim.start;
        tools.workspace.set_stores(self.stores);
        let start = Instant::now();
        let made = catch_unwind(AssertUnwindSafe(|| {
            for index in claim {
                // SAFETY: `claim` hands out each index once.
                let views = unsafe { SampleViews::new(self, index) };
                if let Err(fallback) = self.make(index, views, tools)? {
                    tools.tally.fallbacks.push((index, fallback));
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
        progress.finished += images;
        let complete = progress.finished == self.drawn_batch.len();
        if complete && progress.failure.is_none() && progress.tally.fallbacks.is_empty() && self.is_mixed() {
            progress.mixing = true;
            drop(progress);
            // SAFETY: every image is made, by threads that have finished; this is the last one.
            let mixed = catch_unwind(AssertUnwindSafe(|| unsafe { self.mix(tools) }));
            progress = lock(&self.progress);
            progress.mixing = false;
            let mixed = mixed.unwrap_or_else(|_| {
                *tools = Tools::default();
                let message = "the batch could not be mixed".to_owned();
                Err(Error::Panic { sample: first, message })
            });
            if let Err(error) = mixed {
                progress.failure.get_or_insert(error);
            }
        }
        progress.running -= 1;
        if complete || (progress.cancelled && progress.running == 0) {
            self.settled.notify_all();
        }
    }

    fn is_mixed(&self) -> bool {
        self.outputs.iter().any(Slots::are_mixed)
    }

    /// Mixes the images of each output.
    ///
    /// # Safety
    /// All of them must be there, and nobody may be making any.
    unsafe fn mix(&self, tools: &mut Tools) -> Result<(), Error> {
        for output in &self.outputs {
            // SAFETY: the same promise.
            unsafe { output.mix(tools) }.map_err(|source| Error::Render { sample: 0, source })?;
        }
        Ok(())
    }

    /// Makes what is made of an image, or says why its file is left to Pillow.
    fn make(
        &self,
        index: usize,
        mut views: SampleViews<'_>,
        tools: &mut Tools,
    ) -> Result<Result<(), Fallback>, Error> {
        // The next image comes from memory while this one is made.
        if let Some(Content::Pixels(next)) = self.drawn_batch.content(index + 1) {
            tools.workspace.look_ahead(next);
        }
        let made = match self.drawn_batch.content(index).map(Content::look) {
            Some(Seen::Pixels(image)) => tools.view_pixels(image, &mut views).map(Ok),
            Some(Seen::File(file, header)) => tools.view_file(file.bytes(), header, &mut views),
            Some(Seen::Fallback(fallback)) => Ok(Err(fallback)),
            None => Ok(Ok(())),
        };
        made.map_err(|source| Error::Render { sample: index, source })
    }

    /// Makes images in this thread until the last one is claimed or `patience` is over.
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

    /// What was done so far; complete once the job is finished. Images left to Pillow are in order.
    #[must_use]
    pub fn tally(&self) -> BatchStats {
        let mut tally = lock(&self.progress).tally.clone();
        tally.fallbacks.sort_unstable_by_key(|&(index, _)| index);
        tally
    }

    /// Makes all views of an image that was not decoded from these pixels; false if they are not of the size that its
    /// file's header announced, for which its numbers were drawn, or if it is not waiting for pixels. With the last such
    /// image the batch is mixed.
    ///
    /// # Errors
    /// [`Error::Render`] as for any image.
    pub fn supply(&self, index: usize, image: &ImageView<'_>) -> Result<bool, Error> {
        let mut progress = lock(&self.progress);
        let waiting = progress.tally.fallbacks.iter().any(|&(left, _)| left == index);
        let fits = self.drawn_batch.content(index).is_some_and(|content| content.size() == size_of(image));
        if !waiting || !fits || progress.finished < self.drawn_batch.len() {
            return Ok(false);
        }
        // SAFETY: every thread has finished, and whoever else would supply this image waits for the lock.
        let mut views = unsafe { SampleViews::new(self, index) };
        Tools::lend(|tools| {
            let made = tools.view_pixels(image, &mut views);
            made.map_err(|source| Error::Render { sample: index, source })?;
            progress.supplied += 1;
            if progress.supplied == progress.tally.fallbacks.len() {
                // SAFETY: that was the last one that was waited for, and the lock is held.
                unsafe { self.mix(tools) }?;
            }
            Ok(true)
        })
    }

    /// Waits until every image is made; `None` if that takes longer than `patience`.
    ///
    /// # Errors
    /// What went wrong on a thread.
    pub fn wait(&self, patience: Duration) -> Option<Result<(), Error>> {
        let deadline = Instant::now() + patience;
        let mut progress = lock(&self.progress);
        loop {
            if progress.finished == self.drawn_batch.len() && !progress.mixing {
                return Some(progress.failure.clone().map_or(Ok(()), Err));
            }
            let left = deadline.checked_duration_since(Instant::now())?;
            progress = self.settled.wait_timeout(progress, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Lets nobody begin another image and returns once nobody is at work: the memory is the caller's again.
    pub fn cancel(&self) {
        let mut progress = lock(&self.progress);
        progress.cancelled = true;
        while progress.running > 0 {
            progress = self.settled.wait(progress).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

#[cfg(test)]
#[path = "job_tests.rs"]
mod tests;
