//! A step that is known before anything is drawn.

use crate::ops::kinds::{Draw, Parameters, Size, Take};
use crate::random::Streams;

/// Does a step that leaves an image's size as it is. Operand: the step.
#[derive(Debug, Clone, PartialEq)]
pub struct Always<S> {
    /// What is done.
    pub step: S,
}

impl<S: Clone> Draw<S> for Always<S> {
    fn draw(&self, size: Size, _streams: &mut Streams, steps: &mut Vec<S>) -> Option<Size> {
        steps.push(self.step.clone());
        Some(size)
    }
}

impl<S: 'static> Parameters for Always<S> {
    fn take(from: &mut impl Take) -> Option<Self> {
        Some(Always { step: from.made()? })
    }
}
