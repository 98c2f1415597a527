//! The sides of a rectangle of which area and proportion were drawn, by exponential functions that are a library's.

use super::ask::Ask;

/// `sqrt(area * ratio)` and `sqrt(area / ratio)`, in Python's rounding, half to even; the ratio is the exponential of what
/// was drawn.
///
/// `exp` is torch's exponential function of a `float32`. The last bit of it is the vector library's that torch was built
/// with, and once in many thousand rectangles it decides about a pixel; only then is it asked.
pub(super) fn sides(area: f64, log_ratio: f32, exp: &Ask) -> (f64, f64) {
    // Whatever exponential function torch uses, it is off by less than two in the last place.
    let near = f64::from(log_ratio).exp() as f32;
    let (low, high) = (near.next_down().next_down(), near.next_up().next_up());
    let sides = |ratio: f32| of_ratio(area, ratio.into());
    let found = sides(near);
    if sides(low) == found && sides(high) == found { found } else { sides(exp.of(log_ratio.into()) as f32) }
}

/// `round(sqrt(area * ratio))` and `round(sqrt(area / ratio))`, as Python rounds.
pub(super) fn of_ratio(area: f64, ratio: f64) -> (f64, f64) {
    ((area * ratio).sqrt().round_ties_even(), (area / ratio).sqrt().round_ties_even())
}

/// What is made of Python's exponential function of a number. Its last bit is the system's library's, which is asked only
/// where it matters.
pub(super) fn of_exp<T: PartialEq>(x: f64, exp: &Ask, make: impl Fn(f64) -> T) -> T {
    let near = x.exp();
    let found = make(near);
    let settled = [near.next_down().next_down(), near.next_up().next_up()]
        .into_iter()
        .all(|other| make(other) == found);
    if settled { found } else { make(exp.of(x)) }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn pythons_exp_is_asked_for_only_where_it_matters() {
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        let exp = Ask::new(move |_| {
            count.fetch_add(1, Ordering::Relaxed);
            1.000_000_1
        });
        assert_eq!(of_exp(0.1, &exp, |ratio| of_ratio(1000.0, ratio)), (33.0, 30.0));
        assert_eq!(asked.load(Ordering::Relaxed), 0);
        assert_eq!(of_exp(0.0, &exp, |ratio| of_ratio(30.5 * 30.5, ratio)), (31.0, 30.0));
        assert_eq!(asked.load(Ordering::Relaxed), 1);
    }
}
