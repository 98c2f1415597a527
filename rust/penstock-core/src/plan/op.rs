//! The operations of a plan, and the steps that they come to once their numbers are drawn.

use crate::image::axis::Axis;
use crate::random::{Mt19937, draw};

use super::resize::Target;
use super::{crop, pad, resize};
use crate::ops::resize::Method;

/// In which form the picture is when an operation meets it: torchvision treats the two differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum World {
    /// A Pillow image.
    Pil,
    /// A tensor.
    Tensor,
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

/// A margin around the picture, in pixels; a negative one crops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pad {
    /// Left, top, right, bottom.
    pub margins: [i32; 4],
    /// What the margin shows; `None` if torch raises where there is one.
    pub mode: Option<PadMode>,
    /// Where the padding happens.
    pub world: World,
}

/// One operation of the user's pipeline, numbers not yet drawn. Sizes are (height, width) in pixels.
#[derive(Debug, Clone, PartialEq)]
pub enum Op {
    /// `Pad`.
    Pad(Pad),
    /// `CenterCrop`; a picture that is too small is padded with the fill of this index.
    CenterCrop {
        /// Output size.
        size: (u32, u32),
        /// Index of the fill in the table.
        fill: u16,
    },
    /// `transforms.RandomCrop`.
    RandomCropV1(crop::RandomCrop),
    /// `transforms.v2.RandomCrop`, which draws only where there is a choice.
    RandomCropV2(crop::RandomCrop),
    /// `RandomHorizontalFlip` and `RandomVerticalFlip`: flips if `torch.rand(1) < probability`.
    RandomFlip {
        /// Probability, compared in `float32`.
        probability: f32,
        /// Left to right if true, else top to bottom.
        horizontal: bool,
    },
    /// `Resize`.
    Resize {
        /// The size to make.
        target: Target,
        /// How.
        method: Method,
    },
    /// `RandomResizedCrop`.
    RandomResizedCrop(resize::RandomResizedCrop),
    /// An operation that raises for every picture of this kind.
    Refuse,
}

/// A concrete operation: nothing is left to chance, and its size arithmetic is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Adds margins.
    Pad {
        /// Left, top, right, bottom, in pixels.
        margins: [u32; 4],
        /// What they show.
        mode: PadMode,
    },
    /// Keeps a rectangle that lies inside the picture.
    Crop {
        /// First row.
        top: u32,
        /// First column.
        left: u32,
        /// Rows kept.
        height: u32,
        /// Columns kept.
        width: u32,
    },
    /// Mirrors left to right.
    FlipHorizontal,
    /// Mirrors top to bottom.
    FlipVertical,
    /// Makes new pixels of the old ones.
    Resize {
        /// Rows made.
        height: u32,
        /// Columns made.
        width: u32,
        /// How.
        method: Method,
    },
}

impl Op {
    /// Draws this operation's numbers for a picture of `size`; `None` where torch raises.
    pub(super) fn draw(
        &self,
        size: (u32, u32),
        generator: &mut Mt19937,
        steps: &mut Vec<Step>,
    ) -> Option<(u32, u32)> {
        match self {
            Op::Pad(pad) => pad::apply(pad, size, steps),
            Op::CenterCrop { size: output, fill } => Some(crop::center(size, *output, *fill, steps)),
            Op::RandomCropV1(crop) => crop.draw_v1(size, generator, steps),
            Op::RandomCropV2(crop) => crop.draw_v2(size, generator, steps),
            Op::RandomFlip { probability, horizontal } => {
                if draw::rand(generator) < *probability {
                    steps.push(if *horizontal { Step::FlipHorizontal } else { Step::FlipVertical });
                }
                Some(size)
            }
            Op::Resize { target, method } => Some(resize::resize(size, target.size(size)?, *method, steps)),
            Op::RandomResizedCrop(crop) => crop.draw(size, generator, steps),
            Op::Refuse => None,
        }
    }
}

impl Step {
    /// The size that a picture of `size` has after this step; `None` if it does not fit.
    fn size_after(&self, (height, width): (u32, u32)) -> Option<(u32, u32)> {
        match *self {
            Step::Pad { margins: [left, top, right, bottom], .. } => Some((
                height.checked_add(top)?.checked_add(bottom)?,
                width.checked_add(left)?.checked_add(right)?,
            )),
            Step::Crop { top, left, height: rows, width: columns } => {
                let inside = top.checked_add(rows)? <= height && left.checked_add(columns)? <= width;
                (inside && rows > 0 && columns > 0).then_some((rows, columns))
            }
            Step::FlipHorizontal | Step::FlipVertical => Some((height, width)),
            Step::Resize { height, width, .. } => {
                let fits = |length: u32| length > 0 && i32::try_from(length).is_ok();
                (fits(height) && fits(width)).then_some((height, width))
            }
        }
    }

    /// Does this step to the picture's two index maps, which a resize is not a matter of.
    pub(super) fn apply(&self, rows: &mut Axis, columns: &mut Axis) {
        match *self {
            Step::Pad { margins: [left, top, right, bottom], mode } => {
                for (axis, before, after) in [(rows, top, bottom), (columns, left, right)] {
                    match mode {
                        PadMode::Constant(fill) => axis.pad_fill(before, after, fill),
                        PadMode::Edge => axis.pad_edge(before, after),
                        PadMode::Reflect => axis.pad_reflect(before, after),
                        PadMode::Symmetric => axis.pad_symmetric(before, after),
                    }
                }
            }
            Step::Crop { top, left, height, width } => {
                rows.crop(top, height);
                columns.crop(left, width);
            }
            Step::FlipHorizontal => columns.flip(),
            Step::FlipVertical => rows.flip(),
            Step::Resize { .. } => {}
        }
    }
}

/// The size that a picture of `size` has after all `steps`; `None` if one of them does not fit.
#[must_use]
pub fn size_after(size: (u32, u32), steps: &[Step]) -> Option<(u32, u32)> {
    steps.iter().try_fold(size, |size, step| step.size_after(size))
}
