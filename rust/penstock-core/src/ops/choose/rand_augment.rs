//! `RandAugment` and `TrivialAugmentWide`: so many operations, each drawn from the same ones.

use super::{Branch, take_all};
use crate::ops::generation::Generation;
use crate::ops::kinds::{Draw, Parameters, Size, Take};
use crate::random::{Streams, draw};

/// `RandAugment`, whose magnitude is given, and `TrivialAugmentWide`, which draws it for one operation. Operands: the
/// generation; how many operations are drawn; how many there are, and each one's [`Branch`].
#[derive(Debug, Clone, PartialEq)]
pub struct RandAugment<O> {
    /// The two draw signs in different ways.
    pub generation: Generation,
    /// Operations that are drawn, one after the other.
    pub times: u32,
    /// What they are drawn from.
    pub branches: Vec<Branch<O>>,
}

impl<S, O: Draw<S>> Draw<S> for RandAugment<O> {
    fn draw(&self, size: Size, streams: &mut Streams, steps: &mut Vec<S>) -> Option<Size> {
        (0..self.times).try_fold(size, |size, _| {
            let generator = &mut streams.torch;
            let branch = self.branches.get(draw::randint(generator, self.branches.len() as u64) as usize)?;
            let magnitude = branch.magnitude(generator);
            let other_sign = branch.sign(self.generation, generator);
            branch.apply(magnitude, other_sign, size, streams, steps)
        })
    }
}

impl<O: 'static> Parameters for RandAugment<O> {
    fn take(from: &mut impl Take) -> Option<Self> {
        let (generation, times) = (from.choice()?, from.word()?);
        let branches = take_all(from, Branch::take)?;
        (!branches.is_empty()).then_some(RandAugment { generation, times, branches })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::choose::Always;
    use crate::random::{Mt19937, Words};

    #[test]
    fn what_has_no_magnitude_and_no_sign_draws_none() {
        let op = |step: u8| Some(Always { step });
        let branches = vec![
            Branch { magnitudes: false, signs: false, ops: vec![None] },
            Branch { magnitudes: false, signs: true, ops: vec![op(10), op(11)] },
            Branch { magnitudes: true, signs: false, ops: vec![op(20), op(21), op(22)] },
            Branch { magnitudes: true, signs: true, ops: (30..36).map(op).collect() },
        ];
        for generation in [Generation::V1, Generation::V2] {
            let policy = RandAugment { generation, times: 2, branches: branches.clone() };
            let (mut generator, mut expected) =
                (Streams::from(Mt19937::new(5)), Streams::from(Mt19937::new(5)));
            for _ in 0..200 {
                let mut steps = Vec::new();
                assert_eq!(policy.draw((3, 4), &mut generator, &mut steps), Some((3, 4)));
                let mut made = Vec::new();
                for _ in 0..2 {
                    let kind = expected.torch.next_u32() % 4;
                    let magnitude = if kind >= 2 { expected.torch.next_u32() % 3 } else { 0 } as u8;
                    let minus = kind % 2 == 1
                        && match generation {
                            Generation::V1 => expected.torch.next_u32() % 2 == 1,
                            Generation::V2 => draw::rand(&mut expected.torch) <= 0.5,
                        };
                    match kind {
                        0 => {}
                        1 => made.push(10 + u8::from(minus)),
                        2 => made.push(20 + magnitude),
                        _ => made.push(30 + 2 * magnitude + u8::from(minus)),
                    }
                }
                assert_eq!(steps, made);
                assert_eq!(generator, expected);
            }
        }
    }
}
