//! timm's `RandomCropOrPad`: a rectangle somewhere in the image, or the image somewhere in it.

use super::crop_step::Crop;
use super::kinds::{Draw, Parameters, Size, Take};
use super::pad::{Fillable, ImageKind, Margins, Pad, PadMode};
use crate::random::{Streams, python};

/// `RandomCropOrPad`. Operands: the output's height and width; those of a padding's mode; where the padding happens.
#[derive(Debug, Clone, PartialEq)]
pub struct RandomCropOrPad {
    /// Output (height, width) in pixels.
    pub size: Size,
    /// What margins show; `None` if torch raises where there is one.
    pub mode: Option<PadMode>,
    /// Where the padding happens.
    pub world: ImageKind,
}

impl<S: From<Crop> + From<Margins>> Draw<S> for RandomCropOrPad {
    fn draw(&self, size: Size, streams: &mut Streams, steps: &mut Vec<S>) -> Option<Size> {
        // Of each axis the margins before and behind, and where the crop begins in what has them.
        let mut place = |length: u32, wanted: u32| {
            let offset = python::below(&mut streams.python, length.abs_diff(wanted) + 1);
            if length < wanted {
                (offset as i32, (wanted - length - offset) as i32, 0)
            } else {
                (0, 0, offset)
            }
        };
        let (before_rows, behind_rows, top) = place(size.0, self.size.0);
        let (before_columns, behind_columns, left) = place(size.1, self.size.1);
        let margins = [before_columns, before_rows, behind_columns, behind_rows];
        let padded = Pad { margins, mode: self.mode, world: self.world }.apply(size, steps)?;
        if padded != self.size {
            steps.push(Crop { top, left, height: self.size.0, width: self.size.1 }.into());
        }
        Some(self.size)
    }
}

impl Parameters for RandomCropOrPad {
    fn take(from: &mut impl Take) -> Option<Self> {
        Some(RandomCropOrPad { size: from.size()?, mode: Fillable::take(from)?.0, world: from.choice()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::{MapStep, Step};
    use crate::random::Mt19937;

    #[test]
    fn what_is_too_small_lies_anywhere_in_its_margins() {
        let crop = RandomCropOrPad { size: (9, 7), mode: Some(PadMode::Reflect), world: ImageKind::Pillow };
        let mut streams = Streams::from(Mt19937::new(1));
        let (mut tops, mut lefts) = ([0; 5], [0; 4]);
        for _ in 0..200 {
            let mut steps = Vec::<Step>::new();
            assert_eq!(crop.draw((5, 10), &mut streams, &mut steps), Some((9, 7)));
            let [Step::Map(MapStep::Margins(padded)), Step::Map(MapStep::Crop(cropped))] = &steps[..] else {
                panic!("{steps:?}")
            };
            let [left, top, right, bottom] = padded.margins;
            assert_eq!((left, right, top + bottom, cropped.top, cropped.width), (0, 0, 4, 0, 7));
            tops[top as usize] += 1;
            lefts[cropped.left as usize] += 1;
        }
        assert!(tops.iter().chain(&lefts).all(|&times| times > 20), "{tops:?} {lefts:?}");
    }

    #[test]
    fn what_fits_is_left_alone() {
        let crop = RandomCropOrPad { size: (9, 7), mode: None, world: ImageKind::Pillow };
        let mut steps = Vec::<Step>::new();
        let mut streams = Streams::from(Mt19937::new(1));
        assert_eq!(crop.draw((9, 7), &mut streams, &mut steps), Some((9, 7)));
        assert_eq!(steps, []);
        assert_eq!(crop.draw((8, 7), &mut streams, &mut steps), None);
    }
}
