//! A batch whose numbers are drawn and whose pixels are not made yet.

use std::ops::Range;
use std::sync::Arc;

use super::Reading;
use super::tools::{Tools, View};
use crate::codec::Header;
use crate::error::Error;
use crate::image::Picture;
use crate::plan::{Plan, Refusal, Step, size_after};
use crate::random::Mt19937;
use crate::source::files::{File, Left};

/// Where a picture's pixels are.
#[derive(Debug)]
pub enum Content {
    /// In memory.
    Pixels(Picture<'static>),
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
    fn size(&self) -> (u32, u32) {
        match self {
            Content::Pixels(picture) => size_of(picture),
            Content::File(file) => file.header().size(),
            Content::Coming { header, .. } => header.size(),
        }
    }

    /// What there is to make a picture of; waits for a file that is being read.
    fn look(&self) -> Seen<'_> {
        match self {
            Content::Pixels(picture) => Seen::Pixels(picture),
            Content::File(file) => Seen::File(file),
            Content::Coming { reading, index, header } => match reading.wait_for(*index) {
                Ok(file) if file.header() == *header => Seen::File(file),
                Ok(_) => Seen::Left(Left::Changed),
                Err(left) => Seen::Left(left),
            },
        }
    }
}

/// A [`Content`] that is there.
enum Seen<'a> {
    Pixels(&'a Picture<'static>),
    File(&'a File),
    Left(Left),
}

fn size_of(picture: &Picture<'_>) -> (u32, u32) {
    (picture.height() as u32, picture.width() as u32)
}

/// Pictures, the steps drawn for each, and the plans that convert them.
#[derive(Debug, Default)]
pub struct Draft {
    plans: Vec<Arc<Plan>>,
    samples: Vec<Sample>,
    steps: Vec<Step>,
    ragged: bool,
    decodes: bool,
}

#[derive(Debug)]
struct Sample {
    content: Content,
    plan: usize,
    steps: Range<usize>,
    size: (u32, u32),
}

impl Draft {
    /// An empty batch with room for `samples` pictures.
    #[must_use]
    pub fn with_capacity(samples: usize) -> Self {
        Self {
            samples: Vec::with_capacity(samples),
            steps: Vec::with_capacity(2 * samples),
            ..Self::default()
        }
    }

    /// Draws the next picture's numbers from `generator`.
    ///
    /// # Errors
    /// [`Refusal`] if torch would raise for this picture, which then is not part of the batch.
    pub fn push(
        &mut self,
        plan: &Arc<Plan>,
        content: Content,
        generator: &mut Mt19937,
    ) -> Result<(), Refusal> {
        let first = self.steps.len();
        let size = plan.draw(content.size(), generator, &mut self.steps)?;
        self.append(plan, content, first, size);
        Ok(())
    }

    /// Adds a picture whose steps were drawn elsewhere; false, and it is not part of the batch, if they do not fit its
    /// size.
    pub fn push_drawn(&mut self, plan: &Arc<Plan>, content: Content, steps: &[Step]) -> bool {
        let Some(size) = size_after(content.size(), steps) else { return false };
        let first = self.steps.len();
        self.steps.extend_from_slice(steps);
        self.append(plan, content, first, size);
        true
    }

    fn append(&mut self, plan: &Arc<Plan>, content: Content, first: usize, size: (u32, u32)) {
        if !self.plans.last().is_some_and(|last| Arc::ptr_eq(last, plan)) {
            self.plans.push(Arc::clone(plan));
        }
        self.decodes |= !matches!(content, Content::Pixels(_));
        let sample = Sample { content, plan: self.plans.len() - 1, steps: first..self.steps.len(), size };
        self.ragged |= self.samples.last().is_some_and(|last| self.shape_of(last) != self.shape_of(&sample));
        self.samples.push(sample);
    }

    /// Number of pictures.
    #[must_use]
    pub fn len(&self) -> usize {
        self.samples.len()
    }

    /// Whether there is no picture.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.samples.is_empty()
    }

    /// Whether the pictures differ in shape, so that no tensor holds them all.
    #[must_use]
    pub fn is_ragged(&self) -> bool {
        self.ragged
    }

    /// Whether any picture has to be decoded.
    #[must_use]
    pub fn decodes(&self) -> bool {
        self.decodes
    }

    /// Each picture's output shape: channels, height, width.
    #[must_use]
    pub fn shapes(&self) -> impl ExactSizeIterator<Item = [usize; 3]> + '_ {
        self.samples.iter().map(|sample| self.shape_of(sample))
    }

    /// Bytes of one output picture; 0 for an empty batch.
    #[must_use]
    pub fn picture_bytes(&self) -> usize {
        self.samples.first().map_or(0, |sample| {
            self.shape_of(sample).iter().product::<usize>() * self.plans[sample.plan].table().element_bytes()
        })
    }

    fn shape_of(&self, sample: &Sample) -> [usize; 3] {
        let channels = self.plans[sample.plan].table().channels();
        [channels, sample.size.0 as usize, sample.size.1 as usize]
    }

    /// Makes a picture, or says why its file is left to Pillow; `out` then holds anything.
    pub(super) fn render(
        &self,
        index: usize,
        tools: &mut Tools,
        out: &mut [u8],
    ) -> Result<Result<(), Left>, Error> {
        // The next picture comes from memory while this one is made.
        if let Some(Sample { content: Content::Pixels(next), .. }) = self.samples.get(index + 1) {
            tools.workspace.look_ahead(next);
        }
        let (content, view) = (&self.samples[index].content, self.view(index));
        let made = match content.look() {
            Seen::Pixels(picture) => tools.view_pixels(picture, view, out.into()).map(Ok),
            Seen::File(file) => tools.view_file(file.bytes(), file.header(), view, out.into()),
            Seen::Left(left) => Ok(Err(left)),
        };
        made.map_err(|source| Error::Render { sample: index, source })
    }

    /// Makes a picture of these pixels instead of its own; false if they are not of the size that it was drawn for.
    pub(super) fn render_instead(
        &self,
        picture: &Picture<'_>,
        index: usize,
        tools: &mut Tools,
        out: &mut [u8],
    ) -> Result<bool, Error> {
        if self.samples[index].content.size() != size_of(picture) {
            return Ok(false);
        }
        let made = tools.view_pixels(picture, self.view(index), out.into());
        made.map(|()| true).map_err(|source| Error::Render { sample: index, source })
    }

    fn view(&self, index: usize) -> View<'_> {
        let sample = &self.samples[index];
        View { plan: &self.plans[sample.plan], steps: &self.steps[sample.steps.clone()] }
    }
}
