//! The two passes, in plain code that is compiled for each level's vectors.
//!
//! torch sums up one product after the other, from the first to the last. Its compiler makes four at a time behind the
//! first one, each rounded before it is added, and adds what is left over in one step with its product.

use super::weights::Taps;
use crate::image::{Number, Planes};

/// Rows that the horizontal pass makes at a time, one beside the other.
pub(super) const LANES: usize = 16;
/// Columns that the vertical pass makes at a time.
const COLUMNS: usize = 32;
/// Products behind the first one that are rounded for themselves, if there are so many.
const ROUNDED: usize = 4;

/// Sums of products for several pixels at once, of which `source` gives those of each tap.
#[inline(always)]
#[expect(clippy::inline_always, reason = "it is compiled for each level's vectors")]
fn sums<const N: usize>(weights: &[f32], source: impl Fn(usize) -> [f32; N]) -> [f32; N] {
    let Some((&first, rest)) = weights.split_first() else { return [0.0; N] };
    let mut sums = source(0).map(|value| value * first);
    let rounded = rest.len() / ROUNDED * ROUNDED;
    for (tap, &weight) in rest.iter().enumerate() {
        let values = source(1 + tap);
        if tap < rounded {
            for (sum, value) in sums.iter_mut().zip(values) {
                *sum += value * weight;
            }
        } else {
            for (sum, value) in sums.iter_mut().zip(values) {
                *sum = value.mul_add(weight, *sum);
            }
        }
    }
    sums
}

/// Makes the columns of `taps` of all rows of an image.
///
/// `beside` is memory for [`LANES`] rows of the source.
#[inline(always)]
#[expect(clippy::inline_always, reason = "it is compiled for each level's vectors")]
pub(super) fn across(source: &Planes, taps: &Taps, beside: &mut Vec<[f32; LANES]>, out: &mut Planes) {
    let (width, made) = (source.columns(), out.columns());
    if width == 0 || made == 0 || taps.end() > width {
        return;
    }
    beside.resize(width, [0.0; LANES]);
    let groups = source.numbers().chunks(LANES * width);
    for (rows, out) in groups.zip(out.numbers_mut().chunks_mut(LANES * made)) {
        for (lane, row) in rows.chunks_exact(width).enumerate() {
            for (to, from) in beside.iter_mut().zip(row) {
                to[lane] = f32::from_ne_bytes(*from);
            }
        }
        for (x, (first, weights)) in taps.iter().enumerate() {
            let Some(window) = beside.get(first..first + weights.len()) else { continue };
            let sums = sums(weights, |tap| window[tap]);
            for (to, sum) in out.iter_mut().skip(x).step_by(made).zip(sums) {
                *to = sum.to_ne_bytes();
            }
        }
    }
}

/// Makes the rows of `taps` of all channels of an image.
#[inline(always)]
#[expect(clippy::inline_always, reason = "it is compiled for each level's vectors")]
pub(super) fn down(source: &Planes, taps: &Taps, out: &mut Planes) {
    let (width, height) = (source.columns(), source.rows());
    if width == 0 || height == 0 || taps.end() > height {
        return;
    }
    let planes = source.numbers().chunks_exact(width * height);
    let mut lines = out.numbers_mut().chunks_exact_mut(width);
    for plane in planes {
        for ((first, weights), line) in taps.iter().zip(&mut lines) {
            let rows = plane.get(first * width..(first + weights.len()) * width).unwrap_or(&[]);
            row(rows, weights, line);
        }
    }
}

/// Makes a row of some others, one after the other in memory.
#[inline(always)]
#[expect(clippy::inline_always, reason = "it is compiled for each level's vectors")]
fn row(rows: &[Number], weights: &[f32], out: &mut [Number]) {
    let width = out.len();
    let at = |tap: usize, column: usize| rows.get(tap * width + column..).unwrap_or(&[]);
    let (blocks, rest) = out.as_chunks_mut::<COLUMNS>();
    let done = blocks.len() * COLUMNS;
    for (block, to) in blocks.iter_mut().enumerate() {
        let made = sums(weights, |tap| {
            at(tap, block * COLUMNS).first_chunk().map_or([0.0; COLUMNS], |part| part.map(f32::from_ne_bytes))
        });
        *to = made.map(f32::to_ne_bytes);
    }
    for (column, to) in rest.iter_mut().enumerate() {
        let made = sums(weights, |tap| {
            [at(tap, done + column).first().map_or(0.0, |from| f32::from_ne_bytes(*from))]
        });
        *to = made[0].to_ne_bytes();
    }
}
