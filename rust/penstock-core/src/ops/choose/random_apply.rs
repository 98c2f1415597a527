//! `RandomApply`: all of some operations, or none.

use super::{draw_all, take_all};
use crate::ops::generation::Generation;
use crate::ops::kinds::{Draw, Parameters, Size, Take};
use crate::random::{Streams, draw};

/// `RandomApply`. Operands: the generation; the probability; how many operations there are, and these.
#[derive(Debug, Clone, PartialEq)]
pub struct RandomApply<O> {
    /// The first also makes them if what is drawn is the probability.
    pub generation: Generation,
    /// Compared in `float32`.
    pub probability: f32,
    /// One after the other.
    pub ops: Vec<O>,
}

impl<S, O: Draw<S>> Draw<S> for RandomApply<O> {
    fn draw(&self, size: Size, streams: &mut Streams, steps: &mut Vec<S>) -> Option<Size> {
        let drawn = draw::rand(&mut streams.torch);
        let applies = match self.generation {
            Generation::V1 => drawn <= self.probability,
            Generation::V2 => drawn < self.probability,
        };
        if applies { draw_all(&self.ops, size, streams, steps) } else { Some(size) }
    }
}

impl<O: 'static> Parameters for RandomApply<O> {
    fn take(from: &mut impl Take) -> Option<Self> {
        Some(RandomApply {
            generation: from.choice()?,
            probability: from.double()? as f32,
            ops: take_all(from, Take::made)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::choose::Always;
    use crate::random::Mt19937;

    #[test]
    fn the_generations_differ_where_the_probability_itself_is_drawn() {
        let probability = draw::rand(&mut Mt19937::new(1));
        for (generation, expected) in [(Generation::V1, 2), (Generation::V2, 0)] {
            let ops = vec![Always { step: 7 }, Always { step: 8 }];
            let mut steps = Vec::<u8>::new();
            let apply = RandomApply { generation, probability, ops };
            assert_eq!(apply.draw((3, 4), &mut Mt19937::new(1).into(), &mut steps), Some((3, 4)));
            assert_eq!(steps.len(), expected);
        }
    }
}
