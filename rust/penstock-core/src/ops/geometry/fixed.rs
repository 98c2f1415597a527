//! Pillow's quicker paths for the nearest pixel: in fixed point, and along the axes.

use std::ops::Range;

use super::places::Frame;
use crate::image::Region;
use crate::ops::kinds::Size;

/// Coordinates of 16 bits and 16 more behind the point, column and row, which go from pixel to pixel in equal steps.
#[derive(Debug, Clone)]
pub(crate) struct Fixed {
    /// Of the first pixel.
    first: [i32; 2],
    /// From column to column.
    across: [i32; 2],
    /// From row to row.
    down: [i32; 2],
}

impl Fixed {
    /// `None` if the coordinates of the corners of an output of `size` do not fit.
    #[expect(clippy::suboptimal_flops, reason = "Pillow's own roundings")]
    pub(crate) fn new([a, b, c, d, e, f]: [f64; 6], (height, width): Size) -> Option<Self> {
        let (height, width) = (f64::from(height), f64::from(width));
        let fits =
            |x: f64, y: f64| (x * a + y * b + c).abs() < 32768.0 && (x * d + y * e + f).abs() < 32768.0;
        if !(fits(0.0, 0.0) && fits(width, height) && fits(0.0, height) && fits(width, 0.0)) {
            return None;
        }
        let fixed = |value: f64| (value * 65536.0 + 0.5).floor() as i32;
        Some(Fixed {
            first: [fixed(c + a * 0.5 + b * 0.5), fixed(f + d * 0.5 + e * 0.5)],
            across: [fixed(a), fixed(d)],
            down: [fixed(b), fixed(e)],
        })
    }

    /// See [`super::field::Field::fill`].
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "it is compiled for each level's vectors")]
    pub(crate) fn row(&self, frame: &Frame, row: u32, columns: &Range<u32>, offsets: &mut [i32]) {
        let [x, y] = self.begin(row as i32);
        let [x_step, y_step] = self.across;
        let (height, width) = frame.size;
        let [stride, step] = frame.strides.map(|stride| stride as i32);
        let [top, left] = frame.first;
        for (column, offset) in columns.clone().zip(offsets) {
            let x = x.wrapping_add(x_step.wrapping_mul(column as i32)) >> 16;
            let y = y.wrapping_add(y_step.wrapping_mul(column as i32)) >> 16;
            let inside = (x as u32) < width && (y as u32) < height;
            let place = (y.wrapping_sub(top))
                .wrapping_mul(stride)
                .wrapping_add((x.wrapping_sub(left)).wrapping_mul(step));
            *offset = if inside { place } else { frame.outside };
        }
    }

    fn begin(&self, row: i32) -> [i32; 2] {
        let at = |axis: usize| self.first[axis].wrapping_add(self.down[axis].wrapping_mul(row));
        [at(0), at(1)]
    }

    /// The region of an image of `size` that a region is made of; `None` if it cannot be told, as steps go beyond 32
    /// bits.
    pub(crate) fn support(&self, size: Size, wanted: &Region) -> Option<Region> {
        let axis = |axis: usize, length: u32| {
            let mut bounds = [i64::MAX, i64::MIN];
            for row in [wanted.rows.start, wanted.rows.end - 1] {
                for column in [wanted.columns.start, wanted.columns.end - 1] {
                    let value = i64::from(self.first[axis])
                        + i64::from(self.down[axis]) * i64::from(row)
                        + i64::from(self.across[axis]) * i64::from(column);
                    i32::try_from(value).ok()?;
                    bounds = [bounds[0].min(value >> 16), bounds[1].max(value >> 16)];
                }
            }
            let [low, high] = bounds;
            let end = (high + 1).clamp(0, length.into());
            Some(low.clamp(0, end) as u32..end as u32)
        };
        let region = Region { rows: axis(1, size.0)?, columns: axis(0, size.1)? };
        Some(region.or_nothing())
    }
}

/// Which row each row comes from, and which column each column; negative where there is none.
#[derive(Debug, Clone)]
pub(crate) struct Scaled {
    /// The first row that was asked for.
    top: u32,
    rows: Vec<i32>,
    columns: Vec<i32>,
    /// The columns that come from anywhere, if each of them comes from behind the one before it.
    shift: Option<Range<usize>>,
}

impl Scaled {
    /// The tables of a region of the output of an image of `size`, for rows and columns that are `scale * x + offset`.
    #[expect(clippy::suboptimal_flops, reason = "Pillow's own roundings")]
    pub(crate) fn new([a, _, c, _, e, f]: [f64; 6], size: Size, wanted: &Region) -> Self {
        let table = |scale: f64, offset: f64, wanted: &Range<u32>, length: u32| {
            let mut place = offset + scale * 0.5;
            let mut table = Vec::with_capacity(wanted.len());
            for index in 0..wanted.end {
                if index >= wanted.start {
                    let inside = place >= 0.0 && place < f64::from(length);
                    table.push(if inside { place as i32 } else { -1 });
                }
                place += scale;
            }
            table
        };
        let (rows, columns) = (table(e, f, &wanted.rows, size.0), table(a, c, &wanted.columns, size.1));
        let first = columns.iter().position(|column| *column >= 0).unwrap_or(columns.len());
        let seen = columns.iter().skip(first).take_while(|column| **column >= 0).count();
        let inside = first..first + seen;
        let alone = columns.iter().skip(inside.end).all(|column| *column < 0);
        let next = |pair: &[i32]| matches!(pair, [one, other] if one + 1 == *other);
        let follow = columns.get(inside.clone()).is_some_and(|columns| columns.windows(2).all(next));
        Scaled { top: wanted.rows.start, rows, columns, shift: (alone && follow).then_some(inside) }
    }

    /// See [`super::field::Field::fill`].
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "it is compiled for each level's vectors")]
    pub(crate) fn row(&self, frame: &Frame, row: u32, offsets: &mut [i32]) {
        let [stride, step] = frame.strides.map(|stride| stride as i32);
        let [top, left] = frame.first;
        let row = self.rows.get((row - self.top) as usize).copied().unwrap_or(-1);
        let begin = (row - top).wrapping_mul(stride);
        for (offset, column) in offsets.iter_mut().zip(&self.columns) {
            let place = begin.wrapping_add((column - left).wrapping_mul(step));
            *offset = if row >= 0 && *column >= 0 { place } else { frame.outside };
        }
    }

    /// Whether neighbouring columns come from neighbouring columns.
    pub(crate) fn is_shift(&self) -> bool {
        self.shift.is_some()
    }

    /// Where such columns go, counted from the first one that was asked for, and the row that they come from, counted from
    /// the first one of the support, if there is one.
    pub(crate) fn shifted(&self, row: u32, support: &Region) -> Option<(Range<usize>, Option<usize>)> {
        let from = self.rows.get((row - self.top) as usize).filter(|row| **row >= 0);
        let from = from.map(|row| (*row as u32 - support.rows.start) as usize);
        let columns = self.shift.clone()?;
        Some((if from.is_some() { columns } else { 0..0 }, from))
    }

    /// What the tables name.
    pub(crate) fn support(&self) -> Region {
        let range = |table: &[i32]| {
            let inside = || table.iter().filter(|&&place| place >= 0);
            let first = inside().min().map_or(0, |&first| first as u32);
            first..inside().max().map_or(0, |&last| last as u32 + 1)
        };
        let region = Region { rows: range(&self.rows), columns: range(&self.columns) };
        region.or_nothing()
    }
}
