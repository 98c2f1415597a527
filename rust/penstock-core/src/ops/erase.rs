//! Erasing: a rectangle of the output becomes a constant, or what somebody has written there.

use std::sync::Arc;

use super::ask::{Ask, Noise};
use super::chance::Chance;
use super::kinds::{Bounds, Draw, Elements, Ink, Parameters, Put, Size, Take, Wire};
use super::sides::sides;
use crate::image::Region;
use crate::random::draw::{self, Uniform};
use crate::random::{Generator, Streams};

/// Attempts that `RandomErasing` makes before it erases nothing.
const ATTEMPTS: usize = 10;
/// Bytes that are pasted in one step: a step that is sent counts its words in two bytes.
const MOST_BYTES: usize = 4 * (u16::MAX as usize - 5);

/// `RandomErasing`, whose two generations draw the same. Operands: the chance (as `float32`, which is `v2`'s, in both); the
/// bounds of the rectangle's share of the area; torch's logarithms of the bounds of its height / width; which constant of the
/// table it becomes, or, if that is missing, the channels of noise and who draws it; how torch's `uniform_` rounds; torch's
/// exponential function.
#[derive(Debug, Clone, PartialEq)]
pub struct RandomErasing {
    /// Whether it happens.
    pub chance: Chance,
    /// Bounds of the rectangle's share of the area.
    pub scale: Bounds,
    /// torch's logarithms of the bounds of height / width.
    pub log_ratio: Bounds,
    /// What the rectangle becomes.
    pub filling: Filling,
    /// How torch's `uniform_` rounds.
    pub uniform: Uniform,
    /// torch's exponential function of a `float32`.
    pub exp: Ask,
}

/// What a rectangle that is drawn becomes.
#[derive(Debug, Clone, PartialEq)]
pub enum Filling {
    /// A constant of the table.
    Constant(u16),
    /// Numbers of so many channels, which are drawn between the rectangle's sides and its place.
    Noise(u32, Noise),
}

impl<S: From<Erase> + From<Paste>> Draw<S> for RandomErasing {
    fn draw(
        &self,
        size: Size,
        Streams { torch: generator, .. }: &mut Streams,
        steps: &mut Vec<S>,
    ) -> Option<Size> {
        if self.chance.draw(generator) {
            steps.extend(self.erasure(size, generator));
        }
        Some(size)
    }
}

impl RandomErasing {
    /// Draws the rectangle and what it becomes; `None` if no attempt gives one that is smaller than the image, or if it
    /// holds nothing.
    fn erasure<S: From<Erase> + From<Paste>>(&self, size: Size, generator: &mut Generator) -> Option<S> {
        let area = (u64::from(size.0) * u64::from(size.1)) as f64;
        let (height, width) = (0..ATTEMPTS).find_map(|_| {
            let area = area * f64::from(self.uniform.draw(generator, self.scale));
            let (height, width) = sides(area, self.uniform.draw(generator, self.log_ratio), &self.exp);
            let fits = height < f64::from(size.0) && width < f64::from(size.1);
            fits.then_some((height as u32, width as u32))
        })?;
        let drawn = match &self.filling {
            Filling::Noise(channels, noise) if height > 0 && width > 0 => {
                Some(noise.draw(generator.lend(), [*channels, height, width])?)
            }
            _ => None,
        };
        let top = draw::randint(generator, u64::from(size.0 - height) + 1) as u32;
        let left = draw::randint(generator, u64::from(size.1 - width) + 1) as u32;
        match (drawn, &self.filling) {
            _ if height == 0 || width == 0 => None,
            (Some(elements), _) => Some(Paste { top, left, height, width, elements: elements.into() }.into()),
            (None, &Filling::Constant(fill)) => Some(Erase { top, left, height, width, fill }.into()),
            (None, Filling::Noise(..)) => None,
        }
    }
}

impl Parameters for RandomErasing {
    fn take(from: &mut impl Take) -> Option<Self> {
        let chance = Chance::take(from)?;
        let (scale, log_ratio) = (from.bounds()?, from.bounds()?);
        let filling = if from.is_there()? {
            Filling::Constant(from.word()?.try_into().ok()?)
        } else {
            Filling::Noise(from.word()?, from.noise()?)
        };
        let uniform = from.uniform()?;
        Some(RandomErasing { chance, scale, log_ratio, filling, uniform, exp: from.ask()? })
    }
}

/// Overwrites a rectangle that lies inside the image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Erase {
    /// First row.
    pub top: u32,
    /// First column.
    pub left: u32,
    /// Its rows.
    pub height: u32,
    /// Its columns.
    pub width: u32,
    /// Which constant of the table it becomes.
    pub fill: u16,
}

impl Elements for Erase {
    fn place(&self, size: Size) -> Option<Region> {
        inside(size, [self.top, self.left, self.height, self.width])
    }

    fn ink(&self) -> Ink<'_> {
        Ink::Constant(self.fill)
    }
}

/// A rectangle (top, left, height, width), if it lies inside an image of that size.
fn inside((height, width): Size, rectangle: [u32; 4]) -> Option<Region> {
    let [top, left, rows, columns] = rectangle;
    let (bottom, right) = (top.checked_add(rows)?, left.checked_add(columns)?);
    (bottom <= height && right <= width).then_some(Region { rows: top..bottom, columns: left..right })
}

impl Wire for Erase {
    fn put(&self, to: &mut impl Put) {
        to.words([self.top, self.left, self.height, self.width, self.fill.into()]);
    }

    fn take(from: &mut impl Take) -> Option<Self> {
        let [top, left, height, width, fill] = from.words()?;
        Some(Erase { top, left, height, width, fill: fill.try_into().ok()? })
    }
}

/// Overwrites a rectangle that lies inside the image with elements of the output. Copies of this step share them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paste {
    /// First row.
    pub top: u32,
    /// First column.
    pub left: u32,
    /// Its rows.
    pub height: u32,
    /// Its columns.
    pub width: u32,
    /// Its elements: one for each channel, or channel after channel one for each pixel; fewer than 262,125 bytes.
    pub elements: Arc<[u8]>,
}

impl Elements for Paste {
    fn place(&self, size: Size) -> Option<Region> {
        inside(size, [self.top, self.left, self.height, self.width])
    }

    fn ink(&self) -> Ink<'_> {
        Ink::Elements(&self.elements)
    }
}

impl Wire for Paste {
    fn put(&self, to: &mut impl Put) {
        to.words([self.top, self.left, self.height, self.width]);
        to.bytes(&self.elements);
    }

    fn take(from: &mut impl Take) -> Option<Self> {
        let [top, left, height, width] = from.words()?;
        let elements = from.bytes()?;
        (elements.len() <= MOST_BYTES).then(|| Paste { top, left, height, width, elements: elements.into() })
    }
}

/// Changes some bits of the elements in a rectangle that lies inside the image: all of them in some of the channels, or
/// all but the signs, as a product with zero does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overprint {
    /// First row.
    pub top: u32,
    /// First column.
    pub left: u32,
    /// Its rows.
    pub height: u32,
    /// Its columns.
    pub width: u32,
    /// For each channel the bits of its elements that stay, and behind them, of all channels, those that are set besides.
    pub bits: Arc<[u8]>,
}

impl Elements for Overprint {
    fn place(&self, size: Size) -> Option<Region> {
        inside(size, [self.top, self.left, self.height, self.width])
    }

    fn ink(&self) -> Ink<'_> {
        let (stay, set) = self.bits.split_at(self.bits.len() / 2);
        Ink::Bits(stay, set)
    }
}

impl Wire for Overprint {
    fn put(&self, to: &mut impl Put) {
        to.words([self.top, self.left, self.height, self.width]);
        to.bytes(&self.bits);
    }

    fn take(from: &mut impl Take) -> Option<Self> {
        let [top, left, height, width] = from.words()?;
        let bits = from.bytes()?;
        let fits = bits.len() <= MOST_BYTES && bits.len().is_multiple_of(2);
        fits.then(|| Overprint { top, left, height, width, bits: bits.into() })
    }
}
