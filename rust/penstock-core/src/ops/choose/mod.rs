//! What is made of operations that are not always made, or in an order that is drawn.

mod always;
mod auto_augment;
mod branch;
mod rand_augment;
mod random_apply;
mod random_choice;
mod random_order;

pub use always::Always;
pub use auto_augment::{AutoAugment, Part};
pub use branch::Branch;
pub use rand_augment::RandAugment;
pub use random_apply::RandomApply;
pub use random_choice::RandomChoice;
pub use random_order::RandomOrder;

use super::kinds::{Draw, Size, Take};
use crate::random::Streams;

/// Draws operations one after the other; the size after them.
fn draw_all<'o, S, O: Draw<S> + 'o>(
    ops: impl IntoIterator<Item = &'o O>,
    size: Size,
    streams: &mut Streams,
    steps: &mut Vec<S>,
) -> Option<Size> {
    ops.into_iter().try_fold(size, |size, op| op.draw(size, streams, steps))
}

/// Reads how many things follow, and these.
fn take_all<F: Take, T>(from: &mut F, mut take: impl FnMut(&mut F) -> Option<T>) -> Option<Vec<T>> {
    let count = from.word()?;
    (0..count).map(|_| take(from)).collect()
}
