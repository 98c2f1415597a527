//! One stage of an image: two index maps, lookups, and the pass after them.

use super::blocks::Blocks;
use super::values::Values;
use crate::image::axis::Axis;
use crate::image::sheet::Sheet;
use crate::image::{ImageView, Region};
use crate::level;
use crate::ops::kinds::{Area, FloatArea, FloatPixels, Size};
use crate::ops::{AreaMemory, AreaStep, FloatAreaStep, FloatPixelsStep, Tables};
use crate::write::{self, RenderError, Scratch, Table};

/// Two index maps, lookups, and the pass after them; the last stage has none.
#[derive(Debug, Default)]
pub(super) struct Stage {
    pub(super) rows: Axis,
    pub(super) columns: Axis,
    /// Constants that margins were filled with so far.
    pub(super) fills: u16,
    pub(super) values: Values,
    /// Whether every pixel is still where the pass before left it.
    pub(super) unmoved: bool,
    pub(super) pass: Option<Pass>,
    pub(super) blocks: Blocks,
    /// The region of the pass's output that is made.
    pub(super) made: Region,
    gathered: Sheet,
    memory: AreaMemory,
}

/// What needs pixels in memory.
#[derive(Debug, Clone)]
pub(super) enum Pass {
    /// The stage's `blocks`.
    Blocks,
    /// A step, of an image of this size.
    Area(AreaStep, Size),
    /// A step, to numbers.
    FloatPixels(FloatPixelsStep),
    /// A step, to numbers, of an image of this size.
    FloatArea(FloatAreaStep, Size),
}

impl Pass {
    /// Whether it is done to numbers.
    pub(super) fn is_of_numbers(&self) -> bool {
        matches!(self, Pass::FloatPixels(_) | Pass::FloatArea(..))
    }
}

impl Stage {
    pub(super) fn reset(&mut self, size: Size) {
        self.rows.reset(size.0);
        self.columns.reset(size.1);
        self.values.clear();
        self.blocks.clear();
        (self.fills, self.unmoved, self.pass) = (0, true, None);
    }

    pub(super) fn size(&self) -> Size {
        (self.rows.len(), self.columns.len())
    }

    /// The region of the pass's source that a region of its output needs.
    pub(super) fn support(&self, made: &Region) -> Region {
        match &self.pass {
            Some(Pass::Area(step, size)) => step.support(*size, made),
            Some(Pass::FloatArea(step, size)) => step.support(*size, made),
            Some(Pass::FloatPixels(step)) if step.looks() && !made.is_empty() => Region::whole(self.size()),
            Some(Pass::Blocks) if self.blocks.measure() && !made.is_empty() => {
                let (height, width) = self.size();
                Region::whole((height, width))
            }
            _ => made.clone(),
        }
    }
}

impl Stage {
    /// The region of the pass's output that is needed, from that of its source; and what is to be looked up in it, if
    /// anything is.
    pub(super) fn run<'s>(
        &'s mut self,
        source: ImageView<'s>,
        inks: &Table,
        scratch: &mut Scratch,
    ) -> Result<(ImageView<'s>, Option<Tables>), RenderError> {
        let Stage { rows, columns, values, pass, blocks, made, gathered, memory, .. } = self;
        let Some(pass) = pass else { return Ok((source, None)) };
        if made.is_empty() {
            // Only margins are seen of it.
            let channels = match pass {
                Pass::Area(step, _) => step.channels(source.channels()),
                Pass::Blocks | Pass::FloatPixels(_) | Pass::FloatArea(..) => source.channels(),
            };
            let shape = [made.rows.len(), made.columns.len(), channels];
            let empty = ImageView::from_strided(&[], 0, shape, [0; 3]).ok_or(RenderError::Axis)?;
            return Ok((empty, None));
        }
        let level = level::in_use();
        // A pass that makes pixels elsewhere may read them where they are.
        let view = match pass {
            Pass::Area(..) if values.is_empty() => rows.only_run().zip(columns.only_run()),
            _ => None,
        };
        let view = view.and_then(|(rows, columns)| source.select(rows, columns));
        let image = if let Some(view) = view.filter(|view| view.rows().is_some()) {
            view
        } else {
            let (height, width) = (rows.len() as usize, columns.len() as usize);
            let bytes = gathered.dense(inks.channels(), height, width).ok_or(RenderError::Memory)?;
            let table = values.before(inks, inks).ok_or(RenderError::Axis)?;
            write::render(&source, rows, columns, table, scratch, bytes)?;
            if let Pass::Blocks = pass {
                // An image that was looked at is whole, any other one is what is wanted.
                let wanted =
                    if blocks.measure() { made.clone() } else { Region::whole((rows.len(), columns.len())) };
                let tables = blocks.run(level, bytes, inks.channels(), width, &wanted)?;
                let image = gathered.image().and_then(|all| all.part(&wanted.rows, &wanted.columns));
                return Ok((image.ok_or(RenderError::Memory)?, tables));
            }
            gathered.image().ok_or(RenderError::Memory)?
        };
        let Pass::Area(step, size) = pass else { return Err(RenderError::Axis) };
        let made = step.make(level, &image, *size, made, memory).ok_or(RenderError::Memory)?;
        Ok((made, None))
    }
}
