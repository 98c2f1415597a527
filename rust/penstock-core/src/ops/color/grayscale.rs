//! `Grayscale`: pixels become gray, and of their channels, which are alike then, one may be kept.

use super::channel::Channel;
use super::gray::Gray;
use crate::ops::kinds::{Draw, Parameters, Size, Take, Wire};
use crate::random::Streams;

/// `Grayscale` of three channels. Operands: those of [`Gray`]; whether one channel is made.
#[derive(Debug, Clone, PartialEq)]
pub struct Grayscale {
    /// What is done.
    pub step: Gray,
    /// Whether one channel is made of them.
    pub single: bool,
}

impl<S: From<Gray> + From<Channel>> Draw<S> for Grayscale {
    fn draw(&self, size: Size, _streams: &mut Streams, steps: &mut Vec<S>) -> Option<Size> {
        steps.push(self.step.into());
        if self.single {
            steps.push(Channel { number: 0 }.into());
        }
        Some(size)
    }
}

impl Parameters for Grayscale {
    fn take(from: &mut impl Take) -> Option<Self> {
        Some(Grayscale { step: Gray::take(from)?, single: from.flag()? })
    }
}
