//! `RandomOrder`: transforms in an order that torch draws, as the second generation has it.

use super::{draw_all, take_all};
use crate::ops::kinds::{Draw, Parameters, Size, Take};
use crate::random::{Mt19937, draw};

/// `RandomOrder`. Operands: how many transforms there are, and for each how many operations it is, and these.
#[derive(Debug, Clone, PartialEq)]
pub struct RandomOrder<O> {
    /// The operations of each, in the order in which they are listed.
    pub transforms: Vec<Vec<O>>,
}

impl<S, O: Draw<S>> Draw<S> for RandomOrder<O> {
    fn draw(&self, size: Size, generator: &mut Mt19937, steps: &mut Vec<S>) -> Option<Size> {
        let mut transforms: Vec<&[O]> = self.transforms.iter().map(Vec::as_slice).collect();
        draw::shuffle(generator, &mut transforms);
        draw_all(transforms.into_iter().flatten(), size, generator, steps)
    }
}

impl<O: 'static> Parameters for RandomOrder<O> {
    fn take(from: &mut impl Take) -> Option<Self> {
        Some(RandomOrder { transforms: take_all(from, |from| take_all(from, Take::made))? })
    }
}
