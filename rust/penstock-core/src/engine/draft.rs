//! A batch whose numbers are drawn and whose pixels are not made yet.

use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use super::{Reading, Tools};
use crate::codec::Header;
use crate::error::Error;
use crate::image::Picture;
use crate::plan::{Plan, Refusal, Step, Workspace, size_after};
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
        let Tools { workspace, decoder, tally } = tools;
        // The next picture comes from memory while this one is made.
        if let Some(Sample { content: Content::Pixels(next), .. }) = self.samples.get(index + 1) {
            workspace.look_ahead(next);
        }
        let sample = &self.samples[index];
        let file = match sample.content.look() {
            Seen::Pixels(picture) => return self.render_from(picture, index, workspace, out).map(Ok),
            Seen::File(file) => file,
            Seen::Left(left) => return Ok(Err(left)),
        };
        let (header, size, steps) = (file.header(), sample.content.size(), &self.steps[sample.steps.clone()]);
        let looked_at = workspace.source_region(size, steps);
        // If only margins are seen of it, damage must be found all the same.
        let only_margins = looked_at.is_empty();
        let region = if only_margins { header.whole() } else { looked_at.into() };
        let start = Instant::now();
        let decoded = decoder.decode(file.bytes(), header, region);
        tally.decoding += start.elapsed();
        let decoded = match decoded {
            Ok(decoded) => decoded,
            Err(irregular) => return Ok(Err(Left::Irregular(irregular))),
        };
        tally.decoded += 1;
        tally.known += usize::from(decoded.known);
        let plan = &self.plans[sample.plan];
        let gray = decoded.picture.gray().filter(|_| plan.table().channels() == 1);
        let picture = gray.unwrap_or(decoded.picture);
        if only_margins {
            return self.render_from(&picture, index, workspace, out).map(Ok);
        }
        let rendered = plan.render_part(&picture, size, steps, workspace, out);
        rendered.map(Ok).map_err(|source| Error::Render { sample: index, source })
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
        self.render_from(picture, index, &mut tools.workspace, out).map(|()| true)
    }

    fn render_from(
        &self,
        picture: &Picture<'_>,
        index: usize,
        workspace: &mut Workspace,
        out: &mut [u8],
    ) -> Result<(), Error> {
        let sample = &self.samples[index];
        let steps = &self.steps[sample.steps.clone()];
        let rendered = self.plans[sample.plan].render(picture, steps, workspace, out);
        rendered.map_err(|source| Error::Render { sample: index, source })
    }
}
