//! `RandomOrder`: operations in an order that torch draws, as the second generation has it.

use super::{draw_all, take_all};
use crate::ops::kinds::{Draw, Parameters, Size, Take};
use crate::random::{Mt19937, draw};

/// `RandomOrder`. Operands: how many operations there are, and these.
#[derive(Debug, Clone, PartialEq)]
pub struct RandomOrder<O> {
    /// In the order in which they are listed.
    pub ops: Vec<O>,
}

impl<S, O: Draw<S>> Draw<S> for RandomOrder<O> {
    fn draw(&self, size: Size, generator: &mut Mt19937, steps: &mut Vec<S>) -> Option<Size> {
        let mut ops: Vec<&O> = self.ops.iter().collect();
        draw::shuffle(generator, &mut ops);
        draw_all(ops, size, generator, steps)
    }
}

impl<O: 'static> Parameters for RandomOrder<O> {
    fn take(from: &mut impl Take) -> Option<Self> {
        Some(RandomOrder { ops: take_all(from, Take::made)? })
    }
}
