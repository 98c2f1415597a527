//! `RandomOrder`: transforms in an order that torch draws, in the second generation, or Python, in the first.

use super::{draw_all, take_all};
use crate::ops::generation::Generation;
use crate::ops::kinds::{Draw, Parameters, Size, Take};
use crate::random::{Streams, draw, python};

/// `RandomOrder`. Operands: the generation; how many transforms there are, and for each how many operations it is, and these.
#[derive(Debug, Clone, PartialEq)]
pub struct RandomOrder<O> {
    /// The first draws from Python's generator.
    pub generation: Generation,
    /// The operations of each, in the order in which they are listed.
    pub transforms: Vec<Vec<O>>,
}

impl<S, O: Draw<S>> Draw<S> for RandomOrder<O> {
    fn draw(&self, size: Size, streams: &mut Streams, steps: &mut Vec<S>) -> Option<Size> {
        let mut transforms: Vec<&[O]> = self.transforms.iter().map(Vec::as_slice).collect();
        match self.generation {
            Generation::V1 => python::shuffle(&mut streams.python, &mut transforms),
            Generation::V2 => draw::shuffle(&mut streams.torch, &mut transforms),
        }
        draw_all(transforms.into_iter().flatten(), size, streams, steps)
    }
}

impl<O: 'static> Parameters for RandomOrder<O> {
    fn take(from: &mut impl Take) -> Option<Self> {
        let generation = from.choice()?;
        Some(RandomOrder { generation, transforms: take_all(from, |from| take_all(from, Take::made))? })
    }
}
