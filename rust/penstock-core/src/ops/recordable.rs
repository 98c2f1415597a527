//! Drawn steps as a recording takes them.
//!
//! The constant margins of a plan are numbers of fills of its own table. A recorded image has no such table: its margins
//! are what is left of a canvas, of a colour that is given, on which the image is shifted.

use super::geometry::{Affine, Interpolation};
use super::list::{MapStep, Step, size_after};
use super::pad::{Margins, PadMode};

/// What a step was drawn as, and the step.
pub type Named = (&'static str, Step);

/// Steps for an image of `size`, whose constant margins have the colours of `fills`, by their numbers. `None` if there is
/// no such colour, or a step does not fit.
#[must_use]
pub fn recordable(steps: Vec<Step>, size: (u32, u32), fills: &[[u8; 3]]) -> Option<Vec<Named>> {
    let mut size = size;
    let mut named = Vec::with_capacity(steps.len());
    for step in steps {
        let name = step.name();
        size = size_after(size, std::slice::from_ref(&step))?;
        let step = match step {
            Step::Map(MapStep::Margins(Margins { margins, mode: PadMode::Constant(fill) })) => {
                shifted(margins, size, *fills.get(usize::from(fill))?)?
            }
            step => step,
        };
        named.push((name, step));
    }
    Some(named)
}

/// An image with margins, after which it has this size, as a transform by the nearest pixel makes it.
fn shifted([left, top, ..]: [u32; 4], size: (u32, u32), fill: [u8; 3]) -> Option<Step> {
    let matrix = [1.0, 0.0, -f64::from(left), 0.0, 1.0, -f64::from(top)];
    Affine::new(matrix, size, Interpolation::Nearest, fill).map(Step::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::{Crop, FlipVertical};

    fn steps(fill: u16) -> Vec<Step> {
        let margins = |mode| Margins { margins: [1, 2, 3, 4], mode }.into();
        vec![
            margins(PadMode::Constant(fill)),
            Crop { top: 1, left: 1, height: 12, width: 20 }.into(),
            FlipVertical.into(),
            margins(PadMode::Reflect),
        ]
    }

    #[test]
    fn constant_margins_alone_become_shifts_of_their_colour() {
        let found = recordable(steps(1), (10, 20), &[[0; 3], [7, 8, 9]]).unwrap();
        let names: Vec<_> = found.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, ["pad", "crop", "flip_vertical", "pad"]);
        let shift =
            Affine::new([1.0, 0.0, -1.0, 0.0, 1.0, -2.0], (16, 24), Interpolation::Nearest, [7, 8, 9]);
        assert_eq!(found[0].1, shift.unwrap().into());
        assert_eq!(found[1..].iter().map(|(_, step)| step.clone()).collect::<Vec<_>>(), steps(1)[1..]);
    }

    #[test]
    fn an_unknown_colour_or_a_step_that_does_not_fit_is_refused() {
        assert!(recordable(steps(2), (10, 20), &[[0; 3], [7, 8, 9]]).is_none());
        assert!(recordable(steps(0), (3, 20), &[[0; 3]]).is_none());
    }
}
