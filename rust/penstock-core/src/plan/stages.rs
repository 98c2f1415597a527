//! A picture's steps as stages: index maps, then a resize, then index maps again, until the output.
//!
//! Between two resizes everything is two index maps, as in a pipeline without any. Once the maps of all stages
//! stand, one walk from the output back to the source finds which region of each resize's output is looked at
//! at all, and so which region of its input; nothing else is made. `Resize(256)` before `CenterCrop(224)` makes
//! 224 by 224 pixels, from those rows and columns of the source that lie under them.

use super::op::Step;
use crate::image::axis::Axis;
use crate::image::sheet::Sheet;
use crate::image::{Picture, Region};
use crate::ops::resize::{Resampler, Resize};
use crate::write::{self, Output, RenderError, Scratch, Stores, Table};
use penstock_jpeg::simd::Level;

/// The stages of one picture, in memory that is reused.
#[derive(Debug, Default)]
pub(super) struct Stages {
    stages: Vec<Stage>,
    /// Stages of this picture, at least one.
    count: usize,
}

/// Two index maps and the resize after them; the last stage has none.
#[derive(Debug, Default)]
struct Stage {
    rows: Axis,
    columns: Axis,
    resize: Option<Resize>,
    /// The region of the resize's output that is made.
    made: Region,
    gathered: Sheet,
    resampler: Resampler,
}

impl Stage {
    fn reset(&mut self, size: (u32, u32)) {
        self.rows.reset(size.0);
        self.columns.reset(size.1);
        self.resize = None;
    }
}

impl Stages {
    /// Makes these the stages of `steps` for a source of `size`, and returns the region of it that they look
    /// at.
    pub(super) fn plan(&mut self, size: (u32, u32), steps: &[Step]) -> Region {
        self.count = 0;
        self.begin(size);
        for step in steps {
            let Some(stage) = self.stages.get_mut(self.count - 1) else { break };
            if let Step::Resize { height, width, method } = *step {
                let from = (stage.rows.len(), stage.columns.len());
                stage.resize = Some(Resize::new(from, (height, width), method));
                self.begin((height, width));
            } else {
                step.apply(&mut stage.rows, &mut stage.columns);
            }
        }
        self.narrow()
    }

    fn begin(&mut self, size: (u32, u32)) {
        if self.stages.len() == self.count {
            self.stages.push(Stage::default());
        }
        if let Some(stage) = self.stages.get_mut(self.count) {
            stage.reset(size);
        }
        self.count += 1;
    }

    /// From the last stage to the first, keeps of the maps what is looked at, and counts source indices from
    /// the first that is made.
    fn narrow(&mut self) -> Region {
        let mut needed: Option<Region> = None;
        for stage in self.stages.iter_mut().take(self.count).rev() {
            if let (Some(made), Some(resize)) = (needed.take(), &stage.resize) {
                let support = resize.support(&made);
                stage.made = made;
                stage.rows.crop(support.rows.start, support.rows.len() as u32);
                stage.columns.crop(support.columns.start, support.columns.len() as u32);
            }
            let region = Region { rows: stage.rows.source_range(), columns: stage.columns.source_range() };
            stage.rows.shift_source(region.rows.start);
            stage.columns.shift_source(region.columns.start);
            needed = Some(region);
        }
        needed.unwrap_or_default()
    }

    /// Makes the picture from `source`, which is exactly the region that [`Stages::plan`] returned.
    ///
    /// `inks` converts bytes to themselves, and constant margins to theirs.
    pub(super) fn render(
        &mut self,
        source: &Picture<'_>,
        [inks, table]: [&Table; 2],
        scratch: &mut Scratch,
        out: Output<'_>,
    ) -> Result<(), RenderError> {
        let stages = self.stages.get_mut(..self.count).unwrap_or(&mut []);
        let Some((last, resizes)) = stages.split_last_mut() else { return Err(RenderError::Axis) };
        let mut picture = *source;
        // What is read again at once stays in the caches.
        let stores = scratch.set_stores(Stores::Cached);
        for stage in resizes {
            picture = stage.run(picture, inks, scratch)?;
        }
        scratch.set_stores(stores);
        write::render_to(&picture, &last.rows, &last.columns, table, scratch, out)
    }
}

impl Stage {
    /// The region of the resized picture that is needed, from that of its source.
    fn run<'s>(
        &'s mut self,
        source: Picture<'s>,
        inks: &Table,
        scratch: &mut Scratch,
    ) -> Result<Picture<'s>, RenderError> {
        let Stage { rows, columns, resize, made, gathered, resampler } = self;
        let Some(resize) = resize else { return Ok(source) };
        if made.is_empty() {
            // Only margins are seen of it.
            let shape = [made.rows.len(), made.columns.len(), source.channels()];
            return Picture::from_strided(&[], 0, shape, [0; 3]).ok_or(RenderError::Axis);
        }
        let level = Level::detect();
        let view =
            rows.only_run().zip(columns.only_run()).and_then(|(rows, columns)| source.select(rows, columns));
        let picture = if let Some(view) = view.filter(|view| view.rows().is_some()) {
            view
        } else {
            let (height, width) = (rows.len() as usize, columns.len() as usize);
            let bytes = gathered.dense(inks.channels(), height, width).ok_or(RenderError::Memory)?;
            write::render(&source, rows, columns, inks, scratch, bytes)?;
            gathered.picture().ok_or(RenderError::Memory)?
        };
        resampler.resample(level, &picture, resize, made).ok_or(RenderError::Memory)
    }
}
