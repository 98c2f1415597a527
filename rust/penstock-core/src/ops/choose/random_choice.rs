//! `RandomChoice`: one of some transforms, which torch draws or Python does.

use super::{draw_all, take_all};
use crate::ops::choice::Choice;
use crate::ops::kinds::{Draw, Parameters, Size, Take};
use crate::random::{Streams, draw, python};

/// `RandomChoice`. Operands: by whom it is drawn; how many choices there are, and for each its number, how many operations it
/// is, and these. The number is torch's probability, or the sum of Python's weights so far.
#[derive(Debug, Clone, PartialEq)]
pub struct RandomChoice<O> {
    /// How it is drawn.
    pub chooser: Chooser,
    /// Of each choice.
    pub numbers: Vec<f64>,
    /// As many, of which each is made one after the other.
    pub choices: Vec<Vec<O>>,
}

/// Who draws one of several.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chooser {
    /// torch's `multinomial`, as the second generation has it.
    Torch,
    /// Python's `choices`, each as likely as any other.
    Python,
    /// The same with weights.
    Weighted,
}

impl Choice for Chooser {
    const ALL: &[(Self, &str)] =
        &[(Chooser::Torch, "torch"), (Chooser::Python, "python"), (Chooser::Weighted, "weighted")];
}

impl<S, O: Draw<S>> Draw<S> for RandomChoice<O> {
    fn draw(&self, size: Size, streams: &mut Streams, steps: &mut Vec<S>) -> Option<Size> {
        let chosen = match self.chooser {
            Chooser::Torch => {
                let probabilities = self.numbers.iter().map(|&number| number as f32);
                draw::multinomial(&mut streams.torch, probabilities)
            }
            Chooser::Python => python::choice(&mut streams.python, self.choices.len()),
            Chooser::Weighted => python::weighted_choice(&mut streams.python, &self.numbers),
        };
        draw_all(self.choices.get(chosen)?, size, streams, steps)
    }
}

impl<O: 'static> Parameters for RandomChoice<O> {
    fn take(from: &mut impl Take) -> Option<Self> {
        let chooser = from.choice()?;
        let pairs = take_all(from, |from| Some((from.double()?, take_all(from, Take::made)?)))?;
        let (numbers, choices) = pairs.into_iter().unzip();
        Some(RandomChoice { chooser, numbers, choices })
    }
}
