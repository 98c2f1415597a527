//! A picture's steps as stages: index maps and lookups, then a pass of its own, and so on until the output.
//!
//! Between two passes everything is two index maps and one table of bytes, as in a pipeline without any. Once the maps
//! of all stages stand, one walk from the output back to the source finds which region of each pass's output is looked
//! at at all, and so which region of its input; nothing else is made. `Resize(256)` before `CenterCrop(224)` makes 224 by
//! 224 pixels, from those rows and columns of the source that lie under them.

use penstock_jpeg::simd::Level;

use super::values::Values;
use crate::image::axis::Axis;
use crate::image::sheet::Sheet;
use crate::image::{Picture, Region};
use crate::ops::kinds::{Area, BLOCK_PIXELS, Block, Elements, Map, Pixels, Size};
use crate::ops::{AreaMemory, AreaStep, ElementsStep, PixelsStep, Step};
use crate::write::{self, Output, RenderError, Scratch, Stores, Table};

/// The stages of one picture, in memory that is reused.
#[derive(Debug, Default)]
pub(super) struct Stages {
    list: Vec<Stage>,
    /// Stages of this picture, at least one.
    count: usize,
    /// What is done to the output.
    elements: Vec<ElementsStep>,
}

/// Two index maps, lookups, and the pass after them; the last stage has none.
#[derive(Debug, Default)]
struct Stage {
    rows: Axis,
    columns: Axis,
    /// Constants that margins were filled with so far.
    fills: u16,
    values: Values,
    /// Whether nothing was added since the pass before.
    fresh: bool,
    pass: Option<Pass>,
    pixels: Vec<PixelsStep>,
    /// The region of the pass's output that is made.
    made: Region,
    gathered: Sheet,
    memory: AreaMemory,
}

/// What needs pixels in memory.
#[derive(Debug, Clone, Copy)]
enum Pass {
    /// The stage's `pixels`, one after the other.
    Pixels,
    /// A step, of a picture of this size.
    Area(AreaStep, Size),
}

impl Pass {
    fn support(&self, made: &Region) -> Region {
        match self {
            Pass::Pixels => made.clone(),
            Pass::Area(step, size) => step.support(*size, made),
        }
    }
}

impl Stage {
    fn reset(&mut self, size: Size) {
        self.rows.reset(size.0);
        self.columns.reset(size.1);
        self.values.clear();
        self.pixels.clear();
        (self.fills, self.fresh, self.pass) = (0, true, None);
    }

    fn size(&self) -> Size {
        (self.rows.len(), self.columns.len())
    }
}

impl Stages {
    /// Makes these the stages of `steps` for a source of `size`, and returns the region of it that they look
    /// at.
    pub(super) fn plan(&mut self, size: Size, steps: &[Step]) -> Region {
        self.count = 0;
        self.elements.clear();
        self.begin(size);
        for step in steps {
            self.add(step);
        }
        self.narrow()
    }

    fn begin(&mut self, size: Size) {
        if self.list.len() == self.count {
            self.list.push(Stage::default());
        }
        if let Some(stage) = self.list.get_mut(self.count) {
            stage.reset(size);
        }
        self.count += 1;
    }

    fn add(&mut self, step: &Step) {
        let Some((stage, before)) = self.list.get_mut(..self.count).and_then(<[_]>::split_last_mut) else {
            return;
        };
        match step {
            Step::Map(step) => {
                step.edit(&mut stage.rows, &mut stage.columns);
                if let Some(fill) = step.fill() {
                    stage.fills = stage.fills.max(fill.saturating_add(1));
                }
            }
            Step::Lut(step) => stage.values.push(*step, stage.fills),
            Step::Pixels(step) => {
                if let Some(Stage { pass: Some(Pass::Pixels), pixels, .. }) =
                    before.last_mut().filter(|_| stage.fresh)
                {
                    pixels.push(*step);
                    return;
                }
                stage.pixels.push(*step);
                stage.pass = Some(Pass::Pixels);
                let size = stage.size();
                return self.begin(size);
            }
            Step::Area(step) => {
                let from = stage.size();
                stage.pass = Some(Pass::Area(*step, from));
                // A size that cannot be made was refused when the steps were drawn or read.
                return self.begin(step.size(from).unwrap_or_default());
            }
            Step::Elements(step) => self.elements.push(*step),
        }
        stage.fresh = false;
    }

    /// Passes besides the last one.
    #[cfg(test)]
    pub(super) fn passes(&self) -> usize {
        self.count - 1
    }

    /// From the last stage to the first, keeps of the maps what is looked at, and counts source indices from
    /// the first that is made.
    fn narrow(&mut self) -> Region {
        let mut needed: Option<Region> = None;
        for stage in self.list.iter_mut().take(self.count).rev() {
            if let (Some(made), Some(pass)) = (needed.take(), &stage.pass) {
                let support = pass.support(&made);
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
        mut out: Output<'_>,
    ) -> Result<(), RenderError> {
        let stages = self.list.get_mut(..self.count).unwrap_or(&mut []);
        let Some((last, passes)) = stages.split_last_mut() else { return Err(RenderError::Axis) };
        let mut picture = *source;
        // What is read again at once stays in the caches.
        let stores = scratch.set_stores(Stores::Cached);
        for stage in passes {
            picture = stage.run(picture, inks, scratch)?;
        }
        scratch.set_stores(stores);
        let size = last.size();
        let composed = last.values.before(table, inks).ok_or(RenderError::Axis)?;
        write::render_to(&picture, &last.rows, &last.columns, composed, scratch, out.reborrow())?;
        for step in &self.elements {
            let place = step.place(size).ok_or(RenderError::Axis)?;
            write::overwrite(table, size, &place, step.fill(), out.reborrow())?;
        }
        Ok(())
    }
}

impl Stage {
    /// The region of the pass's output that is needed, from that of its source.
    fn run<'s>(
        &'s mut self,
        source: Picture<'s>,
        inks: &Table,
        scratch: &mut Scratch,
    ) -> Result<Picture<'s>, RenderError> {
        let Stage { rows, columns, values, pass, pixels, made, gathered, memory, .. } = self;
        let Some(pass) = pass else { return Ok(source) };
        if made.is_empty() {
            // Only margins are seen of it.
            let shape = [made.rows.len(), made.columns.len(), source.channels()];
            return Picture::from_strided(&[], 0, shape, [0; 3]).ok_or(RenderError::Axis);
        }
        let level = Level::detect();
        // A pass that makes pixels elsewhere may read them where they are.
        let view = match pass {
            Pass::Area(..) if values.is_empty() => rows.only_run().zip(columns.only_run()),
            _ => None,
        };
        let view = view.and_then(|(rows, columns)| source.select(rows, columns));
        let picture = if let Some(view) = view.filter(|view| view.rows().is_some()) {
            view
        } else {
            let (height, width) = (rows.len() as usize, columns.len() as usize);
            let bytes = gathered.dense(inks.channels(), height, width).ok_or(RenderError::Memory)?;
            let table = values.before(inks, inks).ok_or(RenderError::Axis)?;
            write::render(&source, rows, columns, table, scratch, bytes)?;
            if let Pass::Pixels = pass {
                change(level, pixels, inks.channels(), bytes)?;
            }
            gathered.picture().ok_or(RenderError::Memory)?
        };
        match pass {
            Pass::Pixels => Ok(picture),
            Pass::Area(step, size) => {
                step.make(level, &picture, *size, made, memory).ok_or(RenderError::Memory)
            }
        }
    }
}

/// Changes all pixels of three planes, a block at a time, which goes through all steps at once.
fn change(level: Level, steps: &[PixelsStep], channels: usize, planes: &mut [u8]) -> Result<(), RenderError> {
    let plane = planes.len() / channels.max(1);
    let mut parts = planes.chunks_exact_mut(plane.max(1));
    let (Some(red), Some(green), Some(blue), None) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(RenderError::Channels { picture: channels, table: 3 });
    };
    let chunks = red.chunks_mut(BLOCK_PIXELS).zip(green.chunks_mut(BLOCK_PIXELS));
    for ((red, green), blue) in chunks.zip(blue.chunks_mut(BLOCK_PIXELS)) {
        let mut parts = [red, green, blue];
        let mut block: Block = [[0; BLOCK_PIXELS]; 3];
        for (values, part) in block.iter_mut().zip(&parts) {
            values.iter_mut().zip(part.iter()).for_each(|(value, byte)| *value = *byte);
        }
        for step in steps {
            step.change(level, &mut block);
        }
        for (values, part) in block.iter().zip(&mut parts) {
            part.iter_mut().zip(values).for_each(|(byte, value)| *byte = *value);
        }
    }
    Ok(())
}
