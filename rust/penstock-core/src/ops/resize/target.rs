//! `Resize`: what size torchvision makes.

use super::filter::Filter;
use super::floats::ResampleFloats;
use super::passes::{Arithmetic, Method, Order};
use super::step::Resample;
use crate::ops::choice::Choice;
use crate::ops::kinds::{Draw, Parameters, Size, Take};
use crate::random::{Streams, Words, python};

/// `Resize`.
#[derive(Debug, Clone, PartialEq)]
pub struct Resize {
    /// The size to make.
    pub target: Target,
    /// How.
    pub manner: Manner,
}

impl<S: From<Resample> + From<ResampleFloats>> Draw<S> for Resize {
    fn draw(&self, size: Size, _streams: &mut Streams, steps: &mut Vec<S>) -> Option<Size> {
        Some(resize(size, self.target.size(size)?, self.manner, steps))
    }
}

impl Parameters for Resize {
    fn take(from: &mut impl Take) -> Option<Self> {
        let target = match from.choice()? {
            Shown::Exact => Target::Exact(from.word()?, from.word()?),
            Shown::Short => {
                let length = from.word()?;
                Target::Short { length, longest: if from.is_there()? { Some(from.word()?) } else { None } }
            }
            Shown::Long => Target::Long(from.word()?),
        };
        Some(Self { target, manner: Manner::take(from)? })
    }
}

/// How an image is resized, of bytes or of numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// Of bytes.
    Bytes(Method),
    /// Of numbers in single precision.
    Floats(Filter),
}

impl From<Method> for Manner {
    fn from(method: Method) -> Self {
        Manner::Bytes(method)
    }
}

impl Manner {
    /// Reads a filter and whose arithmetic, of what.
    pub(super) fn take(from: &mut impl Take) -> Option<Self> {
        let filter = from.choice()?;
        Some(match from.choice()? {
            Of::Bytes(arithmetic) => Manner::Bytes(Method { filter, arithmetic }),
            Of::Floats => Manner::Floats(filter),
        })
    }
}

/// The manners of which Python draws one, if there are several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manners(Vec<Manner>);

impl Manners {
    /// Reads how many there are, at least one, and these.
    pub(super) fn take(from: &mut impl Take) -> Option<Self> {
        let count = from.word()?;
        let manners: Option<Vec<Manner>> = (0..count).map(|_| Manner::take(from)).collect();
        manners.filter(|manners| !manners.is_empty()).map(Manners)
    }

    /// Draws one by `random.choice`; the only one without a draw.
    pub(super) fn draw(&self, generator: &mut impl Words) -> Option<Manner> {
        let at = if self.0.len() > 1 { python::below(generator, self.0.len() as u32) } else { 0 };
        self.0.get(at as usize).copied()
    }
}

/// A [`Manner`] without its filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Of {
    Bytes(Arithmetic),
    Floats,
}

impl Choice for Of {
    const ALL: &[(Self, &str)] = &[
        (Of::Bytes(Arithmetic::Pillow(Order::Across)), "across"),
        (Of::Bytes(Arithmetic::Pillow(Order::Shrinkage)), "shrinkage"),
        (Of::Bytes(Arithmetic::Pillow(Order::Tall)), "tall"),
        (Of::Bytes(Arithmetic::Torch), "torch"),
        (Of::Floats, "floats"),
    ];
}

/// A [`Target`] without its lengths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shown {
    Exact,
    Short,
    Long,
}

impl Choice for Shown {
    const ALL: &[(Self, &str)] = &[(Shown::Exact, "exact"), (Shown::Short, "short"), (Shown::Long, "long")];
}

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
    /// The size that an image of `size` becomes; `None` where Pillow or torch refuses to make it.
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
pub(super) fn checked((height, width): (u32, u32)) -> Option<(u32, u32)> {
    let fits = |length: u32| length > 0 && i32::try_from(length).is_ok();
    (fits(height) && fits(width)).then_some((height, width))
}

/// Appends a resize, unless the size is right already: then torchvision leaves the image as it is.
pub(super) fn resize<S: From<Resample> + From<ResampleFloats>>(
    size: Size,
    (height, width): Size,
    manner: Manner,
    steps: &mut Vec<S>,
) -> Size {
    if size != (height, width) {
        steps.push(match manner {
            Manner::Bytes(method) => Resample { height, width, method }.into(),
            Manner::Floats(filter) => ResampleFloats { height, width, filter }.into(),
        });
    }
    (height, width)
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
