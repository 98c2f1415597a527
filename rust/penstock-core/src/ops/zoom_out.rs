//! `RandomZoomOut`: margins so that the image lies somewhere in a larger one.

use super::chance::Chance;
use super::crop_step::Crop;
use super::kinds::{Draw, Parameters, Size, Take};
use super::pad::{ImageKind, Margins, Pad, PadMode};
use crate::random::{Streams, draw};

/// `RandomZoomOut`. Operands: the chance; by how many times the sides grow, at least and at most; which constant of the table
/// the margins are; where the padding happens.
#[derive(Debug, Clone, PartialEq)]
pub struct RandomZoomOut {
    /// Whether it happens.
    pub chance: Chance,
    /// By how many times the sides grow, at least and at most.
    pub sides: [f64; 2],
    /// Which constant of the table the margins are.
    pub fill: u16,
    /// Where the padding happens.
    pub world: ImageKind,
}

impl<S: From<Crop> + From<Margins>> Draw<S> for RandomZoomOut {
    fn draw(
        &self,
        size: Size,
        Streams { torch: generator, .. }: &mut Streams,
        steps: &mut Vec<S>,
    ) -> Option<Size> {
        if !self.chance.draw(generator) {
            return Some(size);
        }
        let [least, most] = self.sides;
        #[expect(clippy::suboptimal_flops, reason = "torch's own two roundings")]
        let times = draw::rand(generator) * (most - least) as f32 + least as f32;
        let drawn = [draw::rand(generator), draw::rand(generator)];
        let around = |length: u32, drawn: f32| {
            let more = (length as f32 * times) as i32 - length as i32;
            let before = (more as f32 * drawn) as i32;
            [before, more - before]
        };
        let ([left, right], [top, bottom]) = (around(size.1, drawn[0]), around(size.0, drawn[1]));
        let mode = Some(PadMode::Constant(self.fill));
        Pad { margins: [left, top, right, bottom], mode, world: self.world }.apply(size, steps)
    }
}

impl Parameters for RandomZoomOut {
    fn take(from: &mut impl Take) -> Option<Self> {
        Some(RandomZoomOut {
            chance: Chance::take(from)?,
            sides: from.doubles()?,
            fill: from.word()?.try_into().ok()?,
            world: from.choice()?,
        })
    }
}
