//! The lowered pipeline: what to draw for an image, and what that comes to.
//!
//! A [`Plan`] holds the pipeline's operations with their parameters as they stand in the user's transforms.
//! [`Plan::draw`] takes an image's size and generators and appends concrete [`Step`]s, numbers drawn
//! already; [`Plan::render`] needs only those steps. Drawing is sequential and cheap, rendering is neither:
//! keeping the two apart is what lets any thread make any image.
//!
//! Where steps only say where pixels come from, an image is one reading through two index maps. Other steps make it a
//! few such readings with passes between them, none of which makes more than the next one looks at: see `stages`.
//! As [`wire`] has it, steps are sent to other processes.

mod blocks;
mod layouts;
mod numbers;
mod stage;
mod stages;
mod values;
pub mod wire;

pub use crate::ops::{Op, Step, size_after};

use crate::image::axis::Axis;
use crate::image::{ImageView, Region};
use crate::ops::kinds::{Area, Draw, Map};
use crate::random::Streams;
use crate::write::{self, Output, RenderError, Scratch, Stores, Table, TableError};
use stages::Stages;

/// A pipeline that was read from the user's transforms.
#[derive(Debug)]
pub struct Plan {
    ops: Vec<Op>,
    table: Table,
    /// Bytes as they are, and what constant margins are before they are converted.
    inks: Table,
    /// The same for the steps before the one that keeps one of three channels.
    colours: Table,
    /// The first operation that is given a tensor, of which some roundings depend on how it lies in memory.
    tensors_from: Option<usize>,
}

/// Channels of an image of which one is kept.
const COLOURS: usize = 3;

/// Why an image cannot pass through a plan: the operation at which torch raises, and the size it meets.
///
/// torch has drawn nothing for this operation when it raises, so the generator already stands where torch's
/// would.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    /// Index of the operation in the plan.
    pub op: usize,
    /// Height of the image that the operation was given.
    pub height: u32,
    /// Width of the image that the operation was given.
    pub width: u32,
}

/// Buffers that one thread reuses from image to image.
#[derive(Debug, Default)]
pub struct Workspace {
    rows: Axis,
    columns: Axis,
    scratch: Scratch,
    stages: Stages,
}

impl Workspace {
    /// Chooses how output is stored from now on.
    pub fn set_stores(&mut self, stores: Stores) {
        self.scratch.set_stores(stores);
    }

    /// Has the memory of an image that is wanted soon fetched while the next one is made.
    pub fn look_ahead(&mut self, image: &ImageView<'_>) {
        self.scratch.look_ahead(image);
    }

    /// The region of a source of `size` that `steps` look at: all that has to be there of it, and all that a
    /// codec has to decode. See [`Plan::render_part`].
    pub fn source_region(&mut self, size: (u32, u32), steps: &[Step]) -> Region {
        self.stages.plan(size, steps)
    }
}

impl Plan {
    /// A plan of `ops` in order, whose values are converted by `table`.
    ///
    /// `inks` is there if values may change before they are converted, by these operations or by steps that were drawn
    /// elsewhere. It holds, for each channel of the table, the byte of each constant margin as it is before any
    /// conversion, of as many margins as come before the last such change, in the order of the table's fills. A margin's
    /// colour is resampled like the pixels beside it, so the table's converted one does not serve.
    ///
    /// # Errors
    /// [`TableError`] if `inks` is not the same number of bytes for each channel.
    pub fn new(ops: Vec<Op>, table: Table, inks: Option<&[u8]>) -> Result<Self, TableError> {
        let inks = unconverted(table.channels(), inks.unwrap_or_default())?;
        Ok(Self { ops, table, inks, colours: unconverted(COLOURS, &[])?, tensors_from: None })
    }

    /// The same plan, for images of three channels of which one is kept: `inks` are, for each of the three, the bytes of the
    /// constant margins that come before that.
    ///
    /// # Errors
    /// As [`Plan::new`].
    pub fn with_colours(self, inks: &[u8]) -> Result<Self, TableError> {
        Ok(Self { colours: unconverted(COLOURS, inks)?, ..self })
    }

    /// The same plan, whose operations are given tensors from one on.
    #[must_use]
    pub fn with_tensors_from(self, op: Option<usize>) -> Self {
        Self { tensors_from: op, ..self }
    }

    /// Number of its operations.
    #[must_use]
    pub fn operations(&self) -> usize {
        self.ops.len()
    }

    /// The conversion from source bytes to output elements.
    #[must_use]
    pub fn table(&self) -> &Table {
        &self.table
    }

    /// Channels of the images to which `steps` are done.
    #[must_use]
    pub fn channels_before(&self, steps: &[Step]) -> usize {
        let keeps_one = |step: &Step| matches!(step, Step::Area(step) if step.channels(COLOURS) < COLOURS);
        if steps.iter().any(keeps_one) { COLOURS } else { self.table.channels() }
    }

    /// Draws one image's parameters and appends the steps that they mean.
    ///
    /// `size` is the source's (height, width); the result is the output's.
    ///
    /// # Errors
    /// [`Refusal`] if torch would raise for this size; what torch had drawn until then is drawn.
    pub fn draw(
        &self,
        size: (u32, u32),
        streams: &mut Streams,
        steps: &mut Vec<Step>,
    ) -> Result<(u32, u32), Refusal> {
        let (mut size, mut tensor) = (size, None);
        for (index, op) in self.ops.iter().enumerate() {
            if self.tensors_from == Some(index) {
                tensor = Some((size, steps.len()));
            }
            size =
                op.draw(size, streams, steps).ok_or(Refusal { op: index, height: size.0, width: size.1 })?;
        }
        if let Some((size, first)) = tensor {
            layouts::follow(size, steps.get_mut(first..).unwrap_or_default());
        }
        Ok(size)
    }

    /// Makes one image: `steps` as [`Plan::draw`] gave them, `out` of exactly the output's size.
    ///
    /// # Errors
    /// [`RenderError`] if the steps were not drawn for this image or `out` has another size.
    pub fn render<'o>(
        &self,
        image: &ImageView<'_>,
        steps: &[Step],
        workspace: &mut Workspace,
        out: impl Into<Output<'o>>,
    ) -> Result<(), RenderError> {
        let Workspace { rows, columns, scratch, .. } = workspace;
        rows.reset(image.height() as u32);
        columns.reset(image.width() as u32);
        for step in steps {
            let Step::Map(step) = step else {
                return self.render_staged(image, steps, workspace, out.into());
            };
            step.edit(rows, columns);
        }
        write::render_to(image, rows, columns, &self.table, scratch, out.into())
    }

    /// As [`Plan::render`], whatever the steps.
    fn render_staged(
        &self,
        image: &ImageView<'_>,
        steps: &[Step],
        workspace: &mut Workspace,
        out: Output<'_>,
    ) -> Result<(), RenderError> {
        let size = (image.height() as u32, image.width() as u32);
        let region = workspace.source_region(size, steps);
        let part = image.part(&region.rows, &region.columns).ok_or(RenderError::Axis)?;
        self.render_planned(&part, workspace, out)
    }

    /// As [`Plan::render`], from no more of the image than the steps look at: `part` is the region that
    /// [`Workspace::source_region`] gives for a source of `size`.
    ///
    /// # Errors
    /// [`RenderError`] if `part` is not of that region's size, and as [`Plan::render`].
    pub fn render_part<'o>(
        &self,
        part: &ImageView<'_>,
        size: (u32, u32),
        steps: &[Step],
        workspace: &mut Workspace,
        out: impl Into<Output<'o>>,
    ) -> Result<(), RenderError> {
        let region = workspace.source_region(size, steps);
        if (part.height(), part.width()) != (region.rows.len(), region.columns.len()) {
            return Err(RenderError::Axis);
        }
        self.render_planned(part, workspace, out.into())
    }

    fn render_planned(
        &self,
        part: &ImageView<'_>,
        workspace: &mut Workspace,
        out: Output<'_>,
    ) -> Result<(), RenderError> {
        workspace.stages.render(part, [&self.inks, &self.colours, &self.table], &mut workspace.scratch, out)
    }
}

/// The table that leaves bytes as they are, and makes margins of `inks`.
fn unconverted(channels: usize, inks: &[u8]) -> Result<Table, TableError> {
    let count = inks.len() / channels;
    if count * channels != inks.len() {
        return Err(TableError::Length(inks.len()));
    }
    let of_channel = |channel| inks.iter().copied().skip(channel * count).take(count);
    let entries = (0..channels).flat_map(|channel| (0..=255).chain(of_channel(channel)));
    Table::new(1, channels, &entries.collect::<Vec<_>>(), None)
}

#[cfg(test)]
mod tests;
