//! torch's grids of places between -1 and 1, which are products of matrices: in whose arithmetic, and how.

use crate::ops::choice::Choice;
use crate::ops::kinds::Size;

/// In which arithmetic places in the source are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Places {
    /// Pillow's.
    Pillow,
    /// torch's, every step of which is rounded.
    Rounded,
    /// torch's, where products of matrices add in one step with multiplying.
    Fused,
}

impl Choice for Places {
    const ALL: &[(Self, &str)] =
        &[(Places::Pillow, "pillow"), (Places::Rounded, "rounded"), (Places::Fused, "fused")];
}

/// Whether torch multiplies the matrices by a plain loop, as it does where there is little to multiply.
pub(super) fn is_small((height, width): Size) -> bool {
    const NUMBERS: u64 = 400;
    3 * 2 * u64::from(height) * u64::from(width) < NUMBERS
}

/// A place in torch's grid.
#[inline(always)]
#[expect(clippy::inline_always, reason = "it is compiled for each level's vectors")]
pub(super) fn gridded(theta: &[[f32; 3]; 2], [x, y]: [f32; 2], fused: bool) -> [f32; 2] {
    theta.map(|[of_x, of_y, shift]| {
        let both = if fused { y.mul_add(of_y, x * of_x) } else { x * of_x + y * of_y };
        both + shift
    })
}
