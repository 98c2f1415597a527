//! timm's `RandomResizedCropAndInterpolation`: a rectangle that Python draws, and a filter.

use super::floats::ResampleFloats;
use super::random_resized_crop::{ATTEMPTS, middle};
use super::step::Resample;
use super::target::{Manners, checked, resize};
use crate::ops::ask::Ask;
use crate::ops::crop_step::Crop;
use crate::ops::kinds::{Draw, Parameters, Size, Take};
use crate::ops::rectangle::Rectangle;
use crate::ops::sides::{of_exp, of_ratio};
use crate::random::{Streams, Words, python};

/// `RandomResizedCropAndInterpolation`. Operands: the output's height and width; two bounds of the crop's share of the area;
/// Python's logarithms of two bounds of width / height; these, smaller first; the filters of which one is drawn; Python's
/// exponential function. All numbers are in double precision.
#[derive(Debug, Clone, PartialEq)]
pub struct RandomResizedCropAndInterpolation {
    /// Output (height, width) in pixels.
    pub size: Size,
    /// Bounds of the crop's share of the area.
    pub scale: (f64, f64),
    /// Logarithms of the bounds of width / height.
    pub log_ratio: (f64, f64),
    /// Those bounds, smaller first.
    pub ratio: (f64, f64),
    /// How the crop is resized.
    pub manners: Manners,
    /// Python's exponential function.
    pub exp: Ask,
}

impl<S: From<Crop> + From<Resample> + From<ResampleFloats> + From<Rectangle>> Draw<S>
    for RandomResizedCropAndInterpolation
{
    fn draw(&self, size: Size, streams: &mut Streams, steps: &mut Vec<S>) -> Option<Size> {
        let (top, left, height, width) = self.rectangle(size, &mut streams.python);
        let manner = self.manners.draw(&mut streams.python)?;
        let output = checked(self.size)?;
        if height == 0 || width == 0 {
            // Of no pixels Pillow makes black ones.
            steps.push(Crop { top: 0, left: 0, height: 1, width: 1 }.into());
            resize((1, 1), output, manner, steps);
            steps
                .push(Rectangle { top: 0, left: 0, height: output.0, width: output.1, color: [0; 3] }.into());
            return Some(output);
        }
        if (height, width) != size {
            steps.push(Crop { top, left, height, width }.into());
        }
        Some(resize((height, width), output, manner, steps))
    }
}

impl Parameters for RandomResizedCropAndInterpolation {
    fn take(from: &mut impl Take) -> Option<Self> {
        let size = from.size()?;
        let [scale, log_ratio, ratio] =
            [from.doubles()?, from.doubles()?, from.doubles()?].map(|[a, b]| (a, b));
        Some(Self { size, scale, log_ratio, ratio, manners: Manners::take(from)?, exp: from.ask()? })
    }
}

impl RandomResizedCropAndInterpolation {
    /// Draws the crop: top, left, height, width, of which the last two may be 0.
    fn rectangle(&self, size: Size, generator: &mut impl Words) -> (u32, u32, u32, u32) {
        let whole = (u64::from(size.0) * u64::from(size.1)) as f64;
        for _ in 0..ATTEMPTS {
            let area = python::uniform(generator, self.scale) * whole;
            let drawn = python::uniform(generator, self.log_ratio);
            let (width, height) = of_exp(drawn, &self.exp, |ratio| of_ratio(area, ratio));
            if width <= f64::from(size.1) && height <= f64::from(size.0) {
                let (height, width) = (height as u32, width as u32);
                let top = python::below(generator, size.0 - height + 1);
                let left = python::below(generator, size.1 - width + 1);
                return (top, left, height, width);
            }
        }
        middle(size, self.ratio)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::Step;
    use crate::random::Mt19937;

    /// The operands of an operation, one after the other.
    struct Operands(Vec<f64>);

    impl Take for Operands {
        fn word(&mut self) -> Option<u32> {
            self.double().map(|number| number as u32)
        }

        fn double(&mut self) -> Option<f64> {
            (!self.0.is_empty()).then(|| self.0.remove(0))
        }

        fn ask(&mut self) -> Option<Ask> {
            Some(Ask::new(f64::exp))
        }
    }

    /// It makes 24 rows of 32, by one of so many filters.
    fn operation(scale: (f64, f64), filters: u32) -> RandomResizedCropAndInterpolation {
        let (least, most) = (0.75_f64, 4.0_f64 / 3.0);
        let mut operands =
            vec![24.0, 32.0, scale.0, scale.1, least.ln(), most.ln(), least, most, filters.into()];
        (0..filters).for_each(|number| operands.extend([f64::from(number), 0.0]));
        RandomResizedCropAndInterpolation::take(&mut Operands(operands)).unwrap()
    }

    #[test]
    fn the_middle_is_taken_where_no_attempt_fits() {
        let (mut streams, mut expected) = (Streams::from(Mt19937::new(6)), Mt19937::new(6));
        let mut steps = Vec::<Step>::new();
        assert_eq!(operation((5.0, 5.0), 1).draw((400, 40), &mut streams, &mut steps), Some((24, 32)));
        assert_eq!(steps[0], Crop { top: 173, left: 0, height: 53, width: 40 }.into());
        (0..4 * ATTEMPTS).for_each(|_| {
            expected.next_u32();
        });
        assert_eq!(streams.python, expected.into());
    }

    #[test]
    fn filters_are_drawn_if_there_are_several() {
        let operation = operation((0.5, 1.0), 2);
        let mut streams = Streams::from(Mt19937::new(6));
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..50 {
            let mut steps = Vec::<Step>::new();
            operation.draw((40, 50), &mut streams, &mut steps);
            seen.insert(format!("{:?}", operation.manners.draw(&mut streams.python)));
        }
        assert_eq!(seen.len(), 2);
    }

    #[test]
    fn crops_lie_inside() {
        let operation = operation((0.08, 1.0), 2);
        let mut generator = Mt19937::new(1);
        for size in [(375, 500), (500, 40), (1, 1), (3, 2), (7, 900)] {
            for _ in 0..2000 {
                let (top, left, height, width) = operation.rectangle(size, &mut generator);
                assert!(top + height <= size.0 && left + width <= size.1, "{size:?}");
            }
        }
    }

    #[test]
    fn of_no_pixels_black_ones_are_made() {
        let operation = operation((0.01, 0.02), 1);
        let mut steps = Vec::<Step>::new();
        assert_eq!(operation.draw((1, 1), &mut Mt19937::new(1).into(), &mut steps), Some((24, 32)));
        let black = Rectangle { top: 0, left: 0, height: 24, width: 32, color: [0; 3] };
        assert_eq!(steps.last(), Some(&black.into()));
    }

    #[test]
    fn without_filters_it_is_none() {
        let operands = [1.0; 8].into_iter().chain([0.0]).collect();
        assert!(RandomResizedCropAndInterpolation::take(&mut Operands(operands)).is_none());
    }
}
