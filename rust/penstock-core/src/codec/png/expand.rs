//! Samples to bytes: one for each pixel of a gray picture, three for others.

use super::{Color, Ihdr, Reason};
use crate::codec::Irregular;

/// How the samples of a picture become bytes.
#[derive(Debug)]
pub(super) struct Expand {
    color: Color,
    depth: usize,
    /// Colours by number, black where the palette has none.
    palette: Vec<[u8; 3]>,
    /// How many of them the palette has.
    colors: usize,
}

impl Expand {
    /// For a picture with this palette, of triples.
    pub(super) fn new(ihdr: Ihdr, palette: &[u8]) -> Self {
        let mut table = palette.as_chunks().0.to_vec();
        let colors = table.len();
        if colors > 0 {
            table.resize(256, [0; 3]);
        }
        Self { color: ihdr.color, depth: ihdr.depth, palette: table, colors }
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
            (Color::Gray, depth) => {
                let scale = 255 / ((1 << depth) - 1);
                put(parts(line, depth, first, count).map(|value| [value * scale]), gap, out);
            }
            (Color::GrayAlpha, 8) => put(whole(line, first, count).map(|[gray, _]| [gray]), gap, out),
            // Of 16 bits Pillow takes the upper ones.
            (Color::GrayAlpha, _) => put(whole(line, first, count).map(|[gray, _, _, _]| [gray]), gap, out),
            (Color::Rgb, 8) => put(whole::<3>(line, first, count), gap, out),
            (Color::Rgb, _) => put(whole(line, first, count).map(|[r, _, g, _, b, _]| [r, g, b]), gap, out),
            (Color::Rgba, 8) => put(whole(line, first, count).map(|[r, g, b, _]| [r, g, b]), gap, out),
            (Color::Rgba, _) => {
                put(whole(line, first, count).map(|[r, _, g, _, b, _, _, _]| [r, g, b]), gap, out);
            }
            (Color::Palette, 8) => {
                let numbers = &line[first..first + count];
                if self.colors < 256
                    && numbers.iter().max().is_some_and(|&most| usize::from(most) >= self.colors)
                {
                    return Err(Reason::Palette.into());
                }
                put(numbers.iter().map(|&number| self.palette[usize::from(number)]), gap, out);
            }
            (Color::Palette, depth) => {
                if parts(line, depth, first, count).any(|number| usize::from(number) >= self.colors) {
                    return Err(Reason::Palette.into());
                }
                put(
                    parts(line, depth, first, count).map(|number| self.palette[usize::from(number)]),
                    gap,
                    out,
                );
            }
        }
        Ok(())
    }
}

/// Pixels of whole bytes.
fn whole<const N: usize>(line: &[u8], first: usize, count: usize) -> impl Iterator<Item = [u8; N]> {
    line[first * N..(first + count) * N].as_chunks().0.iter().copied()
}

/// Pixels of which several are in a byte, the first one in its upper bits.
fn parts(line: &[u8], depth: usize, first: usize, count: usize) -> impl Iterator<Item = u8> {
    let most = u8::MAX >> (8 - depth);
    (first..first + count).map(move |pixel| {
        let bit = pixel * depth;
        line[bit / 8] >> (8 - depth - bit % 8) & most
    })
}

fn put<const N: usize>(pixels: impl Iterator<Item = [u8; N]>, gap: usize, out: &mut [u8]) {
    if gap == 1 {
        out.as_chunks_mut().0.iter_mut().zip(pixels).for_each(|(to, pixel)| *to = pixel);
    } else {
        out.as_chunks_mut().0.iter_mut().step_by(gap).zip(pixels).for_each(|(to, pixel)| *to = pixel);
    }
}
