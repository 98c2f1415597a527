//! Padding: torchvision's margins, brought to steps.
//!
//! Pillow images are padded by `numpy.pad` (any width, periodic) or `ImageOps.expand`; tensors by
//! `torch.nn.functional.pad`, which raises where a mirror would need more pixels than there are.

use super::choice::Choice;
use super::crop_step::Crop;
use super::kinds::{Draw, Map, Parameters, Put, Size, Take, Wire};
use super::layout::{Layout, Lying};
use crate::image::axis::Axis;
use crate::random::Streams;

/// In which form the image is when an operation meets it: torchvision treats the two differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImageKind {
    /// A Pillow image.
    Pillow,
    /// A tensor.
    Tensor,
}

impl Choice for ImageKind {
    const ALL: &[(Self, &str)] = &[(ImageKind::Pillow, "pil"), (ImageKind::Tensor, "tensor")];
}

/// How a margin is filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PadMode {
    /// With the table's fill of this index.
    Constant(u16),
    /// With the outermost pixel.
    Edge,
    /// Mirrored, the outermost pixel not repeated.
    Reflect,
    /// Mirrored, the outermost pixel repeated.
    Symmetric,
}

/// A [`PadMode`] without its constant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// A constant.
    Constant,
    /// The outermost pixel.
    Edge,
    /// A mirror, see [`PadMode::Reflect`].
    Reflect,
    /// A mirror, see [`PadMode::Symmetric`].
    Symmetric,
}

/// The names are torchvision's.
impl Choice for Shown {
    const ALL: &[(Self, &str)] = &[
        (Shown::Constant, "constant"),
        (Shown::Edge, "edge"),
        (Shown::Reflect, "reflect"),
        (Shown::Symmetric, "symmetric"),
    ];
}

impl PadMode {
    /// The mode that shows this; `fill` counts for constants only.
    #[must_use]
    pub fn new(shown: Shown, fill: u16) -> PadMode {
        match shown {
            Shown::Constant => PadMode::Constant(fill),
            Shown::Edge => PadMode::Edge,
            Shown::Reflect => PadMode::Reflect,
            Shown::Symmetric => PadMode::Symmetric,
        }
    }

    /// What [`PadMode::new`] makes it of.
    fn parts(self) -> (Shown, u16) {
        match self {
            PadMode::Constant(fill) => (Shown::Constant, fill),
            PadMode::Edge => (Shown::Edge, 0),
            PadMode::Reflect => (Shown::Reflect, 0),
            PadMode::Symmetric => (Shown::Symmetric, 0),
        }
    }
}

/// What margins show; `None` if torch raises where there is one.
pub(super) struct Fillable(pub(super) Option<PadMode>);

impl Parameters for Fillable {
    fn take(from: &mut impl Take) -> Option<Self> {
        let shown = if from.is_there()? { Some(from.choice()?) } else { None };
        let fill = from.word()?.try_into().ok()?;
        Some(Fillable(shown.map(|shown| PadMode::new(shown, fill))))
    }
}

/// A margin around the image, in pixels; a negative one crops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pad {
    /// Left, top, right, bottom.
    pub margins: [i32; 4],
    /// What the margin shows; `None` if torch raises where there is one.
    pub mode: Option<PadMode>,
    /// Where the padding happens.
    pub world: ImageKind,
}

impl<S: From<Crop> + From<Margins>> Draw<S> for Pad {
    fn draw(&self, size: Size, _streams: &mut Streams, steps: &mut Vec<S>) -> Option<Size> {
        self.apply(size, steps)
    }
}

impl Parameters for Pad {
    fn take(from: &mut impl Take) -> Option<Self> {
        Some(Pad { margins: margins(from)?, mode: Fillable::take(from)?.0, world: from.choice()? })
    }
}

/// Reads margins that may be negative.
pub(super) fn margins(from: &mut impl Take) -> Option<[i32; 4]> {
    Some([from.integer()?, from.integer()?, from.integer()?, from.integer()?])
}

impl Pad {
    /// Appends the steps for an image of `size`; `None` where torchvision raises.
    pub(super) fn apply<S: From<Crop> + From<Margins>>(
        &self,
        size: Size,
        steps: &mut Vec<S>,
    ) -> Option<Size> {
        let [left, top, right, bottom] = self.margins;
        let size = trim(size, self.margins, steps)?;
        let margins = [left, top, right, bottom].map(|margin| margin.max(0) as u32);
        let [left, top, right, bottom] = margins;
        if margins == [0; 4] {
            return Some(size);
        }
        let mode = self.mode?;
        let widest = (top.max(bottom), left.max(right));
        if self.world == ImageKind::Tensor {
            let fits = match mode {
                PadMode::Reflect => widest.0 < size.0 && widest.1 < size.1,
                PadMode::Symmetric => widest.0 <= size.0 && widest.1 <= size.1,
                PadMode::Constant(_) | PadMode::Edge => true,
            };
            if !fits {
                return None;
            }
        }
        let height = size.0.checked_add(top)?.checked_add(bottom)?;
        let width = size.1.checked_add(left)?.checked_add(right)?;
        steps.push(Margins { margins, mode }.into());
        Some((height, width))
    }
}

/// A negative margin takes pixels away before the positive ones are added.
fn trim<S: From<Crop>>(size: Size, margins: [i32; 4], steps: &mut Vec<S>) -> Option<Size> {
    let [left, top, right, bottom] = margins.map(|margin| margin.min(0).unsigned_abs());
    if [left, top, right, bottom] == [0; 4] {
        return Some(size);
    }
    let height = size.0.checked_sub(top)?.checked_sub(bottom)?;
    let width = size.1.checked_sub(left)?.checked_sub(right)?;
    if height == 0 || width == 0 {
        return None;
    }
    steps.push(Crop { top, left, height, width }.into());
    Some((height, width))
}

/// Adds margins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Margins {
    /// Left, top, right, bottom, in pixels.
    pub margins: [u32; 4],
    /// What they show.
    pub mode: PadMode,
}

impl Map for Margins {
    fn laid(&self, given: Lying, size: Size) -> Lying {
        // By nothing, with a constant, torch returns what it is given.
        let copies = self.margins != [0; 4] || !matches!(self.mode, PadMode::Constant(_));
        given.made(size, if copies { Layout::PLANAR } else { given.layout })
    }

    fn size(&self, (height, width): Size) -> Option<Size> {
        let [left, top, right, bottom] = self.margins;
        Some((height.checked_add(top)?.checked_add(bottom)?, width.checked_add(left)?.checked_add(right)?))
    }

    fn edit(&self, rows: &mut Axis, columns: &mut Axis) {
        let [left, top, right, bottom] = self.margins;
        for (axis, before, after) in [(rows, top, bottom), (columns, left, right)] {
            match self.mode {
                PadMode::Constant(fill) => axis.pad_fill(before, after, fill),
                PadMode::Edge => axis.pad_edge(before, after),
                PadMode::Reflect => axis.pad_reflect(before, after),
                PadMode::Symmetric => axis.pad_symmetric(before, after),
            }
        }
    }

    fn fill(&self) -> Option<u16> {
        match self.mode {
            PadMode::Constant(fill) => Some(fill),
            PadMode::Edge | PadMode::Reflect | PadMode::Symmetric => None,
        }
    }
}

impl Wire for Margins {
    fn put(&self, to: &mut impl Put) {
        to.words(self.margins);
        let (shown, fill) = self.mode.parts();
        to.choice(shown);
        to.word(fill.into());
    }

    fn take(from: &mut impl Take) -> Option<Self> {
        let (margins, shown) = (from.words()?, from.choice()?);
        let fill = from.word()?.try_into().ok()?;
        Some(Margins { margins, mode: PadMode::new(shown, fill) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::Step;

    fn run(margins: [i32; 4], mode: PadMode, world: ImageKind) -> Option<((u32, u32), Vec<Step>)> {
        let mut steps = Vec::new();
        Pad { margins, mode: Some(mode), world }.apply((10, 20), &mut steps).map(|size| (size, steps))
    }

    #[test]
    fn margins_add_and_negative_ones_crop_first() {
        let (size, steps) = run([3, -2, -4, 5], PadMode::Edge, ImageKind::Pillow).unwrap();
        assert_eq!(size, (13, 19));
        assert_eq!(
            steps,
            [
                Crop { top: 2, left: 0, height: 8, width: 16 }.into(),
                Margins { margins: [3, 0, 0, 5], mode: PadMode::Edge }.into()
            ]
        );
    }

    #[test]
    fn tensors_refuse_a_mirror_wider_than_the_image() {
        assert!(run([20, 0, 0, 0], PadMode::Reflect, ImageKind::Pillow).is_some());
        assert!(run([20, 0, 0, 0], PadMode::Reflect, ImageKind::Tensor).is_none());
        assert!(run([20, 0, 0, 0], PadMode::Symmetric, ImageKind::Tensor).is_some());
        assert!(run([21, 0, 0, 0], PadMode::Symmetric, ImageKind::Tensor).is_none());
    }

    #[test]
    fn a_margin_that_torch_cannot_fill_is_refused_only_where_there_is_one() {
        for (margins, possible) in [([0; 4], true), ([0, 0, 1, 0], false)] {
            let pad = Pad { margins, mode: None, world: ImageKind::Pillow };
            assert_eq!(pad.apply((10, 20), &mut Vec::<Step>::new()).is_some(), possible);
        }
    }

    #[test]
    fn nothing_to_do_is_no_step() {
        assert_eq!(run([0; 4], PadMode::Reflect, ImageKind::Tensor), Some(((10, 20), vec![])));
    }
}
