//! Whether a random transform is made at all, and transforms that are a step or nothing.

use super::generation::Generation;
use super::kinds::{Draw, Parameters, Size, Take, Wire};
use crate::random::{Streams, Words, draw};

/// `p` of a random transform, and how `torch.rand(1)` is compared with it: the generations differ for one number in
/// 2^24.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Chance {
    /// As a number of Python's, in double precision, as the first generation's `torch.rand(1).item() < p`.
    Double(f64),
    /// As a tensor, in single precision, as the second generation's `torch.rand(1) >= p`.
    Single(f32),
}

impl Chance {
    /// Reads the generation and `p`.
    pub(super) fn take(from: &mut impl Take) -> Option<Self> {
        let (generation, p) = (from.choice()?, from.double()?);
        Some(match generation {
            Generation::V1 => Chance::Double(p),
            Generation::V2 => Chance::Single(p as f32),
        })
    }

    /// Draws one word; whether the transform is made.
    pub(super) fn draw(self, generator: &mut impl Words) -> bool {
        let drawn = draw::rand(generator);
        match self {
            Chance::Double(p) => f64::from(drawn) < p,
            Chance::Single(p) => drawn < p,
        }
    }
}

/// A step that is made by chance, such as `RandomInvert`. Operands: whose draws, the probability, those of the step.
#[derive(Debug, Clone, PartialEq)]
pub struct ByChance<P> {
    /// Whether it is made.
    pub chance: Chance,
    /// The step.
    pub step: P,
}

impl<S: From<P>, P: Copy> Draw<S> for ByChance<P> {
    fn draw(
        &self,
        size: Size,
        Streams { torch: generator, .. }: &mut Streams,
        steps: &mut Vec<S>,
    ) -> Option<Size> {
        if self.chance.draw(generator) {
            steps.push(self.step.into());
        }
        Some(size)
    }
}

impl<P: Wire> Parameters for ByChance<P> {
    fn take(from: &mut impl Take) -> Option<Self> {
        Some(ByChance { chance: Chance::take(from)?, step: P::take(from)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Mt19937;

    #[test]
    fn the_generations_differ_where_p_lies_just_above_what_is_drawn() {
        let drawn = draw::rand(&mut Mt19937::new(1));
        let p = f64::from(drawn) * (1.0 + f64::EPSILON);
        assert!(Chance::Double(p).draw(&mut Mt19937::new(1)));
        // In single precision it is the drawn number itself.
        assert!(!Chance::Single(p as f32).draw(&mut Mt19937::new(1)));
    }
}
