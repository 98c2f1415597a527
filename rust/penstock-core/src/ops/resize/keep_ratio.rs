//! timm's `ResizeKeepRatio`: a resize in proportion, of which scale and proportion may be drawn a little otherwise.

use super::floats::ResampleFloats;
use super::step::Resample;
use super::target::{Manners, checked, resize};
use crate::ops::ask::Ask;
use crate::ops::kinds::{Draw, Parameters, Size, Take};
use crate::ops::sides::of_exp;
use crate::random::{Streams, Words, python};

/// `ResizeKeepRatio`. Operands: the height and width that are aimed at; the longer side's share in the ratio; whether a scale is
/// drawn, and then its chance, its two bounds, and whether it is one of areas; whether a proportion is drawn, and then its
/// chance and Python's logarithms of its two bounds; the filters of which one is drawn; Python's exponential function; the
/// function that is told of an image's height and width and of those that cannot be made of it.
#[derive(Debug, Clone, PartialEq)]
pub struct ResizeKeepRatio {
    /// The (height, width) that is aimed at.
    pub target: Size,
    /// The share that the side with the larger ratio has in the ratio.
    pub longest: f64,
    /// The scale that is drawn, and whether it is one of areas.
    pub scale: Option<(Drawn, bool)>,
    /// The logarithm of the proportion that is drawn.
    pub aspect: Option<Drawn>,
    /// How the image is resized.
    pub manners: Manners,
    /// Python's exponential function.
    pub exp: Ask,
    /// Has torchvision raise about a size.
    pub refused: Ask,
}

/// A number that is drawn by chance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Drawn {
    /// How probable it is.
    chance: f64,
    /// Its bounds.
    bounds: (f64, f64),
}

impl Drawn {
    fn take(from: &mut impl Take) -> Option<Self> {
        let (chance, [low, high]) = (from.double()?, from.doubles()?);
        Some(Drawn { chance, bounds: (low, high) })
    }

    fn draw(self, generator: &mut impl Words) -> Option<f64> {
        (python::random(generator) < self.chance).then(|| python::uniform(generator, self.bounds))
    }
}

impl<S: From<Resample> + From<ResampleFloats>> Draw<S> for ResizeKeepRatio {
    fn draw(&self, size: Size, streams: &mut Streams, steps: &mut Vec<S>) -> Option<Size> {
        let (height, width) = self.lengths(size, &mut streams.python);
        let manner = self.manners.draw(&mut streams.python)?;
        let whole = |length: f64| (0.0..=f64::from(i32::MAX)).contains(&length).then_some(length as u32);
        let Some(output) = whole(height).zip(whole(width)).and_then(checked) else {
            let _ = self.refused.list(&[size.0.into(), size.1.into(), height, width]);
            return None;
        };
        Some(resize(size, output, manner, steps))
    }
}

impl Parameters for ResizeKeepRatio {
    fn take(from: &mut impl Take) -> Option<Self> {
        let (target, longest) = (from.size()?, from.double()?);
        let scale = if from.is_there()? { Some((Drawn::take(from)?, from.flag()?)) } else { None };
        let aspect = if from.is_there()? { Some(Drawn::take(from)?) } else { None };
        let (manners, exp, refused) = (Manners::take(from)?, from.ask()?, from.ask()?);
        Some(Self { target, longest, scale, aspect, manners, exp, refused })
    }
}

impl ResizeKeepRatio {
    /// The height and width that are made of an image of `size`.
    #[expect(clippy::suboptimal_flops, reason = "Python's own two roundings")]
    fn lengths(&self, size: Size, generator: &mut impl Words) -> (f64, f64) {
        let (height, width) = (f64::from(size.0), f64::from(size.1));
        let (rows, columns) = (height / f64::from(self.target.0), width / f64::from(self.target.1));
        let ratio = rows.max(columns) * self.longest + rows.min(columns) * (1.0 - self.longest);
        let drawn = self.scale.and_then(|(scale, areas)| Some((scale.draw(generator)?, areas)));
        let scale = drawn.map_or(1.0, |(scale, areas)| if areas { 1.0 / scale.sqrt() } else { scale });
        let lengths = |rows: f64, columns: f64| {
            ((height * rows / ratio).round_ties_even(), (width * columns / ratio).round_ties_even())
        };
        self.aspect.and_then(|aspect| aspect.draw(generator)).map_or_else(
            || lengths(scale, scale),
            |drawn| of_exp(drawn, &self.exp, |aspect| lengths(scale / aspect.sqrt(), scale * aspect.sqrt())),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Mt19937;

    fn operation(longest: f64, scale: Option<(Drawn, bool)>, aspect: Option<Drawn>) -> ResizeKeepRatio {
        struct One(Vec<u32>);
        impl Take for One {
            fn word(&mut self) -> Option<u32> {
                self.0.pop()
            }
            fn double(&mut self) -> Option<f64> {
                None
            }
        }
        let manners = Manners::take(&mut One(vec![0, 0, 1])).unwrap();
        let (exp, refused) = (Ask::new(f64::exp), Ask::new(f64::exp));
        ResizeKeepRatio { target: (20, 30), longest, scale, aspect, manners, exp, refused }
    }

    #[test]
    fn one_side_or_the_other_is_as_wanted() {
        let mut generator = Mt19937::new(1);
        for (size, shortest, longest) in
            [((40, 40), (30.0, 30.0), (20.0, 20.0)), ((10, 90), (20.0, 180.0), (3.0, 30.0))]
        {
            assert_eq!(operation(0.0, None, None).lengths(size, &mut generator), shortest);
            assert_eq!(operation(1.0, None, None).lengths(size, &mut generator), longest);
        }
        assert_eq!(generator, Mt19937::new(1));
    }

    #[test]
    fn what_is_drawn_changes_both_sides() {
        let always = |bounds| Drawn { chance: 1.0, bounds };
        let mut generator = Mt19937::new(1);
        let scaled = operation(0.0, Some((always((0.25, 0.25)), true)), None);
        assert_eq!(scaled.lengths((40, 40), &mut generator), (60.0, 60.0));
        let scaled = operation(0.0, Some((always((0.5, 0.5)), false)), Some(always((4f64.ln(), 4f64.ln()))));
        assert_eq!(scaled.lengths((40, 40), &mut generator), (8.0, 30.0));
        let never = Drawn { chance: 0.0, bounds: (2.0, 2.0) };
        assert_eq!(
            operation(0.0, Some((never, true)), Some(never)).lengths((40, 40), &mut generator),
            (30.0, 30.0)
        );
    }

    #[test]
    fn what_has_no_pixels_is_refused() {
        let mut steps = Vec::<crate::ops::Step>::new();
        let operation = operation(1.0, None, None);
        assert_eq!(operation.draw((1, 1000), &mut Mt19937::new(1).into(), &mut steps), None);
        assert_eq!(operation.draw((100, 1000), &mut Mt19937::new(1).into(), &mut steps), Some((3, 30)));
    }
}
