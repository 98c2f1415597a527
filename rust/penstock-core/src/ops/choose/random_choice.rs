//! `RandomChoice`: one of some transforms, as the second generation draws it.

use super::{draw_all, take_all};
use crate::ops::kinds::{Draw, Parameters, Size, Take};
use crate::random::{Mt19937, draw};

/// `RandomChoice`. Operands: how many choices there are, and for each its probability, how
/// many operations it is, and these.
#[derive(Debug, Clone, PartialEq)]
pub struct RandomChoice<O> {
    /// Of each choice.
    pub probabilities: Vec<f32>,
    /// As many, of which each is made one after the other.
    pub choices: Vec<Vec<O>>,
}

impl<S, O: Draw<S>> Draw<S> for RandomChoice<O> {
    fn draw(&self, size: Size, generator: &mut Mt19937, steps: &mut Vec<S>) -> Option<Size> {
        let ops = self.choices.get(draw::multinomial(generator, &self.probabilities))?;
        draw_all(ops, size, generator, steps)
    }
}

impl<O: 'static> Parameters for RandomChoice<O> {
    fn take(from: &mut impl Take) -> Option<Self> {
        let pairs = take_all(from, |from| Some((from.double()? as f32, take_all(from, Take::made)?)))?;
        let (probabilities, choices) = pairs.into_iter().unzip();
        Some(RandomChoice { probabilities, choices })
    }
}
