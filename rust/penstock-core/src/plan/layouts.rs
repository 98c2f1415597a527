//! How torch has a tensor lie in memory after each of a pipeline's steps, for those whose roundings depend on it.
//!
//! What looks at single values keeps the order of what it is given; torch's functions that stack, pad, sample or convolve
//! make planes. A crop is a view, with gaps between its rows.

use crate::ops::color::{Equalize, Gray, Hue, Permute};
use crate::ops::kinds::Size;
use crate::ops::{AreaStep, Layout, Library, MapStep, MeasuredStep, PadMode, PixelsStep, Step, size_after};

/// Tells steps that are done to a tensor, which was made of an image of `size`, how it lies when they are.
pub(super) fn follow(size: Size, steps: &mut [Step]) {
    let depends = |step: &Step| matches!(step, Step::Area(AreaStep::SummedContrast(_)));
    let Some(last) = steps.iter().rposition(depends) else { return };
    let mut lying = Lying { size, layout: Layout::INTERLEAVED, row: size.1 };
    for step in steps.iter_mut().take(last + 1) {
        if let Step::Area(AreaStep::SummedContrast(step)) = step {
            step.layout = lying.layout;
        }
        lying.after(step);
    }
}

/// How a tensor lies.
#[derive(Debug)]
struct Lying {
    size: Size,
    layout: Layout,
    /// Pixels from row to row in memory.
    row: u32,
}

impl Lying {
    fn after(&mut self, step: &Step) {
        let before = self.size;
        self.size = size_after(before, std::slice::from_ref(step)).unwrap_or(before);
        if let Step::Map(MapStep::Crop(_)) = step {
            return;
        }
        self.layout = match step {
            Step::Map(MapStep::Margins(pad))
                if pad.margins != [0; 4] || !matches!(pad.mode, PadMode::Constant(_)) =>
            {
                Layout::PLANAR
            }
            Step::Pixels(PixelsStep::Hue(Hue { library: Library::Torch1, .. })) => Layout::INTERLEAVED,
            Step::Pixels(
                PixelsStep::Hue(_) | PixelsStep::Gray(Gray { .. }) | PixelsStep::Permute(Permute { .. }),
            )
            | Step::Measured(MeasuredStep::Equalize(Equalize))
            | Step::Area(AreaStep::AffineGrid(_) | AreaStep::SampledGrid(_) | AreaStep::Convolution(_)) => {
                Layout::PLANAR
            }
            Step::Area(AreaStep::Resample(_)) => {
                if self.size == before {
                    return; // torchvision returns the very tensor
                }
                let gaps = self.row != before.1 && before.0 > 1;
                if gaps || self.layout.transposed { Layout::PLANAR } else { self.layout }
            }
            Step::Area(AreaStep::Turn(_)) => Layout { transposed: !self.layout.transposed, ..self.layout },
            _ => self.layout,
        };
        self.row = self.size.1;
    }
}
