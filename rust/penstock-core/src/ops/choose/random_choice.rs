//! `RandomChoice`: one of some operations, as the second generation draws it.

use super::take_all;
use crate::ops::kinds::{Draw, Parameters, Size, Take};
use crate::random::{Mt19937, draw};

/// `RandomChoice`. Operands: how many operations there are, and for each its probability and itself.
#[derive(Debug, Clone, PartialEq)]
pub struct RandomChoice<O> {
    /// Of each operation.
    pub probabilities: Vec<f32>,
    /// As many.
    pub ops: Vec<O>,
}

impl<S, O: Draw<S>> Draw<S> for RandomChoice<O> {
    fn draw(&self, size: Size, generator: &mut Mt19937, steps: &mut Vec<S>) -> Option<Size> {
        self.ops.get(draw::multinomial(generator, &self.probabilities))?.draw(size, generator, steps)
    }
}

impl<O: 'static> Parameters for RandomChoice<O> {
    fn take(from: &mut impl Take) -> Option<Self> {
        let pairs = take_all(from, |from| Some((from.double()? as f32, from.made()?)))?;
        let (probabilities, ops) = pairs.into_iter().unzip();
        Some(RandomChoice { probabilities, ops })
    }
}
