//! An operation that raises for every image of this kind.

use super::kinds::{Draw, Parameters, Size, Take};
use crate::random::Streams;

/// See the module's text.
#[derive(Debug, Clone, PartialEq)]
pub struct Refuse;

impl<S> Draw<S> for Refuse {
    fn draw(&self, _size: Size, _streams: &mut Streams, _steps: &mut Vec<S>) -> Option<Size> {
        None
    }
}

impl Parameters for Refuse {
    fn take(_from: &mut impl Take) -> Option<Self> {
        Some(Refuse)
    }
}
