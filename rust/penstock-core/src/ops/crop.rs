//! Crops: where torchvision puts the rectangle, and what it draws to decide.
//!
//! The two generations of `RandomCrop` differ: v1 draws both offsets even if one of them has no choice and
//! pads in up to three goes, v2 pads once and draws an offset only where the image is larger than the crop.

use super::crop_step::Crop;
use super::generation::Generation;
use super::kinds::{Draw, Parameters, Size, Take};
use super::pad::{Fillable, ImageKind, Margins, Pad, PadMode, margins};
use crate::random::{Streams, Words, draw};

/// `RandomCrop`.
#[derive(Debug, Clone, PartialEq)]
pub struct RandomCrop {
    /// Whose.
    pub generation: Generation,
    /// Output (height, width) in pixels.
    pub size: (u32, u32),
    /// Margins added before cropping: left, top, right, bottom; `None` if the transform has no padding.
    pub padding: Option<[i32; 4]>,
    /// Whether an image smaller than the crop is padded to fit.
    pub pad_if_needed: bool,
    /// What margins show; `None` if torch raises where there is one.
    pub mode: Option<PadMode>,
    /// Where the crop happens.
    pub world: ImageKind,
}

impl<S: From<Crop> + From<Margins>> Draw<S> for RandomCrop {
    fn draw(
        &self,
        size: Size,
        Streams { torch: generator, .. }: &mut Streams,
        steps: &mut Vec<S>,
    ) -> Option<Size> {
        match self.generation {
            Generation::V1 => self.draw_v1(size, generator, steps),
            Generation::V2 => self.draw_v2(size, generator, steps),
        }
    }
}

impl Parameters for RandomCrop {
    fn take(from: &mut impl Take) -> Option<Self> {
        let (generation, size) = (from.choice()?, from.size()?);
        let padding = if from.is_there()? { Some(margins(from)?) } else { None };
        let (pad_if_needed, mode, world) = (from.flag()?, Fillable::take(from)?.0, from.choice()?);
        Some(RandomCrop { generation, size, padding, pad_if_needed, mode, world })
    }
}

impl RandomCrop {
    fn pad<S>(&self, margins: [i32; 4], size: Size, steps: &mut Vec<S>) -> Option<Size>
    where
        S: From<Crop> + From<Margins>,
    {
        Pad { margins, mode: self.mode, world: self.world }.apply(size, steps)
    }

    fn draw_v1<S>(&self, size: Size, generator: &mut impl Words, steps: &mut Vec<S>) -> Option<Size>
    where
        S: From<Crop> + From<Margins>,
    {
        let (rows, columns) = self.size;
        let mut size = size;
        if let Some(margins) = self.padding {
            size = self.pad(margins, size, steps)?;
        }
        if self.pad_if_needed && size.1 < columns {
            let missing = (columns - size.1) as i32;
            size = self.pad([missing, 0, missing, 0], size, steps)?;
        }
        if self.pad_if_needed && size.0 < rows {
            let missing = (rows - size.0) as i32;
            size = self.pad([0, missing, 0, missing], size, steps)?;
        }
        if size.0 < rows || size.1 < columns {
            return None;
        }
        if size != self.size {
            let top = draw::randint(generator, u64::from(size.0 - rows) + 1) as u32;
            let left = draw::randint(generator, u64::from(size.1 - columns) + 1) as u32;
            steps.push(Crop { top, left, height: rows, width: columns }.into());
        }
        Some(self.size)
    }

    fn draw_v2<S>(&self, size: Size, generator: &mut impl Words, steps: &mut Vec<S>) -> Option<Size>
    where
        S: From<Crop> + From<Margins>,
    {
        let (rows, columns) = self.size;
        let [mut left, mut top, mut right, mut bottom] = self.padding.unwrap_or_default();
        let padded =
            |length: u32, before: i32, after: i32| i64::from(length) + i64::from(before) + i64::from(after);
        if self.pad_if_needed {
            let missing = (i64::from(rows) - padded(size.0, top, bottom)).max(0) as i32;
            (top, bottom) = (top + missing, bottom + missing);
            let missing = (i64::from(columns) - padded(size.1, left, right)).max(0) as i32;
            (left, right) = (left + missing, right + missing);
        }
        // torchvision checks the size before it draws, and draws before it pads.
        let surplus =
            (padded(size.0, top, bottom) - i64::from(rows), padded(size.1, left, right) - i64::from(columns));
        if surplus.0 < 0 || surplus.1 < 0 {
            return None;
        }
        let mut offset = |surplus: i64| {
            if surplus > 0 { draw::randint(generator, surplus as u64 + 1) as u32 } else { 0 }
        };
        let (first_row, first_column) = (offset(surplus.0), offset(surplus.1));
        let padded = self.pad([left, top, right, bottom], size, steps)?;
        if padded != self.size {
            let crop = Crop { top: first_row, left: first_column, height: rows, width: columns };
            steps.push(crop.into());
        }
        Some(self.size)
    }
}

/// `CenterCrop`, and timm's `CenterCropOrPad`: margins where the image is too small, then the middle by Python's rounding (half
/// to even).
#[derive(Debug, Clone, PartialEq)]
pub struct CenterCrop {
    /// Output (height, width) in pixels.
    pub size: Size,
    /// What margins show; `None` if torch raises where there is one.
    pub mode: Option<PadMode>,
    /// Where the padding happens.
    pub world: ImageKind,
}

impl<S: From<Crop> + From<Margins>> Draw<S> for CenterCrop {
    fn draw(&self, size: Size, _streams: &mut Streams, steps: &mut Vec<S>) -> Option<Size> {
        let output = self.size;
        let missing = (output.0.saturating_sub(size.0), output.1.saturating_sub(size.1));
        let mut size = size;
        if missing != (0, 0) {
            let margins = [missing.1 / 2, missing.0 / 2, missing.1.div_ceil(2), missing.0.div_ceil(2)];
            let margins = margins.map(|margin| margin as i32);
            size = Pad { margins, mode: self.mode, world: self.world }.apply(size, steps)?;
        }
        if size != output {
            let middle = |surplus: u32| (f64::from(surplus) / 2.0).round_ties_even() as u32;
            let (top, left) = (middle(size.0 - output.0), middle(size.1 - output.1));
            steps.push(Crop { top, left, height: output.0, width: output.1 }.into());
        }
        Some(output)
    }
}

impl Parameters for CenterCrop {
    fn take(from: &mut impl Take) -> Option<Self> {
        Some(CenterCrop { size: from.size()?, mode: Fillable::take(from)?.0, world: from.choice()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::{MapStep, Step};
    use crate::random::Mt19937;

    fn crop(size: (u32, u32), padding: Option<[i32; 4]>, pad_if_needed: bool) -> RandomCrop {
        let (generation, mode, world) = (Generation::V1, Some(PadMode::Constant(0)), ImageKind::Pillow);
        RandomCrop { generation, size, padding, pad_if_needed, mode, world }
    }

    fn words_used(draw: impl FnOnce(&mut Mt19937)) -> usize {
        let mut after = Mt19937::new(1);
        draw(&mut after);
        let mut before = Mt19937::new(1);
        (0..10)
            .find(|_| {
                let same = before == after;
                before.next_u32();
                same
            })
            .unwrap()
    }

    #[test]
    fn v1_draws_two_words_or_none_and_v2_one_per_choice() {
        for (size, v1, v2) in [((40, 40), 2, 2), ((32, 40), 2, 1), ((40, 32), 2, 1), ((32, 32), 0, 0)] {
            let crop = crop((32, 32), None, false);
            let used = words_used(|g| assert!(crop.draw_v1(size, g, &mut Vec::<Step>::new()).is_some()));
            assert_eq!(used, v1, "v1 {size:?}");
            let used = words_used(|g| assert!(crop.draw_v2(size, g, &mut Vec::<Step>::new()).is_some()));
            assert_eq!(used, v2, "v2 {size:?}");
        }
    }

    #[test]
    fn too_small_a_image_is_refused_before_anything_is_drawn() {
        let crop = crop((32, 32), Some([1, 1, 1, 1]), false);
        assert_eq!(words_used(|g| assert!(crop.draw_v1((28, 40), g, &mut Vec::<Step>::new()).is_none())), 0);
        assert_eq!(words_used(|g| assert!(crop.draw_v2((28, 40), g, &mut Vec::<Step>::new()).is_none())), 0);
    }

    #[test]
    fn pad_if_needed_pads_both_sides_by_all_that_is_missing() {
        let crop = crop((32, 32), None, true);
        let mut steps = Vec::<Step>::new();
        crop.draw_v1((32, 30), &mut Mt19937::new(0), &mut steps).unwrap();
        assert_eq!(steps[0], Margins { margins: [2, 0, 2, 0], mode: PadMode::Constant(0) }.into());
        let Step::Map(MapStep::Crop(cropped)) = steps[1] else { panic!("no crop: {:?}", steps[1]) };
        assert_eq!((cropped.top, cropped.height, cropped.width), (0, 32, 32));
    }

    #[test]
    fn the_middle_is_rounded_half_to_even() {
        for (length, top) in [(33, 0), (35, 2), (34, 1), (32, 0)] {
            let mut steps = Vec::<Step>::new();
            let mode = Some(PadMode::Constant(0));
            CenterCrop { size: (32, 32), mode, world: ImageKind::Pillow }.draw(
                (length, 32),
                &mut Mt19937::new(0).into(),
                &mut steps,
            );
            let expected = (length != 32).then_some(Step::from(Crop { top, left: 0, height: 32, width: 32 }));
            assert_eq!(steps.first().cloned(), expected, "{length}");
        }
    }
}
