//! The stages of an image from where its values are converted, if steps come behind that: their pixels are numbers in
//! single precision.

use super::stage::{Pass, Stage};
use crate::image::axis::Axis;
use crate::image::{ImageView, Planes, Region};
use crate::level;
use crate::ops::FloatMemory;
use crate::ops::kinds::{FloatArea, FloatPixels};
use crate::write::{self, Output, RenderError, Scratch, Table};

/// Memory for images of numbers.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    /// What there is.
    made: Planes,
    /// What is made of it.
    next: Planes,
    memory: FloatMemory,
}

impl Numbers {
    /// Makes numbers of an image, by two index maps and a table.
    pub(super) fn convert(
        &mut self,
        image: &ImageView<'_>,
        (rows, columns): (&Axis, &Axis),
        table: &Table,
        scratch: &mut Scratch,
    ) -> Result<(), RenderError> {
        if table.element_bytes() != size_of::<f32>() {
            return Err(RenderError::Layout);
        }
        if !self.made.shape(table.channels(), rows.len() as usize, columns.len() as usize) {
            return Err(RenderError::Memory);
        }
        write::render(image, rows, columns, table, scratch, self.made.bytes_mut())
    }

    /// Makes the passes of stages, of which the first one's index maps were followed, and writes the output.
    pub(super) fn render(
        &mut self,
        stages: &[Stage],
        table: &Table,
        out: Output<'_>,
    ) -> Result<(), RenderError> {
        let Some((last, passes)) = stages.split_last() else { return Err(RenderError::Axis) };
        let level = level::in_use();
        for (place, stage) in passes.iter().enumerate() {
            if place > 0 {
                self.follow(stage, table)?;
            }
            let wanted = &stage.made;
            match &stage.pass {
                Some(Pass::FloatPixels(step)) => {
                    step.change(level, &mut self.made);
                    // Of an image that was looked at all pixels are there.
                    if (self.made.rows(), self.made.columns()) != (wanted.rows.len(), wanted.columns.len()) {
                        self.keep(wanted)?;
                    }
                }
                Some(Pass::FloatArea(step, size)) => {
                    if wanted.is_empty() {
                        // Only margins are seen of it.
                        self.next.shape(self.made.channels(), wanted.rows.len(), wanted.columns.len());
                    } else {
                        let Self { made, next, memory } = self;
                        step.make(level, made, *size, wanted, memory, next).ok_or(RenderError::Memory)?;
                    }
                    std::mem::swap(&mut self.made, &mut self.next);
                }
                _ => return Err(RenderError::Axis),
            }
        }
        write::write_numbers(&self.made, &last.rows, &last.columns, table, out)
    }

    /// Does what a stage's index maps do.
    fn follow(&mut self, stage: &Stage, table: &Table) -> Result<(), RenderError> {
        let (height, width) = (self.made.rows() as u32, self.made.columns() as u32);
        if stage.unmoved && (stage.rows.len(), stage.columns.len()) == (height, width) {
            return Ok(());
        }
        write::take_numbers(&self.made, &stage.rows, &stage.columns, table, &mut self.next)?;
        std::mem::swap(&mut self.made, &mut self.next);
        Ok(())
    }

    /// Keeps a rectangle.
    fn keep(&mut self, wanted: &Region) -> Result<(), RenderError> {
        if !self.next.copy_part(&self.made, &wanted.rows, &wanted.columns) {
            return Err(RenderError::Memory);
        }
        std::mem::swap(&mut self.made, &mut self.next);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ops::color::NormalizeFloats;
    use crate::ops::kinds::Map;
    use crate::ops::resize::{Filter, ResampleFloats};
    use crate::ops::{Crop, FlipHorizontal, FlipVertical, Margins, PadMode, Step, size_after};
    use crate::plan::{Plan, Workspace};

    /// Of one channel, with margins behind the bytes. Later ones have larger numbers.
    fn table() -> Table {
        let numbers = (0..256).map(|byte| byte as f32 / 255.0).chain([0.25, -3.0, 0.1, 7.0, 0.0, 1.5, 2.0]);
        Table::new(4, 1, &numbers.flat_map(f32::to_ne_bytes).collect::<Vec<_>>(), None).unwrap()
    }

    /// A step that fits an image of `size`.
    fn concrete((kind, first, second): (u8, u32, u32), fill: u16, (height, width): (u32, u32)) -> Step {
        let filter = [Filter::Bilinear, Filter::Bicubic, Filter::Corner][first as usize % 3];
        match kind % 6 {
            0 => ResampleFloats { height: 1 + first % 40, width: 1 + second % 40, filter }.into(),
            1 => NormalizeFloats { mean: [first as f32 / 99.0; 3], deviation: [0.3; 3] }.into(),
            2 => {
                let (top, left) = (first % height, second % width);
                Crop { top, left, height: height - top, width: 1 + (width - left) / 2 }.into()
            }
            3 => FlipHorizontal.into(),
            4 => FlipVertical.into(),
            _ => {
                let mode = [PadMode::Constant(fill), PadMode::Edge][second as usize % 2];
                Margins { margins: [first % 3, second % 4, 1, 2], mode }.into()
            }
        }
    }

    /// A step of all pixels there are.
    fn after(step: &Step, mut planes: Planes) -> Planes {
        let (size, mut made) = ((planes.rows() as u32, planes.columns() as u32), Planes::default());
        match step {
            Step::Map(step) => {
                let (mut rows, mut columns) = (Axis::identity(size.0), Axis::identity(size.1));
                step.edit(&mut rows, &mut columns);
                write::take_numbers(&planes, &rows, &columns, &table(), &mut made).unwrap();
                made
            }
            Step::FloatPixels(step) => {
                step.change(level::in_use(), &mut planes);
                planes
            }
            Step::FloatArea(step) => {
                let whole = Region::whole(step.size(size).unwrap());
                let (support, mut part) = (step.support(size, &whole), Planes::default());
                assert!(part.copy_part(&planes, &support.rows, &support.columns));
                let memory = &mut FloatMemory::default();
                step.make(level::in_use(), &part, size, &whole, memory, &mut made).unwrap();
                made
            }
            _ => unreachable!(),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]
        #[test]
        fn stages_give_what_whole_images_give(
            size in (1u32..40, 1u32..40),
            sketch in prop::collection::vec((any::<u8>(), 0u32..1000, 0u32..1000), 0..7),
        ) {
            let bytes: Vec<u8> = (0..size.0 * size.1).map(|i| (i * 89 / 8) as u8).collect();
            let (height, width) = (size.0 as usize, size.1 as usize);
            let image = ImageView::from_slice(&bytes, height, width, 1).unwrap();
            let mut expected = Planes::default();
            prop_assert!(expected.shape(1, height, width));
            for (number, byte) in expected.numbers_mut().iter_mut().zip(&bytes) {
                *number = (f32::from(*byte) / 255.0).to_ne_bytes();
            }
            let (mut steps, mut now) = (Vec::new(), size);
            for (fill, sketched) in (0..).zip(sketch) {
                let step = concrete(sketched, fill, now);
                now = size_after(now, std::slice::from_ref(&step)).unwrap();
                expected = after(&step, expected);
                steps.push(step);
            }
            prop_assert_eq!(size_after(size, &steps), Some(now));
            let plan = Plan::new(Vec::new(), table(), None).unwrap();
            let mut out = vec![0; expected.bytes_mut().len()];
            plan.render(&image, &steps, &mut Workspace::default(), out.as_mut_slice()).unwrap();
            prop_assert_eq!(&out, expected.bytes_mut());
        }
    }

    #[test]
    fn nothing_but_numbers_can_be_changed_behind_numbers() {
        let normalize: Step = NormalizeFloats { mean: [0.0; 3], deviation: [1.0; 3] }.into();
        let invert: Step = crate::ops::color::Invert.into();
        assert_eq!(size_after((3, 4), &[invert.clone(), normalize.clone()]), Some((3, 4)));
        assert_eq!(size_after((3, 4), &[normalize.clone(), invert]), None);
        let bytes = Table::new(1, 1, &(0..=255).collect::<Vec<u8>>(), None).unwrap();
        let plan = Plan::new(Vec::new(), bytes, None).unwrap();
        let image = ImageView::from_slice(&[1, 2], 1, 2, 1).unwrap();
        let made = plan.render(&image, &[normalize], &mut Workspace::default(), [0; 8].as_mut_slice());
        assert_eq!(made, Err(RenderError::Layout));
    }
}
