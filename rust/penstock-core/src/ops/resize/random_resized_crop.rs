//! `RandomResizedCrop`: which rectangle is drawn.

use super::floats::ResampleFloats;
use super::step::Resample;
use super::target::{Manner, checked, resize};
use crate::ops::ask::Ask;
use crate::ops::crop_step::Crop;
use crate::ops::kinds::{Bounds, Draw, Parameters, Size, Take};
use crate::ops::sides::sides;
use crate::random::draw::{self, Uniform};
use crate::random::{Streams, Words};

/// Attempts that `RandomResizedCrop` makes before it takes the middle.
pub(super) const ATTEMPTS: usize = 10;

/// The parameters of `RandomResizedCrop`; its two generations draw the same.
#[derive(Debug, Clone, PartialEq)]
pub struct RandomResizedCrop {
    /// Output (height, width) in pixels.
    pub size: (u32, u32),
    /// Bounds of the crop's share of the area.
    pub scale: Bounds,
    /// torch's logarithms of the bounds of width / height.
    pub log_ratio: Bounds,
    /// Those bounds, smaller first.
    pub ratio: (f64, f64),
    /// How the crop is resized.
    pub manner: Manner,
    /// How torch's `uniform_` rounds.
    pub uniform: Uniform,
    /// torch's exponential function of a `float32`. The last bit of it is the vector library's that torch was built with,
    /// and once in many thousand crops it decides about a pixel.
    pub exp: Ask,
}

impl<S: From<Crop> + From<Resample> + From<ResampleFloats>> Draw<S> for RandomResizedCrop {
    fn draw(
        &self,
        size: Size,
        Streams { torch: generator, .. }: &mut Streams,
        steps: &mut Vec<S>,
    ) -> Option<Size> {
        let [top, left, height, width] = self.rectangle(size, generator)?;
        if (height, width) != size {
            steps.push(Crop { top, left, height, width }.into());
        }
        Some(resize((height, width), checked(self.size)?, self.manner, steps))
    }
}

impl Parameters for RandomResizedCrop {
    fn take(from: &mut impl Take) -> Option<Self> {
        let (size, scale, log_ratio) = (from.size()?, from.bounds()?, from.bounds()?);
        let ratio = (from.double()?, from.double()?);
        let (manner, uniform) = (Manner::take(from)?, from.uniform()?);
        Some(Self { size, scale, log_ratio, ratio, manner, uniform, exp: from.ask()? })
    }
}

impl RandomResizedCrop {
    /// Draws the crop: top, left, height, width. `None` if it is empty.
    pub fn rectangle(&self, size: (u32, u32), generator: &mut impl Words) -> Option<[u32; 4]> {
        let area = (u64::from(size.0) * u64::from(size.1)) as f64;
        let crop = (0..ATTEMPTS).find_map(|_| {
            let area = area * f64::from(self.uniform.draw(generator, self.scale));
            let (height, width) = self.shape(area, self.uniform.draw(generator, self.log_ratio));
            let fits = |length: f64, limit: u32| length > 0.0 && length <= f64::from(limit);
            if !fits(width, size.1) || !fits(height, size.0) {
                return None;
            }
            let (height, width) = (height as u32, width as u32);
            let top = draw::randint(generator, u64::from(size.0 - height) + 1) as u32;
            let left = draw::randint(generator, u64::from(size.1 - width) + 1) as u32;
            Some((top, left, height, width))
        });
        let (top, left, height, width) = crop.unwrap_or_else(|| middle(size, self.ratio));
        (height > 0 && width > 0).then_some([top, left, height, width])
    }

    /// Height and width of a crop of that area.
    fn shape(&self, area: f64, log_ratio: f32) -> (f64, f64) {
        let (width, height) = sides(area, log_ratio, &self.exp);
        (height, width)
    }
}

/// The largest crop in the middle whose width / height is between two bounds: top, left, height, width.
pub(super) fn middle((height, width): Size, (least, most): (f64, f64)) -> (u32, u32, u32, u32) {
    let ratio = f64::from(width) / f64::from(height);
    let round = |length: f64| length.round_ties_even() as u32;
    let (rows, columns) = if ratio < least {
        (round(f64::from(width) / least), width)
    } else if ratio > most {
        (height, round(f64::from(height) * most))
    } else {
        (height, width)
    };
    (height.saturating_sub(rows) / 2, width.saturating_sub(columns) / 2, rows, columns)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::Step;
    use crate::ops::resize::{Arithmetic, Filter, Method, Order};
    use crate::random::Mt19937;
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn crop(exp: Ask) -> RandomResizedCrop {
        RandomResizedCrop {
            size: (32, 32),
            scale: (0.08, 1.0),
            log_ratio: (0.75f32.ln(), (4.0f32 / 3.0).ln()),
            ratio: (0.75, 4.0 / 3.0),
            manner: Method { filter: Filter::Bilinear, arithmetic: Arithmetic::Pillow(Order::Across) }.into(),
            uniform: Uniform { fused: true, half_open: true },
            exp,
        }
    }

    #[test]
    fn torchs_exp_is_asked_for_only_where_it_matters() {
        static ASKED: AtomicUsize = AtomicUsize::new(0);
        let crop = crop(Ask::new(|x| {
            ASKED.fetch_add(1, Ordering::Relaxed);
            x.exp()
        }));
        let (mut generator, mut steps) = (Streams::from(Mt19937::new(1)), Vec::<Step>::new());
        for _ in 0..200_000 {
            steps.clear();
            assert_eq!(crop.draw((375, 500), &mut generator, &mut steps), Some((32, 32)));
        }
        let asked = ASKED.load(Ordering::Relaxed);
        assert!((1..2000).contains(&asked), "{asked}");
        // An answer that differs is what counts.
        let odd = self::crop(Ask::new(|_| 1.0));
        let edge = (30.5f64 * 30.5, 0.0f32);
        assert_eq!(odd.shape(edge.0, edge.1), (30.0, 30.0));
        let odd = self::crop(Ask::new(|_| 1.000_000_119));
        assert_eq!(odd.shape(edge.0, edge.1), (30.0, 31.0));
    }

    #[test]
    fn the_middle_is_taken_where_no_attempt_fits() {
        let crop = crop(Ask::new(f64::exp));
        assert_eq!(middle((40, 400), crop.ratio), (0, 173, 40, 53));
        assert_eq!(middle((400, 40), crop.ratio), (173, 0, 53, 40));
        assert_eq!(middle((40, 42), crop.ratio), (0, 0, 40, 42));
        let mut steps = Vec::<Step>::new();
        let mut generator = Streams::from(Mt19937::new(3));
        let thin = RandomResizedCrop { scale: (5.0, 5.0), ..crop };
        assert_eq!(thin.draw((40, 400), &mut generator, &mut steps), Some((32, 32)));
        assert_eq!(steps[0], Crop { top: 0, left: 173, height: 40, width: 53 }.into());
        let mut expected = Mt19937::new(3);
        (0..2 * ATTEMPTS).for_each(|_| {
            expected.next_u32();
        });
        assert_eq!(generator.torch, expected.into());
    }
}
