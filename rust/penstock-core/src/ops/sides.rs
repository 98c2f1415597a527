//! The sides of a rectangle of which area and proportion were drawn.

use super::ask::Ask;

/// `sqrt(area * ratio)` and `sqrt(area / ratio)`, in Python's rounding, half to even; the ratio is the exponential of what
/// was drawn.
///
/// `exp` is torch's exponential function of a `float32`. The last bit of it is the vector library's that torch was built
/// with, and once in many thousand rectangles it decides about a pixel; only then is it asked.
pub(super) fn sides(area: f64, log_ratio: f32, exp: &Ask) -> (f64, f64) {
    let sides = |ratio: f32| {
        let ratio = f64::from(ratio);
        ((area * ratio).sqrt().round_ties_even(), (area / ratio).sqrt().round_ties_even())
    };
    // Whatever exponential function torch uses, it is off by less than two in the last place.
    let near = f64::from(log_ratio).exp() as f32;
    let (low, high) = (near.next_down().next_down(), near.next_up().next_up());
    let found = sides(near);
    if sides(low) == found && sides(high) == found { found } else { sides(exp.of(log_ratio.into()) as f32) }
}
