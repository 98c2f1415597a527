//! `AutoAugment`: one of some pairs of operations, each of which is made or not.

use super::{Branch, take_all};
use crate::ops::generation::Generation;
use crate::ops::kinds::{Draw, Parameters, Size, Take};
use crate::random::{Generator, Streams, draw};

/// `AutoAugment`. Operands: the generation; how many pairs there are, and for each of the two operations its probability and
/// its [`Branch`], whose magnitude is not drawn.
#[derive(Debug, Clone, PartialEq)]
pub struct AutoAugment<O> {
    /// The first draws all numbers at once, whether they are needed or not.
    pub generation: Generation,
    /// What one is drawn from.
    pub pairs: Vec<[Part<O>; 2]>,
}

/// An operation that is made with a probability, compared in `float32`.
#[derive(Debug, Clone, PartialEq)]
pub struct Part<O> {
    /// It is made if what is drawn is no greater.
    pub probability: f32,
    /// What is made.
    pub branch: Branch<O>,
}

impl<S, O: Draw<S>> Draw<S> for AutoAugment<O> {
    fn draw(&self, size: Size, streams: &mut Streams, steps: &mut Vec<S>) -> Option<Size> {
        let generator = &mut streams.torch;
        let pair = self.pairs.get(draw::randint(generator, self.pairs.len() as u64) as usize)?;
        match self.generation {
            Generation::V1 => {
                let drawn = [draw::rand(generator), draw::rand(generator)];
                let signs = [draw::randint(generator, 2), draw::randint(generator, 2)];
                pair.iter().zip(drawn).zip(signs).try_fold(size, |size, ((part, drawn), sign)| {
                    part.apply(drawn, |_| sign == 0, size, streams, steps)
                })
            }
            Generation::V2 => pair.iter().try_fold(size, |size, part| {
                let drawn = draw::rand(&mut streams.torch);
                part.apply(
                    drawn,
                    |generator| part.branch.sign(Generation::V2, generator),
                    size,
                    streams,
                    steps,
                )
            }),
        }
    }
}

impl<O> Part<O> {
    fn take(from: &mut impl Take) -> Option<Self>
    where
        O: 'static,
    {
        let (probability, branch) = (from.double()? as f32, Branch::take(from)?);
        (!branch.magnitudes).then_some(Part { probability, branch })
    }

    /// Makes the operation if the number that was drawn says so, with a sign that is drawn only then.
    fn apply<S>(
        &self,
        drawn: f32,
        other_sign: impl FnOnce(&mut Generator) -> bool,
        size: Size,
        streams: &mut Streams,
        steps: &mut Vec<S>,
    ) -> Option<Size>
    where
        O: Draw<S>,
    {
        if drawn > self.probability {
            return Some(size);
        }
        let other_sign = other_sign(&mut streams.torch);
        self.branch.apply(0, other_sign, size, streams, steps)
    }
}

impl<O: 'static> Parameters for AutoAugment<O> {
    fn take(from: &mut impl Take) -> Option<Self> {
        let generation = from.choice()?;
        let pairs = take_all(from, |from| Some([Part::take(from)?, Part::take(from)?]))?;
        (!pairs.is_empty()).then_some(AutoAugment { generation, pairs })
    }
}
