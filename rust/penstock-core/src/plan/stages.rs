//! An image's steps as stages: index maps and lookups, then a pass of its own, and so on until the output.
//!
//! Between two passes everything is two index maps and one table of bytes, as in a pipeline without any. Once the maps
//! of all stages stand, one walk from the output back to the source finds which region of each pass's output is looked
//! at at all, and so which region of its input; nothing else is made. `Resize(256)` before `CenterCrop(224)` makes 224 by
//! 224 pixels, from those rows and columns of the source that lie under them. A step that looks at its whole image has
//! the passes before it make that; the table it comes to is looked up by what reads the pixels next.

use super::blocks::Change;
use super::numbers::Numbers;
use super::stage::{Pass, Stage};
use crate::image::{ImageView, Region};
use crate::ops::kinds::{Area, Elements, FloatArea, Ink, Map, Size};
use crate::ops::{ElementsStep, Step};
use crate::write::{self, Output, RenderError, Scratch, Stores, Table};

/// The stages of one image, in memory that is reused.
#[derive(Debug, Default)]
pub(super) struct Stages {
    list: Vec<Stage>,
    /// Stages of this image, at least one.
    count: usize,
    /// What is done to the output.
    elements: Vec<ElementsStep>,
    numbers: Numbers,
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
        let Some(stage) = self.list.get_mut(..self.count).and_then(<[_]>::last_mut) else { return };
        match step {
            Step::Map(step) => {
                stage.unmoved = false;
                step.edit(&mut stage.rows, &mut stage.columns);
                if let Some(fill) = step.fill() {
                    stage.fills = stage.fills.max(fill.saturating_add(1));
                }
            }
            Step::Lut(step) => stage.values.push(step.clone(), stage.fills),
            Step::Pixels(step) => self.add_change(Change::Pixels(*step)),
            Step::Measured(step) => self.add_change(Change::Measured(*step)),
            Step::Area(step) => {
                let from = stage.size();
                stage.pass = Some(Pass::Area(step.clone(), from));
                // A size that cannot be made was refused when the steps were drawn or read.
                self.begin(step.size(from).unwrap_or_default());
            }
            Step::FloatPixels(step) => {
                stage.pass = Some(Pass::FloatPixels(*step));
                let size = stage.size();
                self.begin(size);
            }
            Step::FloatArea(step) => {
                let from = stage.size();
                stage.pass = Some(Pass::FloatArea(step.clone(), from));
                self.begin(step.size(from).unwrap_or_default());
            }
            Step::Elements(step) => self.elements.push(step.clone()),
        }
    }

    /// Adds a step that needs pixels in memory, to the pass before if that has them there as this step wants them.
    fn add_change(&mut self, change: Change) {
        let Some((stage, before)) = self.list.get_mut(..self.count).and_then(<[_]>::split_last_mut) else {
            return;
        };
        if let Some(Stage { pass: Some(Pass::Blocks), blocks, .. }) =
            before.last_mut().filter(|_| stage.unmoved)
        {
            stage.values.drain().for_each(|step| blocks.push(Change::Lut(step)));
            blocks.push(change);
            return;
        }
        stage.blocks.push(change);
        stage.pass = Some(Pass::Blocks);
        let size = stage.size();
        self.begin(size);
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
            if let Some(made) = needed.take() {
                let support = stage.support(&made);
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

    /// Makes the image from `source`, which is exactly the region that [`Stages::plan`] returned.
    ///
    /// `inks` converts bytes to themselves, and constant margins to theirs; `colours` does so where there are more channels
    /// than the table has.
    pub(super) fn render(
        &mut self,
        source: &ImageView<'_>,
        [inks, colours, table]: [&Table; 3],
        scratch: &mut Scratch,
        mut out: Output<'_>,
    ) -> Result<(), RenderError> {
        let stages = self.list.get_mut(..self.count).unwrap_or(&mut []);
        let of_numbers = |stage: &Stage| stage.pass.as_ref().is_some_and(Pass::is_of_numbers);
        let first = stages.iter().position(of_numbers).unwrap_or(stages.len().saturating_sub(1));
        let Some((passes, rest)) = stages.split_at_mut_checked(first) else { return Err(RenderError::Axis) };
        let Some((converting, later)) = rest.split_first_mut() else { return Err(RenderError::Axis) };
        let mut image = *source;
        // What is read again at once stays in the caches.
        let stores = scratch.set_stores(Stores::Cached);
        let mut measured = None;
        for stage in passes {
            stage.values.begin(measured.as_ref());
            let inks =
                if image.channels() == colours.channels() && inks.channels() == 1 { colours } else { inks };
            (image, measured) = stage.run(image, inks, scratch)?;
            if image.channels() == 1 {
                image = image.with_channels(table.channels());
            }
        }
        converting.values.begin(measured.as_ref());
        let composed = converting.values.before(table, inks).ok_or(RenderError::Axis)?;
        let maps = (&converting.rows, &converting.columns);
        if later.is_empty() {
            scratch.set_stores(stores);
            write::render_to(&image, maps.0, maps.1, composed, scratch, out.reborrow())?;
        } else {
            let made = self.numbers.convert(&image, maps, composed, scratch);
            scratch.set_stores(stores);
            made?;
            self.numbers.render(rest, table, out.reborrow())?;
        }
        let size = rest.last().map(Stage::size).ok_or(RenderError::Axis)?;
        for step in &self.elements {
            let place = step.place(size).ok_or(RenderError::Axis)?;
            let constant: Vec<u8>;
            let (stay, elements) = match step.ink() {
                Ink::Elements(elements) => (None, elements),
                Ink::Bits(stay, set) => (Some(stay), set),
                Ink::Constant(fill) => {
                    constant = table.constant(fill).ok_or(RenderError::Axis)?;
                    (None, constant.as_slice())
                }
            };
            write::overwrite(table, size, &place, stay, elements, out.reborrow())?;
        }
        Ok(())
    }
}
