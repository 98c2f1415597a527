//! How torch has a tensor lie in memory after each of a pipeline's steps, for those whose roundings depend on it.

use crate::ops::kinds::Size;
use crate::ops::{Lying, Step};

/// Tells steps that are done to a tensor, which was made of an image of `size`, how it lies when they are.
pub(super) fn follow(size: Size, steps: &mut [Step]) {
    let Some(last) = steps.iter_mut().rposition(|step| step.layout().is_some()) else { return };
    let mut lying = Lying::of_image(size);
    for step in steps.iter_mut().take(last + 1) {
        if let Some(layout) = step.layout() {
            *layout = lying.layout;
        }
        lying = step.laid(lying);
    }
}
