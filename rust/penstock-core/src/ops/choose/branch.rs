//! What a policy may do to an image: one operation, at a magnitude and with a sign.

use super::take_all;
use crate::ops::generation::Generation;
use crate::ops::kinds::{Draw, Size, Take};
use crate::random::{Streams, Words, draw};

/// One of a policy's operations. Operands: whether its magnitude is drawn; whether its sign is; how many operations follow,
/// and for each magnitude the one of its own sign and, if signs are drawn, that of the other one. One that does nothing may
/// be missing.
#[derive(Debug, Clone, PartialEq)]
pub struct Branch<O> {
    /// Whether its magnitude is drawn, even if there is but one.
    pub magnitudes: bool,
    /// Whether its sign is drawn.
    pub signs: bool,
    /// What is done; `None` if that is nothing.
    pub ops: Vec<Option<O>>,
}

impl<O> Branch<O> {
    pub(super) fn take(from: &mut impl Take) -> Option<Self>
    where
        O: 'static,
    {
        let (magnitudes, signs) = (from.flag()?, from.flag()?);
        let ops = take_all(from, |from| Some(if from.is_there()? { Some(from.made()?) } else { None }))?;
        // What is drawn has to be there.
        let each = 1 + usize::from(signs);
        let fits =
            if magnitudes { !ops.is_empty() && ops.len().is_multiple_of(each) } else { ops.len() == each };
        fits.then_some(Branch { magnitudes, signs, ops })
    }

    /// Draws the magnitude, if any is drawn.
    pub(super) fn magnitude(&self, generator: &mut impl Words) -> usize {
        let count = self.ops.len() / (1 + usize::from(self.signs));
        if self.magnitudes { draw::randint(generator, count as u64) as usize } else { 0 }
    }

    /// Draws whether the sign is the other one, if any is drawn.
    pub(super) fn sign(&self, generation: Generation, generator: &mut impl Words) -> bool {
        self.signs
            && match generation {
                Generation::V1 => draw::randint(generator, 2) == 1,
                Generation::V2 => draw::rand(generator) <= 0.5,
            }
    }

    /// Does the operation of this magnitude and sign.
    pub(super) fn apply<S>(
        &self,
        magnitude: usize,
        other_sign: bool,
        size: Size,
        streams: &mut Streams,
        steps: &mut Vec<S>,
    ) -> Option<Size>
    where
        O: Draw<S>,
    {
        let at = if self.signs { 2 * magnitude + usize::from(other_sign) } else { magnitude };
        self.ops.get(at)?.as_ref().map_or(Some(size), |op| op.draw(size, streams, steps))
    }
}
