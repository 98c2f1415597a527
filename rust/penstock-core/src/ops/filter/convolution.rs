//! torch's convolution of each channel, with weights that are those of a row times those of a column.
//!
//! torch pads the image by reflection, multiplies in single precision and adds each product in the same step, one row of
//! weights after the other; sums are rounded to the nearest byte, half to even. This order is what oneDNN's results
//! show, and the installed torch is asked for it before it is trusted.

use std::ops::Range;
use std::sync::Arc;

use crate::image::lines;
use crate::ops::kinds::{Put, Take, Wire};

/// Convolves every channel. Operands: the number of weights along rows and these, and the same down columns. Both numbers
/// are odd.
#[derive(Debug, Clone, PartialEq)]
pub struct Convolution {
    pub(super) weights: Arc<[Vec<f32>; 2]>,
}

impl Convolution {
    /// `None` if a number of weights is even, or a weight is negative, or they are so large that a byte could become more
    /// than one.
    #[must_use]
    pub fn new(across: Vec<f32>, down: Vec<f32>) -> Option<Self> {
        let weights = [across, down];
        let fit = weights.iter().all(|of| of.len() % 2 == 1 && of.iter().all(|&weight| weight >= 0.0));
        let [across, down] =
            weights.each_ref().map(|of| of.iter().map(|&weight| f64::from(weight)).sum::<f64>());
        (fit && across * down < 1.001).then(|| Convolution { weights: Arc::new(weights) })
    }

    /// Pixels on either side of one that count for it, along rows and down columns.
    pub(super) fn margins(&self) -> [u32; 2] {
        self.weights.each_ref().map(|of| of.len() as u32 / 2)
    }
}

impl Convolution {
    /// The weights along rows and down columns.
    pub(super) fn weights(&self) -> &[Vec<f32>; 2] {
        &self.weights
    }
}

impl Wire for Convolution {
    fn put(&self, to: &mut impl Put) {
        for weights in self.weights.iter() {
            to.word(weights.len() as u32);
            for &weight in weights {
                to.double(weight.into());
            }
        }
    }

    fn take(from: &mut impl Take) -> Option<Self> {
        let mut weights = || -> Option<Vec<f32>> {
            let count = from.word()?;
            (0..count).map(|_| from.double().map(|weight| weight as f32)).collect()
        };
        Convolution::new(weights()?, weights()?)
    }
}

/// The place of an axis of `length` that is seen at a place which may lie before or behind it.
fn reflected(place: i64, length: u32) -> i64 {
    let last = i64::from(length) - 1;
    last - (last - place.abs()).abs()
}

/// The places that a range is made of, some of which may lie before the axis or behind it.
fn around(range: &Range<u32>, margin: u32) -> Range<i64> {
    i64::from(range.start) - i64::from(margin)..i64::from(range.end) + i64::from(margin)
}

/// The range of an axis of `length` that a range is made of.
pub(super) fn grown(range: &Range<u32>, margin: u32, length: u32) -> Range<u32> {
    let places = around(range, margin);
    let (first, last) = (reflected(places.start, length), reflected(places.end - 1, length));
    // Where the border is passed, it is seen.
    let from = if places.start < 0 { 0 } else { first.min(last) };
    let to = if places.end > length.into() { length.into() } else { first.max(last) + 1 };
    from as u32..to as u32
}

/// What a range of an axis is made of.
pub(super) struct Seen {
    places: Range<i64>,
    length: u32,
    /// The first place that is there.
    first: u32,
}

impl Seen {
    pub(super) fn new(range: &Range<u32>, margin: u32, length: u32, first: u32) -> Self {
        Seen { places: around(range, margin), length, first }
    }

    pub(super) fn count(&self) -> usize {
        (self.places.end - self.places.start) as usize
    }

    /// What is seen at one of the places, counted from the first that is there.
    pub(super) fn at(&self, index: usize) -> usize {
        (reflected(self.places.start + index as i64, self.length) - i64::from(self.first)) as usize
    }

    /// The first of the places that is in the axis, and the first behind it.
    fn inside(&self) -> [usize; 2] {
        let end = self.places.end.min(self.length.into());
        [0, end].map(|place| (place - self.places.start).max(0) as usize)
    }
}

/// Rows of output that are made together.
pub(crate) const ROWS: usize = 4;
/// Bytes of a row that are made together, at most; so many numbers stand behind each.
pub(crate) const BLOCK: usize = 64;

/// All products of the weights, by the row of the source that is looked at, counted from the first one that [`ROWS`] rows
/// of output are made of, and by the weight of a row: what it counts for in each of the rows of output.
#[derive(Debug, Default)]
pub(crate) struct Taps {
    products: Vec<[f32; ROWS]>,
    across: usize,
    /// Bytes from pixel to pixel.
    pub(crate) step: usize,
}

impl Taps {
    pub(super) fn fill(&mut self, [across, down]: &[Vec<f32>; 2], step: usize) {
        (self.across, self.step) = (across.len(), step);
        self.products.clear();
        for row in 0..down.len() + ROWS - 1 {
            let weight = |out| row.checked_sub(out).and_then(|row| down.get(row)).copied();
            // A product with zero changes no sum.
            let down: [f32; ROWS] = std::array::from_fn(|out| weight(out).unwrap_or(0.0));
            self.products.extend(across.iter().map(|across| down.map(|down| down * across)));
        }
    }

    /// Those of each row of the source.
    #[inline]
    pub(crate) fn rows(&self) -> impl Iterator<Item = &[[f32; ROWS]]> {
        self.products.chunks_exact(self.across.max(1))
    }
}

/// A plane of the source in single precision, with what is seen before and behind it.
#[derive(Debug, Default)]
pub(crate) struct Given {
    numbers: Vec<f32>,
    stride: usize,
}

impl Given {
    /// Numbers that are there at a time, so that they stay in the second-level cache.
    const MOST: usize = 1 << 18;
    /// Rows that are made of them at least.
    const LEAST: usize = 32;

    /// Rows of output of which all that they are made of is there at a time, a multiple of [`ROWS`].
    pub(super) fn rows_at_a_time(&mut self, width: usize, margin: u32) -> usize {
        self.stride = width + BLOCK;
        let rows = Self::MOST / self.stride;
        rows.saturating_sub(2 * margin as usize + ROWS).max(Self::LEAST).next_multiple_of(ROWS)
    }

    /// Takes a plane's rows, of which `line` holds one after the other.
    pub(super) fn fill(
        &mut self,
        lines: &lines::Lines<'_>,
        plane: usize,
        [rows, columns]: [&Seen; 2],
        line: &mut Vec<u8>,
    ) -> Option<()> {
        let step = lines.step;
        line.resize(lines.bytes_per_line(), 0);
        // Rows of output behind the last one are made of what was there before.
        self.numbers.resize((rows.count() + ROWS) * self.stride, 0.0);
        let [left, right] = columns.inside();
        for (numbers, row) in self.numbers.chunks_exact_mut(self.stride).zip(0..rows.count()) {
            lines.line(plane, rows.at(row))?.copy_to(line);
            let (from, inside) = (columns.at(left), numbers.get_mut(left * step..right * step)?);
            for (number, byte) in inside.iter_mut().zip(line.get(from * step..)?) {
                *number = f32::from(*byte);
            }
            for at in (0..left).chain(right..columns.count()) {
                let (pixel, seen) = (numbers.get_mut(at * step..)?, line.get(columns.at(at) * step..)?);
                for (number, byte) in pixel.iter_mut().zip(seen).take(step) {
                    *number = f32::from(*byte);
                }
            }
        }
        Some(())
    }

    /// The numbers of a row, and all behind them.
    #[inline]
    pub(crate) fn row(&self, index: usize) -> &[f32] {
        self.numbers.get(index * self.stride..).unwrap_or(&[])
    }
}

/// Rows of output. Behind each there is room up to the next multiple of [`BLOCK`].
#[derive(Debug)]
pub(crate) struct Lines<'o> {
    pub(crate) bytes: &'o mut [u8],
    pub(crate) stride: usize,
    /// Bytes of a row that count.
    pub(crate) width: usize,
}

/// Makes rows of output of those that are given, the first of the first ones.
pub(crate) fn convolve(taps: &Taps, given: &Given, out: &mut Lines<'_>) {
    for (index, row) in out.bytes.chunks_mut(out.stride.max(1)).enumerate() {
        for (at, byte) in row.iter_mut().enumerate().take(out.width) {
            let mut sum = 0.0_f32;
            for (row, products) in taps.rows().enumerate() {
                let numbers = given.row(index + row).iter().skip(at).step_by(taps.step);
                for (number, [weight, ..]) in numbers.zip(products) {
                    sum = number.mul_add(*weight, sum);
                }
            }
            *byte = sum.round_ties_even() as u8;
        }
    }
}
