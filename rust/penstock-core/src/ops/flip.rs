//! Flips: `RandomHorizontalFlip`, `RandomVerticalFlip`, and what they do.

use super::kinds::{Draw, Map, Parameters, Put, Size, Take, Wire};
use crate::image::axis::Axis;
use crate::random::{Streams, draw};

/// Flips if `torch.rand(1) < probability`.
#[derive(Debug, Clone, PartialEq)]
pub struct RandomFlip {
    /// Compared in `float32`.
    pub probability: f32,
    /// Left to right if true, else top to bottom.
    pub horizontal: bool,
}

impl<S: From<FlipHorizontal> + From<FlipVertical>> Draw<S> for RandomFlip {
    fn draw(
        &self,
        size: Size,
        Streams { torch: generator, .. }: &mut Streams,
        steps: &mut Vec<S>,
    ) -> Option<Size> {
        if draw::rand(generator) < self.probability {
            steps.push(if self.horizontal { FlipHorizontal.into() } else { FlipVertical.into() });
        }
        Some(size)
    }
}

impl Parameters for RandomFlip {
    fn take(from: &mut impl Take) -> Option<Self> {
        Some(RandomFlip { probability: from.double()? as f32, horizontal: from.flag()? })
    }
}

/// Mirrors left to right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FlipHorizontal;

impl Map for FlipHorizontal {
    fn size(&self, size: Size) -> Option<Size> {
        Some(size)
    }

    fn edit(&self, _rows: &mut Axis, columns: &mut Axis) {
        columns.flip();
    }
}

impl Wire for FlipHorizontal {
    fn put(&self, _to: &mut impl Put) {}

    fn take(_from: &mut impl Take) -> Option<Self> {
        Some(FlipHorizontal)
    }
}

/// Mirrors top to bottom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FlipVertical;

impl Map for FlipVertical {
    fn size(&self, size: Size) -> Option<Size> {
        Some(size)
    }

    fn edit(&self, rows: &mut Axis, _columns: &mut Axis) {
        rows.flip();
    }
}

impl Wire for FlipVertical {
    fn put(&self, _to: &mut impl Put) {}

    fn take(_from: &mut impl Take) -> Option<Self> {
        Some(FlipVertical)
    }
}
