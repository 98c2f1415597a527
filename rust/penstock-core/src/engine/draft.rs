//! A batch whose numbers are drawn and whose pixels are not made yet.

use std::ops::Range;
use std::sync::Arc;

use crate::error::Error;
use crate::plan::{Plan, Refusal, Step, Workspace};
use crate::random::Mt19937;
use crate::source::array::Picture;

/// Pictures, the steps drawn for each, and the plans that convert them.
#[derive(Debug, Default)]
pub struct Draft {
    plans: Vec<Arc<Plan>>,
    samples: Vec<Sample>,
    steps: Vec<Step>,
    ragged: bool,
}

#[derive(Debug)]
struct Sample {
    picture: Picture<'static>,
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
        picture: Picture<'static>,
        generator: &mut Mt19937,
    ) -> Result<(), Refusal> {
        let first = self.steps.len();
        let source = (picture.height() as u32, picture.width() as u32);
        let size = plan.draw(source, generator, &mut self.steps)?;
        if !self.plans.last().is_some_and(|last| Arc::ptr_eq(last, plan)) {
            self.plans.push(Arc::clone(plan));
        }
        let sample = Sample { picture, plan: self.plans.len() - 1, steps: first..self.steps.len(), size };
        self.ragged |= self.samples.last().is_some_and(|last| self.shape_of(last) != self.shape_of(&sample));
        self.samples.push(sample);
        Ok(())
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

    pub(super) fn render(
        &self,
        index: usize,
        workspace: &mut Workspace,
        out: &mut [u8],
    ) -> Result<(), Error> {
        let sample = &self.samples[index];
        // The next picture comes from memory while this one is made.
        if let Some(next) = self.samples.get(index + 1) {
            next.picture.prefetch();
        }
        let steps = &self.steps[sample.steps.clone()];
        let rendered = self.plans[sample.plan].render(&sample.picture, steps, workspace, out);
        rendered.map_err(|source| Error::Render { sample: index, source })
    }
}
