//! Resizes: what size torchvision makes, and which rectangle `RandomResizedCrop` draws.

use std::fmt;
use std::sync::Arc;

use super::op::Step;
use crate::ops::resize::Method;
use crate::random::Mt19937;
use crate::random::draw::{self, Uniform};

/// Attempts that `RandomResizedCrop` makes before it takes the middle.
const ATTEMPTS: usize = 10;

/// The size that a `Resize` asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// This (height, width).
    Exact(u32, u32),
    /// This length of the shorter side, the longer one in proportion.
    Short {
        /// Of the shorter side.
        length: u32,
        /// What the longer side may be at most, the shorter one then in proportion.
        longest: Option<u32>,
    },
    /// This length of the longer side, the shorter one in proportion.
    Long(u32),
}

impl Target {
    /// The size that a picture of `size` becomes; `None` where Pillow or torch refuses to make it.
    pub(super) fn size(self, size: (u32, u32)) -> Option<(u32, u32)> {
        let (height, width) = size;
        let (short, long) = if width <= height { (width, height) } else { (height, width) };
        let (short, long) = match self {
            Target::Exact(height, width) => return checked((height, width)),
            Target::Short { length, longest } => {
                let new = (length, proportion(length, long, short)?);
                match longest {
                    Some(longest) if new.1 > longest => (proportion(longest, new.0, new.1)?, longest),
                    _ => new,
                }
            }
            Target::Long(length) => (proportion(length, short, long)?, length),
        };
        checked(if width <= height { (long, short) } else { (short, long) })
    }
}

/// Python's `int(length * a / b)`: a division in double precision, its fraction dropped.
fn proportion(length: u32, a: u32, b: u32) -> Option<u32> {
    let exact = (u64::from(length) * u64::from(a)) as f64 / f64::from(b);
    (exact <= f64::from(i32::MAX)).then_some(exact as u32)
}

/// Pillow's sizes are positive ints of C; torch's would be larger than any memory.
fn checked((height, width): (u32, u32)) -> Option<(u32, u32)> {
    let fits = |length: u32| length > 0 && i32::try_from(length).is_ok();
    (fits(height) && fits(width)).then_some((height, width))
}

/// Appends a resize, unless the size is right already: then torchvision leaves the picture as it is.
pub(super) fn resize(size: (u32, u32), to: (u32, u32), method: Method, steps: &mut Vec<Step>) -> (u32, u32) {
    if size != to {
        steps.push(Step::Resize { height: to.0, width: to.1, method });
    }
    to
}

/// torch's `exp` of a `float32`. The last bit of it is the vector library's that torch was built with, and
/// once in many thousand crops it decides about a pixel, so it is asked for and not restated.
#[derive(Clone)]
pub struct Exp(Arc<dyn Fn(f32) -> f32 + Send + Sync>);

impl Exp {
    /// What torch gives within the precision that it promises; called for few arguments, on the thread that
    /// draws.
    #[must_use]
    pub fn new(exp: impl Fn(f32) -> f32 + Send + Sync + 'static) -> Self {
        Exp(Arc::new(exp))
    }
}

impl fmt::Debug for Exp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("exp")
    }
}

impl PartialEq for Exp {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

/// The parameters of `RandomResizedCrop`; its two generations draw the same.
#[derive(Debug, Clone, PartialEq)]
pub struct RandomResizedCrop {
    /// Output (height, width) in pixels.
    pub size: (u32, u32),
    /// Bounds of the crop's share of the area.
    pub scale: (f32, f32),
    /// torch's logarithms of the bounds of width / height.
    pub log_ratio: (f32, f32),
    /// Those bounds, smaller first.
    pub ratio: (f64, f64),
    /// How the crop is resized.
    pub method: Method,
    /// How torch's `uniform_` rounds.
    pub uniform: Uniform,
    /// torch's exponential function.
    pub exp: Exp,
}

impl RandomResizedCrop {
    pub(super) fn draw(
        &self,
        size: (u32, u32),
        generator: &mut Mt19937,
        steps: &mut Vec<Step>,
    ) -> Option<(u32, u32)> {
        let [top, left, height, width] = self.rectangle(size, generator)?;
        if (height, width) != size {
            steps.push(Step::Crop { top, left, height, width });
        }
        Some(resize((height, width), checked(self.size)?, self.method, steps))
    }

    /// Draws the crop: top, left, height, width. `None` if it is empty.
    pub fn rectangle(&self, size: (u32, u32), generator: &mut Mt19937) -> Option<[u32; 4]> {
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
        let (top, left, height, width) = crop.unwrap_or_else(|| self.middle(size));
        (height > 0 && width > 0).then_some([top, left, height, width])
    }

    /// Height and width of a crop of that area, in Python's rounding, half to even.
    fn shape(&self, area: f64, log_ratio: f32) -> (f64, f64) {
        let shape = |ratio: f32| {
            let ratio = f64::from(ratio);
            ((area / ratio).sqrt().round_ties_even(), (area * ratio).sqrt().round_ties_even())
        };
        // Whatever exponential function torch uses, it is off by less than two in the last place.
        let near = f64::from(log_ratio).exp() as f32;
        let (low, high) = (near.next_down().next_down(), near.next_up().next_up());
        let found = shape(near);
        if shape(low) == found && shape(high) == found { found } else { shape((self.exp.0)(log_ratio)) }
    }

    /// The largest crop of an allowed shape in the middle.
    fn middle(&self, (height, width): (u32, u32)) -> (u32, u32, u32, u32) {
        let (least, most) = self.ratio;
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
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::resize::{Arithmetic, Filter, Order};
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn sizes_are_torchvisions() {
        let short = |length, longest| Target::Short { length, longest };
        let cases = [
            ((375, 500), short(256, None), Some((256, 341))),
            ((500, 375), short(256, None), Some((341, 256))),
            ((333, 500), short(256, None), Some((256, 384))),
            ((7, 7), short(9, None), Some((9, 9))),
            ((100, 400), short(50, Some(120)), Some((30, 120))),
            ((100, 400), short(50, Some(200)), Some((50, 200))),
            ((400, 100), short(50, Some(199)), Some((199, 49))),
            ((100, 400), Target::Long(37), Some((9, 37))),
            ((400, 100), Target::Long(37), Some((37, 9))),
            ((1, 400), Target::Long(37), None),
            ((10, 20), Target::Exact(3, 4), Some((3, 4))),
            ((10, 20), Target::Exact(0, 4), None),
            ((1, 1 << 24), short(256, None), None),
        ];
        for (size, target, expected) in cases {
            assert_eq!(target.size(size), expected, "{size:?} {target:?}");
        }
    }

    fn crop(exp: Exp) -> RandomResizedCrop {
        RandomResizedCrop {
            size: (32, 32),
            scale: (0.08, 1.0),
            log_ratio: (0.75f32.ln(), (4.0f32 / 3.0).ln()),
            ratio: (0.75, 4.0 / 3.0),
            method: Method { filter: Filter::Bilinear, arithmetic: Arithmetic::Pillow(Order::Across) },
            uniform: Uniform { fused: true, half_open: true },
            exp,
        }
    }

    #[test]
    fn torchs_exp_is_asked_for_only_where_it_matters() {
        static ASKED: AtomicUsize = AtomicUsize::new(0);
        let crop = crop(Exp::new(|x| {
            ASKED.fetch_add(1, Ordering::Relaxed);
            x.exp()
        }));
        let (mut generator, mut steps) = (Mt19937::new(1), Vec::new());
        for _ in 0..200_000 {
            steps.clear();
            assert_eq!(crop.draw((375, 500), &mut generator, &mut steps), Some((32, 32)));
        }
        let asked = ASKED.load(Ordering::Relaxed);
        assert!((1..2000).contains(&asked), "{asked}");
        // An answer that differs is what counts.
        let odd = self::crop(Exp::new(|_| 1.0));
        let edge = (30.5f64 * 30.5, 0.0f32);
        assert_eq!(odd.shape(edge.0, edge.1), (30.0, 30.0));
        let odd = self::crop(Exp::new(|_| 1.000_000_1));
        assert_eq!(odd.shape(edge.0, edge.1), (30.0, 31.0));
    }

    #[test]
    fn the_middle_is_taken_where_no_attempt_fits() {
        let crop = crop(Exp::new(f32::exp));
        assert_eq!(crop.middle((40, 400)), (0, 173, 40, 53));
        assert_eq!(crop.middle((400, 40)), (173, 0, 53, 40));
        assert_eq!(crop.middle((40, 42)), (0, 0, 40, 42));
        let mut steps = Vec::new();
        let mut generator = Mt19937::new(3);
        let thin = RandomResizedCrop { scale: (5.0, 5.0), ..crop };
        assert_eq!(thin.draw((40, 400), &mut generator, &mut steps), Some((32, 32)));
        assert_eq!(steps[0], Step::Crop { top: 0, left: 173, height: 40, width: 53 });
        let mut expected = Mt19937::new(3);
        (0..2 * ATTEMPTS).for_each(|_| {
            expected.next_u32();
        });
        assert_eq!(generator, expected);
    }
}
