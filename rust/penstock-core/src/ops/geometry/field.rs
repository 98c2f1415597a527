//! Where in the source the pixels of the output come from, in Pillow's arithmetic, path by path.

use std::ops::Range;

use super::fixed::{Fixed, Scaled};
use super::places::{Frame, Places};
use super::sample::Interpolation;
use super::torch_grid::gridded;
use crate::image::Region;
use crate::ops::kinds::Size;
use crate::ops::truncated;

/// The function from places of the output to those of the source.
#[derive(Debug, Clone)]
pub(crate) enum Field {
    /// Six numbers: `(a * x + b * y + c, d * x + e * y + f)` of a pixel's centre.
    Affine([f64; 6], Interpolation),
    /// Eight numbers: the same, both divided by `g * x + h * y + 1`.
    Perspective([f64; 8], Interpolation),
    /// Affine and nearest, as torch does it: a grid in single precision, of places counted from the middle.
    Grid {
        /// What x, y and 1 are multiplied by, for columns and for rows, in halves of the source.
        theta: [[f32; 3]; 2],
        /// Of the output.
        size: Size,
        /// Whether additions are one step with the multiplications.
        fused: bool,
    },
    /// Affine and nearest, in 16 and 16 bits.
    Fixed(Fixed),
    /// Nearest and along the axes: a table for each.
    Scaled(Scaled),
    /// Affine and nearest, of coordinates that 16 bits do not hold: from pixel to pixel in steps, each rounded.
    Stepped([f64; 6]),
}

impl Field {
    /// Fills in the places of some columns of some rows, one row behind the other.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "it is compiled for each level's vectors")]
    pub(crate) fn fill(&self, frame: &Frame, wanted: &Region, places: &mut Places) {
        let (columns, width) = (&wanted.columns, wanted.columns.len().max(1));
        places.resize(wanted.rows.len() * width);
        let first = columns.start as i32;
        let [across, down] = &mut places.fractions;
        let fractions = across.chunks_exact_mut(width).zip(down.chunks_exact_mut(width));
        let lines = wanted.rows.clone().zip(fractions);
        let offsets = wanted.rows.clone().zip(places.offsets.chunks_exact_mut(width));
        match self {
            Field::Affine([a, b, c, d, e, f], interpolation) => {
                for (row, (across, down)) in lines {
                    let y = f64::from(row) + 0.5;
                    let (of_x, of_y) = (b * y, e * y);
                    for (i, (out_x, out_y)) in across.iter_mut().zip(down).enumerate() {
                        let x = f64::from(first.wrapping_add(i as i32)) + 0.5;
                        (*out_x, *out_y) = (a * x + of_x + c, d * x + of_y + f);
                    }
                }
                Look::new(frame, *interpolation).at(places);
            }
            Field::Perspective([a, b, c, d, e, f, g, h], interpolation) => {
                for (row, (across, down)) in lines {
                    let y = f64::from(row) + 0.5;
                    let (of_x, of_y, of_depth) = (b * y, e * y, h * y);
                    for (i, (out_x, out_y)) in across.iter_mut().zip(down).enumerate() {
                        let x = f64::from(first.wrapping_add(i as i32)) + 0.5;
                        let depth = g * x + of_depth + 1.0;
                        (*out_x, *out_y) = ((a * x + of_x + c) / depth, (d * x + of_y + f) / depth);
                    }
                }
                Look::new(frame, *interpolation).at(places);
            }
            Field::Stepped([a, b, c, d, e, f]) => {
                for (row, (across, down)) in lines {
                    let mut place = [c + b * 0.5 + a * 0.5, f + e * 0.5 + d * 0.5];
                    for _ in 0..row {
                        place = [place[0] + b, place[1] + e];
                    }
                    for _ in 0..columns.start {
                        place = [place[0] + a, place[1] + d];
                    }
                    for (out_x, out_y) in across.iter_mut().zip(down) {
                        (*out_x, *out_y) = (place[0], place[1]);
                        place = [place[0] + a, place[1] + d];
                    }
                }
                Look::new(frame, Interpolation::Nearest).at(places);
            }
            Field::Grid { theta, size, fused } => {
                let middle = |length: u32| (length as f32 - 1.0) * -0.5;
                let ([height, width], [top, first]) =
                    ([frame.size.0, frame.size.1].map(|length| length as f32), frame.first);
                let [stride, step] = frame.strides.map(|stride| stride as i32);
                for (row, offsets) in offsets {
                    let (y, left) = (middle(size.0) + row as f32, middle(size.1) + columns.start as f32);
                    for (i, offset) in offsets.iter_mut().enumerate() {
                        let [x, y] = gridded(theta, [left + i as i32 as f32, y], *fused);
                        let (column, row) = (looked_at(x, width), looked_at(y, height));
                        let inside = (0.0..width).contains(&column) && (0.0..height).contains(&row);
                        let [row, column] = [row, column].map(|place| if inside { place as i32 } else { 0 });
                        let place = (row - top)
                            .wrapping_mul(stride)
                            .wrapping_add((column - first).wrapping_mul(step));
                        *offset = if inside { place } else { frame.outside };
                    }
                }
            }
            Field::Fixed(fixed) => offsets.for_each(|(row, offsets)| fixed.row(frame, row, columns, offsets)),
            Field::Scaled(scaled) => offsets.for_each(|(row, offsets)| scaled.row(frame, row, offsets)),
        }
    }

    /// The region of an image of `size` that a region of the output is made of.
    pub(crate) fn support(&self, size: Size, wanted: &Region) -> Region {
        let whole = Region::whole(size);
        if wanted.is_empty() {
            return Region::default();
        }
        let corner = |row: u32, column: u32| [f64::from(column as i32) + 0.5, f64::from(row as i32) + 0.5];
        let (rows, columns) = (&wanted.rows, &wanted.columns);
        let corners = [
            corner(rows.start, columns.start),
            corner(rows.start, columns.end - 1),
            corner(rows.end - 1, columns.start),
            corner(rows.end - 1, columns.end - 1),
        ];
        match self {
            Field::Affine(matrix, interpolation) => {
                // Rounded or not, a place never goes back where x or y goes on; so the corners are outermost.
                let places = corners.map(|corner| affine(matrix, corner));
                interpolation.around(places, 0.0, size)
            }
            Field::Perspective(matrix @ [a, b, c, d, e, f, g, h], interpolation) => {
                let _ = matrix;
                let depths = corners.map(|[x, y]| g * x + h * y + 1.0);
                // The horizon, or rounding near it, would make corners say nothing.
                if !depths.iter().all(|depth| *depth > 1e-6) && !depths.iter().all(|depth| *depth < -1e-6) {
                    return whole;
                }
                let mut places = corners.map(|corner| affine(&[*a, *b, *c, *d, *e, *f], corner));
                for (place, depth) in places.iter_mut().zip(depths) {
                    *place = place.map(|numerator| numerator / depth);
                }
                interpolation.around(places, 1.0, size)
            }
            Field::Grid { theta, size: out, fused } => {
                let middle = |length: u32| (length as f32 - 1.0) * -0.5;
                let places = corners.map(|[x, y]| {
                    let [x, y] = [middle(out.1) + (x - 0.5) as f32, middle(out.0) + (y - 0.5) as f32];
                    let [x, y] = gridded(theta, [x, y], *fused);
                    [looked_at(x, size.1 as f32), looked_at(y, size.0 as f32)].map(f64::from)
                });
                Interpolation::Nearest.around(places, 0.0, size)
            }
            Field::Fixed(fixed) => fixed.support(size, wanted).unwrap_or(whole),
            Field::Scaled(scaled) => scaled.support(),
            Field::Stepped(_) => whole,
        }
    }
}

/// The place that a pixel's centre comes from.
fn affine([a, b, c, d, e, f]: &[f64; 6], [x, y]: [f64; 2]) -> [f64; 2] {
    [a * x + b * y + c, d * x + e * y + f]
}

/// The pixel of an axis that a place in a grid is in; it may lie outside.
#[inline(always)]
#[expect(clippy::inline_always, reason = "it is compiled for each level's vectors")]
fn looked_at(place: f32, length: f32) -> f32 {
    (place + 1.0).mul_add(length / 2.0, -0.5).round_ties_even()
}

/// How places become offsets in a texture, and fractions.
#[derive(Debug, Clone, Copy)]
struct Look {
    height: f64,
    width: f64,
    /// From a pixel's edge to where places are counted from.
    half: f64,
    first_row: f64,
    first_column: f64,
    stride: f64,
    step: f64,
    outside: f64,
}

impl Look {
    fn new(frame: &Frame, interpolation: Interpolation) -> Look {
        let (half, before) = match interpolation {
            Interpolation::Nearest => (0.0, 0.0),
            Interpolation::Bilinear => (0.5, 0.0),
            Interpolation::Bicubic => (0.5, 1.0),
        };
        let [first_row, first_column] = frame.first.map(|first| f64::from(first) + before);
        let [stride, step] = frame.strides.map(|stride| f64::from(stride as i32));
        let (height, width) = (f64::from(frame.size.0), f64::from(frame.size.1));
        let outside = f64::from(frame.outside);
        Look { height, width, half, first_row, first_column, stride, step, outside }
    }

    /// Makes of places by columns and rows the offsets where the pixels begin that they are made of, and how far they are
    /// behind the centres before them.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "it is compiled for each level's vectors")]
    #[expect(clippy::suboptimal_flops, reason = "whole numbers that a double holds")]
    fn at(self, places: &mut Places) {
        let Places { offsets, fractions: [across, down], .. } = places;
        for ((offset, dx), dy) in offsets.iter_mut().zip(across).zip(down) {
            let (x, y) = (*dx, *dy);
            let inside = (0.0..self.width).contains(&x) && (0.0..self.height).contains(&y);
            let (x, y) = (x - self.half, y - self.half);
            let (column, row) = (x.floor(), y.floor());
            (*dx, *dy) = (x - column, y - row);
            let place = (row - self.first_row) * self.stride + (column - self.first_column) * self.step;
            *offset = truncated::place(if inside { place } else { self.outside });
        }
    }
}

impl Interpolation {
    /// The region of an image of `size` that places between some outermost ones (x, y) are made of, which may be wrong
    /// by `slack` pixels.
    fn around(self, corners: [[f64; 2]; 4], slack: f64, size: Size) -> Region {
        let axis = |which: usize, length: u32| {
            let of = corners.map(|corner| corner[which]);
            let low = of.into_iter().fold(f64::INFINITY, f64::min) - slack;
            let high = of.into_iter().fold(f64::NEG_INFINITY, f64::max) + slack;
            self.along(low, high, length)
        };
        let region = Region { rows: axis(1, size.0), columns: axis(0, size.1) };
        region.or_nothing()
    }

    /// The pixels that places from `low` to `high` are made of, of an axis of some length.
    fn along(self, low: f64, high: f64, length: u32) -> Range<u32> {
        let end = f64::from(length);
        // What is no number is looked for everywhere.
        if high < 0.0 || low >= end {
            return 0..0;
        }
        let (low, high) = (low.max(0.0), high.min(end));
        let (first, last) = match self {
            Interpolation::Nearest => (low.floor(), high.floor()),
            Interpolation::Bilinear => ((low - 0.5).floor(), (high - 0.5).floor() + 1.0),
            Interpolation::Bicubic => ((low - 0.5).floor() - 1.0, (high - 0.5).floor() + 2.0),
        };
        first.max(0.0) as u32..(last.max(0.0) as u32).saturating_add(1).min(length)
    }
}
