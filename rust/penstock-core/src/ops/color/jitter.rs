//! `ColorJitter`: brightness, contrast, saturation and hue by drawn factors, in a drawn order.
//!
//! Operands: whose arithmetic; whether pixels are numbers in single precision; those of [`Sums`]; how torch's `uniform_` rounds, whether it is fused and whether half open; and for
//! brightness, contrast, saturation and hue the two bounds of the factor, which may be missing. Both generations draw the
//! order first, and then a factor for each one that is there.

use super::{
    Brightness, BrightnessFloats, Contrast, ContrastFloats, Hue, HueFloats, Saturation, SaturationFloats,
    SummedContrast, Sums,
};
use crate::ops::kinds::{Bounds, Draw, Parameters, Size, Take};
use crate::ops::library::Library;
use crate::random::Streams;
use crate::random::draw::{self, Uniform};

/// `ColorJitter`.
#[derive(Debug, Clone, PartialEq)]
pub struct ColorJitter {
    /// Whose arithmetic.
    pub library: Library,
    /// Whether pixels are numbers in single precision.
    pub floats: bool,
    /// What contrast of tensors depends on besides.
    pub sums: Sums,
    /// How torch's `uniform_` rounds.
    pub uniform: Uniform,
    /// Of brightness, contrast, saturation and hue, those that change.
    pub bounds: [Option<Bounds>; 4],
}

impl<S> Draw<S> for ColorJitter
where
    S: From<Brightness> + From<Contrast> + From<SummedContrast> + From<Saturation> + From<Hue>,
    S: From<BrightnessFloats> + From<ContrastFloats> + From<SaturationFloats> + From<HueFloats>,
{
    fn draw(
        &self,
        size: Size,
        Streams { torch: generator, .. }: &mut Streams,
        steps: &mut Vec<S>,
    ) -> Option<Size> {
        let order: [u8; 4] = draw::randperm(generator);
        let factors =
            self.bounds.map(|bounds| bounds.map(|bounds| f64::from(self.uniform.draw(generator, bounds))));
        for which in order {
            let (which, of) = (usize::from(which), (self.library, self.sums));
            if self.floats {
                steps.extend(float_step(which, factors, of));
            } else {
                steps.extend(step(which, factors, of, size));
            }
        }
        Some(size)
    }
}

impl Parameters for ColorJitter {
    fn take(from: &mut impl Take) -> Option<Self> {
        let (library, floats) = (from.choice()?, from.flag()?);
        let (sums, uniform) = (Sums::take(from)?, from.uniform()?);
        let mut all = [None; 4];
        for place in &mut all {
            *place = if from.is_there()? { Some(from.bounds()?) } else { None };
        }
        Some(ColorJitter { library, floats, sums, uniform, bounds: all })
    }
}

/// The step of that place in brightness, contrast, saturation and hue, if its factor was drawn.
pub(super) fn step<S>(
    which: usize,
    factors: [Option<f64>; 4],
    (library, sums): (Library, Sums),
    size: Size,
) -> Option<S>
where
    S: From<Brightness> + From<Contrast> + From<SummedContrast> + From<Saturation> + From<Hue>,
{
    let factor = factors.get(which).copied().flatten()?;
    Some(match which {
        0 => Brightness { factor, library }.into(),
        1 => sums.contrast(factor, library, size),
        2 => Saturation { factor, library }.into(),
        _ => Hue { turn: factor, library }.into(),
    })
}

/// The same for numbers.
fn float_step<S>(which: usize, factors: [Option<f64>; 4], (library, sums): (Library, Sums)) -> Option<S>
where
    S: From<BrightnessFloats> + From<ContrastFloats> + From<SaturationFloats> + From<HueFloats>,
{
    let factor = factors.get(which).copied().flatten()?;
    Some(match which {
        0 => BrightnessFloats { factor }.into(),
        1 => ContrastFloats { factor, threads: sums.threads }.into(),
        2 => SaturationFloats { factor, library }.into(),
        _ => HueFloats { turn: factor, library }.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::Step;
    use crate::random::Mt19937;
    use crate::random::draw::rand;

    #[test]
    fn the_order_comes_first_and_what_is_missing_draws_nothing() {
        let uniform = Uniform { fused: true, half_open: true };
        let bounds = [Some((0.5, 1.5)), None, Some((0.2, 0.3)), Some((-0.5, 0.5))];
        let jitter = ColorJitter {
            library: Library::Pillow,
            floats: false,
            sums: Sums { channels: 3, threads: 1 },
            uniform,
            bounds,
        };
        let (mut generator, mut expected) = (Streams::from(Mt19937::new(4)), Streams::from(Mt19937::new(4)));
        for _ in 0..100 {
            let mut steps = Vec::<Step>::new();
            assert_eq!(jitter.draw((3, 4), &mut generator, &mut steps), Some((3, 4)));
            let order: [u8; 4] = draw::randperm(&mut expected.torch);
            (0..3).for_each(|_| {
                rand(&mut expected.torch);
            });
            assert_eq!(generator, expected);
            let names: Vec<&str> = steps.iter().map(Step::name).collect();
            let all = ["brightness", "contrast", "saturation", "hue"];
            let order = order.into_iter().filter(|&which| which != 1);
            assert_eq!(names, order.map(|which| all[usize::from(which)]).collect::<Vec<_>>());
        }
    }
}
