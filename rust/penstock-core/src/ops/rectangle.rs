//! A rectangle of one colour, drawn over an image.
//!
//! Operands: top, left, height and width in pixels, and the three bytes of the colour, of which an image of one channel has
//! the first.

use std::ops::Range;

use penstock_jpeg::simd::Level;

use super::kinds::{Area, Put, Size, Take, Wire};
use crate::image::sheet::Sheet;
use crate::image::{ImageView, Region};

/// Draws a filled rectangle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rectangle {
    /// First row.
    pub top: u32,
    /// First column.
    pub left: u32,
    /// Rows, at least one.
    pub height: u32,
    /// Columns, at least one.
    pub width: u32,
    /// Bytes of red, green and blue.
    pub color: [u8; 3],
}

/// The image with its rectangle, in memory that is used again.
#[derive(Debug, Default)]
pub struct Copied {
    out: Sheet,
}

impl Rectangle {
    fn rows(&self) -> Range<u32> {
        self.top..self.top.saturating_add(self.height)
    }

    fn columns(&self) -> Range<u32> {
        self.left..self.left.saturating_add(self.width)
    }

    fn is_gray(&self) -> bool {
        let [red, green, blue] = self.color;
        red == green && green == blue
    }
}

/// What two ranges have in common, counted from the beginning of the second one.
fn within(range: &Range<u32>, wanted: &Range<u32>) -> Range<usize> {
    let [start, end] =
        [range.start, range.end].map(|bound| bound.clamp(wanted.start, wanted.end) - wanted.start);
    start as usize..end as usize
}

impl Area for Rectangle {
    type Memory = Copied;

    fn size(&self, (height, width): Size) -> Option<Size> {
        (self.rows().end <= height && self.columns().end <= width).then_some((height, width))
    }

    fn support(&self, _size: Size, wanted: &Region) -> Region {
        wanted.clone()
    }

    fn make<'m>(
        &self,
        _level: Level,
        source: &ImageView<'m>,
        _size: Size,
        wanted: &Region,
        memory: &'m mut Copied,
    ) -> Option<ImageView<'m>> {
        if source.height() != wanted.rows.len() || source.width() != wanted.columns.len() {
            return None;
        }
        let (rows, columns) = (within(&self.rows(), &wanted.rows), within(&self.columns(), &wanted.columns));
        if rows.is_empty() || columns.is_empty() {
            return Some(*source);
        }
        // What is one channel in memory stays so, if the colour lets it.
        let gray = source.gray().filter(|_| self.is_gray());
        let lines = gray.as_ref().unwrap_or(source).rows()?;
        if !memory.out.shape(lines.planes, wanted.rows.len(), wanted.columns.len(), lines.step) {
            return None;
        }
        let (bytes, inner) = (lines.bytes_per_line(), columns.start * lines.step..columns.end * lines.step);
        for (plane, value) in (0..lines.planes).zip(self.color) {
            for row in 0..wanted.rows.len() {
                let out = memory.out.rows_mut(plane, row, 1).get_mut(..bytes)?;
                lines.line(plane, row)?.copy_to(out);
                if rows.contains(&row) {
                    let out = out.get_mut(inner.clone())?;
                    if lines.step == 1 {
                        out.fill(value);
                    } else {
                        out.as_chunks_mut().0.iter_mut().for_each(|pixel| *pixel = self.color);
                    }
                }
            }
        }
        let made = memory.out.image()?;
        Some(if gray.is_some() { made.with_channels(source.channels()) } else { made })
    }
}

impl Wire for Rectangle {
    fn put(&self, to: &mut impl Put) {
        to.words([self.top, self.left, self.height, self.width]);
        to.words(self.color.map(u32::from));
    }

    fn take(from: &mut impl Take) -> Option<Self> {
        let ([top, left, height, width], color) = (from.words()?, from.words::<3>()?);
        let fits = height > 0 && width > 0 && color.iter().all(|&byte| byte <= 255);
        fits.then(|| Rectangle { top, left, height, width, color: color.map(|byte| byte as u8) })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What is made of part of a 7 by 9 image by a rectangle, and what there should be.
    fn compare(rectangle: Rectangle, wanted: &Region, strides: [isize; 3], channels: usize) {
        let bytes: Vec<u8> = (0..=255).collect();
        let whole = ImageView::from_strided(&bytes, 0, [7, 9, channels], strides).unwrap();
        let source = whole.part(&wanted.rows, &wanted.columns).unwrap();
        let mut memory = Copied::default();
        let made = rectangle.make(Level::SCALAR, &source, (7, 9), wanted, &mut memory).unwrap();
        for (y, row) in wanted.rows.clone().enumerate() {
            for (x, column) in wanted.columns.clone().enumerate() {
                for channel in 0..channels {
                    let inside = rectangle.rows().contains(&row) && rectangle.columns().contains(&column);
                    let expected = if inside {
                        rectangle.color[channel]
                    } else {
                        whole.get(row as usize, column as usize, channel)
                    };
                    assert_eq!(made.get(y, x, channel), expected, "{rectangle:?} {row} {column} {channel}");
                }
            }
        }
    }

    proptest! {
        #[test]
        fn what_lies_under_it_has_its_colour(
            (top, left) in (0u32..7, 0u32..9),
            (height, width) in (1u32..7, 1u32..9),
            color in any::<[u8; 3]>(),
            gray in any::<bool>(),
            (y, x, y1, x1) in (0u32..7, 0u32..9, 1u32..8, 1u32..10),
        ) {
            let color = if gray { [color[0]; 3] } else { color };
            let rectangle = Rectangle {
                top, left, height: height.min(7 - top), width: width.min(9 - left), color,
            };
            let wanted = Region { rows: y.min(y1 - 1)..y1, columns: x.min(x1 - 1)..x1 };
            compare(rectangle, &wanted, [27, 3, 1], 3);
            compare(rectangle, &wanted, [9, 1, 63], 3);
            compare(rectangle, &wanted, [9, 1, 0], 3);
            compare(rectangle, &wanted, [9, 1, 63], 1);
        }
    }

    #[test]
    fn it_lies_inside() {
        let rectangle = Rectangle { top: 1, left: 2, height: 3, width: u32::MAX, color: [0; 3] };
        assert_eq!(rectangle.size((9, 9)), None);
        assert_eq!(Rectangle { width: 7, ..rectangle }.size((9, 9)), Some((9, 9)));
        assert_eq!(Rectangle { width: 7, ..rectangle }.size((3, 9)), None);
    }
}
