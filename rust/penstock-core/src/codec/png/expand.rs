//! Samples to bytes: one for each pixel of a gray image or for a colour's number, three for others.

use super::ihdr::{Color, Ihdr};
use super::reason::Reason;
use crate::codec::error::Irregular;

/// How the samples of an image become bytes.
#[derive(Debug)]
pub(super) struct Expand {
    color: Color,
    depth: usize,
    /// Colours by number, black where the palette has none.
    palette: [[u8; 3]; 256],
    /// Whether colours are left as numbers.
    numbers: bool,
    /// How many of them the palette has.
    colors: usize,
}

impl Expand {
    /// For an image with this palette, of triples; if there is none, colours are left as numbers.
    pub(super) fn new(ihdr: Ihdr, palette: Option<&[u8]>) -> Self {
        let mut table = [[0; 3]; 256];
        let (colors, _) = palette.unwrap_or_default().as_chunks();
        table[..colors.len()].copy_from_slice(colors);
        let (Ihdr { color, depth, .. }, numbers) = (ihdr, palette.is_none());
        Self { color, depth, palette: table, numbers, colors: colors.len() }
    }

    /// Writes `count` pixels of a line, from pixel `first` on, to every `gap`-th pixel of `out`.
    ///
    /// # Errors
    /// [`Irregular`] if a pixel is not in the palette.
    pub(super) fn spread(
        &self,
        line: &[u8],
        first: usize,
        count: usize,
        gap: usize,
        out: &mut [u8],
    ) -> Result<(), Irregular> {
        match (self.color, self.depth) {
            (Color::Gray, 8) => put(whole::<1>(line, first, count), gap, out),
            // Pillow cuts these off at 255.
            (Color::Gray, 16) => {
                let gray =
                    whole::<2>(line, first, count).map(|[high, low]| [if high == 0 { low } else { 255 }]);
                put(gray, gap, out);
            }
            (Color::Gray, 4) => put(parts::<4>(line, first, count).map(|value| [value * 0x11]), gap, out),
            (Color::Gray, 2) => put(parts::<2>(line, first, count).map(|value| [value * 0x55]), gap, out),
            (Color::Gray, _) => put(parts::<1>(line, first, count).map(|value| [value * 0xff]), gap, out),
            (Color::GrayAlpha, 8) => put(whole(line, first, count).map(|[gray, _]| [gray]), gap, out),
            // Of 16 bits Pillow takes the upper ones.
            (Color::GrayAlpha, _) => put(whole(line, first, count).map(|[gray, _, _, _]| [gray]), gap, out),
            (Color::Rgb, 8) => put(whole::<3>(line, first, count), gap, out),
            (Color::Rgb, _) => put(whole(line, first, count).map(|[r, _, g, _, b, _]| [r, g, b]), gap, out),
            (Color::Rgba, 8) => put(whole(line, first, count).map(|[r, g, b, _]| [r, g, b]), gap, out),
            (Color::Rgba, _) => {
                put(whole(line, first, count).map(|[r, _, g, _, b, _, _, _]| [r, g, b]), gap, out);
            }
            (Color::Palette, 8) => return self.look_up(line[first..first + count].iter().copied(), gap, out),
            (Color::Palette, 4) => return self.look_up(parts::<4>(line, first, count), gap, out),
            (Color::Palette, 2) => return self.look_up(parts::<2>(line, first, count), gap, out),
            (Color::Palette, _) => return self.look_up(parts::<1>(line, first, count), gap, out),
        }
        Ok(())
    }

    fn look_up(
        &self,
        numbers: impl Iterator<Item = u8> + Clone,
        gap: usize,
        out: &mut [u8],
    ) -> Result<(), Irregular> {
        if self.numbers {
            put(numbers.map(|number| [number]), gap, out);
            return Ok(());
        }
        if self.colors < 1 << self.depth && numbers.clone().any(|number| usize::from(number) >= self.colors) {
            return Err(Reason::Palette.into());
        }
        put(numbers.map(|number| self.palette[usize::from(number)]), gap, out);
        Ok(())
    }
}

/// Pixels of whole bytes.
fn whole<const N: usize>(line: &[u8], first: usize, count: usize) -> impl Iterator<Item = [u8; N]> {
    line[first * N..(first + count) * N].as_chunks().0.iter().copied()
}

/// Pixels of which several are in a byte, the first one in its upper bits.
fn parts<const DEPTH: usize>(line: &[u8], first: usize, count: usize) -> impl Iterator<Item = u8> + Clone {
    (first..first + count).map(|pixel| {
        let bit = pixel * DEPTH;
        line[bit / 8] << (bit % 8) >> (8 - DEPTH)
    })
}

fn put<const N: usize>(pixels: impl Iterator<Item = [u8; N]>, gap: usize, out: &mut [u8]) {
    if gap == 1 {
        out.as_chunks_mut().0.iter_mut().zip(pixels).for_each(|(to, pixel)| *to = pixel);
    } else {
        out.as_chunks_mut().0.iter_mut().step_by(gap).zip(pixels).for_each(|(to, pixel)| *to = pixel);
    }
}
