//! A batch whose numbers are drawn and whose pixels are not made yet.
//!
//! A sample is one image and what is made of it: one entry for each view, with its plan, its steps and its place in one
//! of the batch's outputs. A lowered batch has as many entries for each sample as it has outputs, mostly one.

use std::ops::Range;
use std::sync::Arc;

use super::Reading;
use super::tools::View;
use crate::codec::Header;
use crate::image::ImageView;
use crate::plan::{Plan, Refusal, Step, size_after};
use crate::random::Streams;
use crate::source::files::{Fallback, File};

/// Where an image's pixels are.
#[derive(Debug)]
pub enum Content {
    /// In memory.
    Pixels(ImageView<'static>),
    /// In a file, to be decoded.
    File(Arc<File>),
    /// In a file that is still being read, of which somebody has seen the header.
    Coming {
        /// The files that it is among.
        reading: Arc<Reading>,
        /// Its place among them.
        index: usize,
        /// What was seen.
        header: Header,
    },
}

impl Content {
    /// Height and width.
    pub(super) fn size(&self) -> (u32, u32) {
        match self {
            Content::Pixels(image) => size_of(image),
            Content::File(file) => file.header().size(),
            Content::Coming { header, .. } => header.size(),
        }
    }

    /// What there is to make an image of; waits for a file that is being read.
    pub(super) fn look(&self) -> Seen<'_> {
        match self {
            Content::Pixels(image) => Seen::Pixels(image),
            Content::File(file) => Seen::File(file, file.header()),
            Content::Coming { reading, index, header } => match reading.wait_for(*index) {
                Ok(file) if header.is_of(file.header()) => Seen::File(file, *header),
                Ok(_) => Seen::Fallback(Fallback::Changed),
                Err(left) => Seen::Fallback(left),
            },
        }
    }
}

/// A [`Content`] that is there.
pub(super) enum Seen<'a> {
    Pixels(&'a ImageView<'static>),
    /// And what is wanted of it.
    File(&'a File, Header),
    Fallback(Fallback),
}

pub(super) fn size_of(image: &ImageView<'_>) -> (u32, u32) {
    (image.height() as u32, image.width() as u32)
}

/// Where a view goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Which of the batch's outputs.
    pub output: usize,
    /// Which of its slots.
    pub slot: usize,
}

/// A view whose steps were drawn elsewhere.
#[derive(Debug, Clone, Copy)]
pub struct Drawn<'d> {
    /// Converts its values.
    pub plan: &'d Arc<Plan>,
    /// What is done to the image.
    pub steps: &'d [Step],
    /// Where it goes.
    pub place: Place,
}

/// Images, the steps drawn for each, and the plans that convert them.
#[derive(Debug, Default)]
pub struct DrawnBatch {
    plans: Vec<Arc<Plan>>,
    samples: Vec<Sample>,
    entries: Vec<Entry>,
    steps: Vec<Step>,
    ragged: bool,
    decodes: bool,
}

#[derive(Debug)]
struct Sample {
    content: Content,
    entries: Range<usize>,
}

#[derive(Debug)]
struct Entry {
    plan: usize,
    steps: Range<usize>,
    size: (u32, u32),
    place: Place,
}

impl DrawnBatch {
    /// An empty batch with room for `samples` images.
    #[must_use]
    pub fn with_capacity(samples: usize) -> Self {
        Self {
            samples: Vec::with_capacity(samples),
            entries: Vec::with_capacity(samples),
            steps: Vec::with_capacity(2 * samples),
            ..Self::default()
        }
    }

    /// Draws the numbers of the next image's views from `streams`, one after the other; each goes to the next slot of an
    /// output of its own.
    ///
    /// # Errors
    /// [`Refusal`] if torch would raise for this image, which then is not part of the batch. Its operation is counted from
    /// the first plan's first one.
    pub fn push(
        &mut self,
        plans: &[Arc<Plan>],
        content: Content,
        streams: &mut Streams,
    ) -> Result<(), Refusal> {
        let (first_entry, slot, mut before) = (self.entries.len(), self.samples.len(), 0);
        for (output, plan) in plans.iter().enumerate() {
            let first = self.steps.len();
            let size = plan.draw(content.size(), streams, &mut self.steps).map_err(|refusal| {
                self.entries.truncate(first_entry);
                Refusal { op: before + refusal.op, ..refusal }
            })?;
            self.append_entry(plan, first, size, Place { output, slot });
            before += plan.operations();
        }
        self.append_sample(content, first_entry);
        Ok(())
    }

    /// Adds an image whose views' steps were drawn elsewhere; false, and it is not part of the batch, if they do not
    /// fit its size.
    pub fn push_drawn(&mut self, content: Content, views: &[Drawn<'_>]) -> bool {
        let first = self.entries.len();
        for Drawn { plan, steps, place } in views {
            let Some(size) = size_after(content.size(), steps) else {
                self.entries.truncate(first);
                return false;
            };
            let first = self.steps.len();
            self.steps.extend_from_slice(steps);
            self.append_entry(plan, first, size, *place);
        }
        self.append_sample(content, first);
        true
    }

    fn append_sample(&mut self, content: Content, first: usize) {
        self.decodes |= !matches!(content, Content::Pixels(_));
        self.samples.push(Sample { content, entries: first..self.entries.len() });
    }

    fn append_entry(&mut self, plan: &Arc<Plan>, first: usize, size: (u32, u32), place: Place) {
        if !self.plans.last().is_some_and(|last| Arc::ptr_eq(last, plan)) {
            self.plans.push(Arc::clone(plan));
        }
        let entry = Entry { plan: self.plans.len() - 1, steps: first..self.steps.len(), size, place };
        let last = self.entries.iter().rev().find(|last| last.place.output == place.output);
        self.ragged |= last.is_some_and(|last| self.shape_of(last) != self.shape_of(&entry));
        self.entries.push(entry);
    }

    /// Number of images.
    #[must_use]
    pub fn len(&self) -> usize {
        self.samples.len()
    }

    /// Whether there is no image.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.samples.is_empty()
    }

    /// Whether views in one output differ in shape from those before them, so that no tensor holds them all.
    #[must_use]
    pub fn is_ragged(&self) -> bool {
        self.ragged
    }

    /// Whether any image has to be decoded.
    #[must_use]
    pub fn decodes(&self) -> bool {
        self.decodes
    }

    /// Each view's output shape: channels, height, width.
    #[must_use]
    pub fn shapes(&self) -> impl ExactSizeIterator<Item = [usize; 3]> + '_ {
        self.entries.iter().map(|entry| self.shape_of(entry))
    }

    /// Each view's place, shape, and bytes of an element.
    pub(super) fn places(&self) -> impl ExactSizeIterator<Item = (Place, [usize; 3], usize)> + '_ {
        self.entries
            .iter()
            .map(|entry| (entry.place, self.shape_of(entry), self.plans[entry.plan].table().element_bytes()))
    }

    /// Shape and bytes of an element of each view of the first sample; nothing for an empty batch.
    #[must_use]
    pub fn first_views(&self) -> impl ExactSizeIterator<Item = ([usize; 3], usize)> + '_ {
        let count = if self.samples.is_empty() { 0 } else { self.views(0) };
        self.places().take(count).map(|(_, shape, element)| (shape, element))
    }

    fn shape_of(&self, entry: &Entry) -> [usize; 3] {
        let channels = self.plans[entry.plan].table().channels();
        [channels, entry.size.0 as usize, entry.size.1 as usize]
    }

    /// A sample's image; the sample may be none.
    pub(super) fn content(&self, sample: usize) -> Option<&Content> {
        self.samples.get(sample).map(|sample| &sample.content)
    }

    /// Number of a sample's views.
    pub(super) fn views(&self, sample: usize) -> usize {
        self.samples[sample].entries.len()
    }

    /// A view of a sample.
    pub(super) fn view(&self, sample: usize, index: usize) -> (View<'_>, Place) {
        let entry = &self.entries[self.samples[sample].entries.clone()][index];
        (View { plan: &self.plans[entry.plan], steps: &self.steps[entry.steps.clone()] }, entry.place)
    }
}
