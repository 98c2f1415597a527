//! Erasing: a rectangle of the output becomes a constant, or what somebody has written there.

use std::sync::Arc;

use super::ask::Ask;
use super::chance::Chance;
use super::kinds::{Bounds, Draw, Elements, Ink, Parameters, Put, Size, Take, Wire};
use super::sides::sides;
use crate::image::Region;
use crate::random::Mt19937;
use crate::random::draw::{self, Uniform};

/// Attempts that `RandomErasing` makes before it erases nothing.
const ATTEMPTS: usize = 10;
/// Bytes that are pasted in one step: a step that is sent counts its words in two bytes.
const MOST_BYTES: usize = 4 * (u16::MAX as usize - 5);

/// `RandomErasing` with constants; its two generations draw the same. Operands: the chance (as `float32`, which is `v2`'s,
/// in both); the bounds of the rectangle's share of the area; torch's logarithms of the bounds of its height / width;
/// which constant of the table it becomes; how torch's `uniform_` rounds; torch's exponential function.
#[derive(Debug, Clone, PartialEq)]
pub struct RandomErasing {
    /// Whether it happens.
    pub chance: Chance,
    /// Bounds of the rectangle's share of the area.
    pub scale: Bounds,
    /// torch's logarithms of the bounds of height / width.
    pub log_ratio: Bounds,
    /// Which constant of the table the rectangle becomes.
    pub fill: u16,
    /// How torch's `uniform_` rounds.
    pub uniform: Uniform,
    /// torch's exponential function of a `float32`.
    pub exp: Ask,
}

impl<S: From<Erase>> Draw<S> for RandomErasing {
    fn draw(&self, size: Size, generator: &mut Mt19937, steps: &mut Vec<S>) -> Option<Size> {
        if self.chance.draw(generator) {
            let erase = self.rectangle(size, generator).filter(|erase| erase.height > 0 && erase.width > 0);
            steps.extend(erase.map(S::from));
        }
        Some(size)
    }
}

impl RandomErasing {
    /// Draws the rectangle; `None` if no attempt gives one that is smaller than the picture.
    fn rectangle(&self, size: Size, generator: &mut Mt19937) -> Option<Erase> {
        let area = (u64::from(size.0) * u64::from(size.1)) as f64;
        (0..ATTEMPTS).find_map(|_| {
            let area = area * f64::from(self.uniform.draw(generator, self.scale));
            let (height, width) = sides(area, self.uniform.draw(generator, self.log_ratio), &self.exp);
            if height >= f64::from(size.0) || width >= f64::from(size.1) {
                return None;
            }
            let (height, width) = (height as u32, width as u32);
            let top = draw::randint(generator, u64::from(size.0 - height) + 1) as u32;
            let left = draw::randint(generator, u64::from(size.1 - width) + 1) as u32;
            Some(Erase { top, left, height, width, fill: self.fill })
        })
    }
}

impl Parameters for RandomErasing {
    fn take(from: &mut impl Take) -> Option<Self> {
        let chance = Chance::take(from)?;
        let (scale, log_ratio) = (from.bounds()?, from.bounds()?);
        let fill = from.word()?.try_into().ok()?;
        let uniform = from.uniform()?;
        Some(RandomErasing { chance, scale, log_ratio, fill, uniform, exp: from.ask()? })
    }
}

/// Overwrites a rectangle that lies inside the picture.
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

/// A rectangle (top, left, height, width), if it lies inside a picture of that size.
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

/// Overwrites a rectangle that lies inside the picture with elements of the output. Copies of this step share them.
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
