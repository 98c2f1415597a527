//! Pillow's resize of 8-bit images, and torch's of uint8 tensors, bit for bit.
//!
//! Two passes, each to bytes, in the order that the version of Pillow takes (`Order`), with torch the
//! horizontal one first; a pass whose size does not change is left out. A pixel is the sum of source pixels
//! times integer weights and of half of the last place, shifted and clipped to a byte. Integer sums may be made
//! in any order, so vectors give the same bits: see `program` for the horizontal pass; the vertical
//! one goes along the rows and needs no plan.
//!
//! Only what is asked for is made: a [`Region`] of the output, from the region of the source that lies under
//! it ([`Passes::support`]).

use std::ops::Range;

use penstock_jpeg::simd::{Level, Part};

use super::column::{BLOCK, Column, half};
use super::dispatch;
use super::filter::{Scaling, Taps};
use super::passes::{Method, Passes};
use super::program::{Program, RowOf, Shape};
use super::recent::Recent;
use crate::image::sheet::Sheet;
use crate::image::{ImageView, Region};
use crate::level;

/// Bytes of the source that go through all tiles of the horizontal pass before the next ones do: they are to
/// stay in the second-level cache meanwhile.
const BAND_BYTES: usize = 192 << 10;
/// Sizes whose taps a thread remembers.
const REMEMBERED: usize = 4;

/// What the horizontal pass to some outputs is made by.
#[derive(Debug, Default)]
struct Across {
    taps: Taps,
    /// How vectors make it; `None` if plain code does.
    shape: Option<Shape>,
    /// For vectors.
    program: Program,
}

/// Which outputs, of which rows, at which level.
type AcrossKey = (Scaling, Range<u32>, RowOf, Level);

/// Memory of one thread that resizes, reused from image to image.
#[derive(Debug, Default)]
pub struct Resampler {
    across: Sheet,
    down: Sheet,
    across_taps: Recent<AcrossKey, Across, REMEMBERED>,
    down_taps: Recent<(Scaling, Range<u32>), Taps, REMEMBERED>,
    plain: Plain,
}

/// Memory of the plain passes.
#[derive(Debug, Default)]
struct Plain {
    line: Vec<u8>,
    sums: Vec<i32>,
}

impl Resampler {
    /// Resizes an image of any layout, the whole of it.
    ///
    /// `None` if a size is zero, if the memory for it cannot be had, or if the image's rows are not
    /// contiguous, forwards, with one channel or three interleaved ones.
    pub fn resize<'r>(
        &'r mut self,
        image: &ImageView<'r>,
        size: (u32, u32),
        method: Method,
    ) -> Option<ImageView<'r>> {
        self.resize_at(level::in_use(), image, size, method)
    }

    /// [`Resampler::resize`] with the vector instructions of `level`.
    pub fn resize_at<'r>(
        &'r mut self,
        level: Level,
        image: &ImageView<'r>,
        size: (u32, u32),
        method: Method,
    ) -> Option<ImageView<'r>> {
        let from = (image.height() as u32, image.width() as u32);
        if [from.0, from.1, size.0, size.1].contains(&0) {
            return None;
        }
        let resize = Passes::new(from, size, method);
        let region = Region::whole(size);
        // Nearest may leave out pixels at the edge.
        let support = resize.support(&region);
        let part = image.part(&support.rows, &support.columns)?;
        self.resample(level, &part, &resize, &region)
    }

    /// Makes a region of a resize's output from `source`, which is exactly the support of that region and has
    /// [rows](ImageView::rows). `None` if it has not, or if memory is short.
    pub(crate) fn resample<'r>(
        &'r mut self,
        level: Level,
        source: &ImageView<'r>,
        resize: &Passes,
        region: &Region,
    ) -> Option<ImageView<'r>> {
        let support = resize.support(region);
        if source.height() != support.rows.len() || source.width() != support.columns.len() {
            return None;
        }
        if let Some(gray) = source.gray() {
            return Some(self.resample(level, &gray, resize, region)?.with_channels(source.channels()));
        }
        let Resampler { across, down, across_taps, down_taps, plain } = self;
        let (rows, columns) = (!resize.rows.is_identity(), !resize.columns.is_identity());
        if resize.rows.filter.chooses() {
            // Rows are chosen, not made.
            let rows = (resize.rows, region.rows.clone());
            let rows = down_taps.get(rows, |taps| taps.prepare(&resize.rows, &region.rows))?;
            return pass_across(level, resize, region, source, Some(rows), across_taps, plain, across);
        }
        let mut image = *source;
        if resize.down_first {
            if rows {
                image = pass_down(level, resize, region, &image, down_taps, plain, down)?;
            }
            if columns {
                image = pass_across(level, resize, region, &image, None, across_taps, plain, across)?;
            }
        } else {
            if columns {
                image = pass_across(level, resize, region, &image, None, across_taps, plain, across)?;
            }
            if rows {
                image = pass_down(level, resize, region, &image, down_taps, plain, down)?;
            }
        }
        Some(image)
    }
}

/// The horizontal pass to the columns of a region, of all rows that there are, or of those chosen.
#[expect(clippy::too_many_arguments, reason = "the memory that it needs, piece by piece")]
fn pass_across<'o>(
    level: Level,
    resize: &Passes,
    region: &Region,
    source: &ImageView<'_>,
    chosen: Option<&Taps>,
    recent: &mut Recent<AcrossKey, Across, REMEMBERED>,
    plain: &mut Plain,
    out: &'o mut Sheet,
) -> Option<ImageView<'o>> {
    let (scaling, outputs, lines) = (&resize.columns, &region.columns, source.rows()?);
    let (first, bytes, step) = (scaling.support(outputs).start, lines.bytes_per_line(), lines.step);
    let row = RowOf { first, bytes, step };
    let made = recent.get((*scaling, outputs.clone(), row, level), |made| {
        let enough = made.taps.prepare(scaling, outputs);
        let shape = dispatch::shape(level, made.taps.largest()).filter(|shape| enough && shape.takes(bytes));
        made.shape = shape;
        if let Some(shape) = shape {
            made.program.build(shape, &made.taps, row);
        }
        enough
    })?;
    let above = resize.rows.support(&region.rows).start;
    let count = chosen.map_or(lines.count, Taps::len);
    if !out.shape(lines.planes, count, outputs.len(), step) {
        return None;
    }
    // Where fewer than a block are left, the last one is made several times.
    let line = |plane: usize, row: usize| {
        let row = row.min(count.saturating_sub(1));
        lines.line(plane, chosen.map_or(row, |rows| rows.span(row).start.saturating_sub(above) as usize))
    };
    let stride = out.stride();
    let Some(shape) = made.shape else {
        for (plane, row_of_out) in (0..lines.planes).flat_map(|plane| (0..count).map(move |row| (plane, row)))
        {
            plain.across(&made.taps, row, line(plane, row_of_out)?, out.rows_mut(plane, row_of_out, 1));
        }
        return out.image();
    };
    let band = (BAND_BYTES / bytes.max(1)).max(1).next_multiple_of(BLOCK);
    let bands = (0..lines.planes).flat_map(|plane| (0..count).step_by(band).map(move |top| (plane, top)));
    for (plane, top) in bands {
        for tile in made.program.tiles() {
            for first in (top..count.min(top + band)).step_by(BLOCK) {
                let rows = out.rows_mut(plane, first, BLOCK);
                let [a, b, c, d] = [0, 1, 2, 3].map(|i| line(plane, first + i));
                dispatch::across(level, shape, &made.program, tile, step, &[a?, b?, c?, d?], rows, stride);
            }
        }
    }
    out.image()
}

/// The vertical pass to the rows of a region, of all columns that there are.
fn pass_down<'o>(
    level: Level,
    resize: &Passes,
    region: &Region,
    source: &ImageView<'_>,
    recent: &mut Recent<(Scaling, Range<u32>), Taps, REMEMBERED>,
    plain: &mut Plain,
    out: &'o mut Sheet,
) -> Option<ImageView<'o>> {
    let (scaling, outputs, lines) = (&resize.rows, &region.rows, source.rows()?);
    let above = scaling.support(outputs).start;
    let taps = recent.get((*scaling, outputs.clone()), |taps| taps.prepare(scaling, outputs))?;
    if !out.shape(lines.planes, outputs.len(), lines.pixels, lines.step) {
        return None;
    }
    let shape = dispatch::shape(level, taps.largest());
    for plane in 0..lines.planes {
        for row in 0..taps.len() {
            let first = taps.span(row).start.saturating_sub(above) as usize;
            let (count, weights) = (taps.span(row).len(), taps.weights(row));
            let out = out.rows_mut(plane, row, 1);
            let column = Column { lines: &lines, plane, first, count, weights, bits: taps.bits() };
            if !shape.is_some_and(|shape| dispatch::down(level, shape, &column, out)) {
                plain.down(&column, out);
            }
        }
    }
    out.image()
}

/// The byte that a sum stands for.
#[inline]
fn clip(sum: i32, bits: u32) -> u8 {
    (sum >> bits).clamp(0, 255) as u8
}

/// One row of the horizontal pass, of `N` interleaved channels.
fn across<const N: usize>(line: &[u8], taps: &Taps, first: u32, out: &mut [u8]) {
    let (line, _) = line.as_chunks::<N>();
    for (output, pixel) in out.as_chunks_mut::<N>().0.iter_mut().enumerate().take(taps.len()) {
        let span = taps.span(output);
        let places = span.start.saturating_sub(first) as usize..span.end.saturating_sub(first) as usize;
        let pixels = line.get(places).unwrap_or(&[]);
        if taps.is_choice() {
            if let Some(chosen) = pixels.first() {
                *pixel = *chosen;
            }
            continue;
        }
        let mut sums = [half(taps.bits()); N];
        for (pixel, &weight) in pixels.iter().zip(taps.weights(output)) {
            for (sum, &byte) in sums.iter_mut().zip(pixel) {
                *sum = sum.wrapping_add(i32::from(byte) * weight);
            }
        }
        *pixel = sums.map(|sum| clip(sum, taps.bits()));
    }
}

impl Plain {
    /// One row of the horizontal pass.
    fn across(&mut self, taps: &Taps, row: RowOf, source: Part<'_>, out: &mut [u8]) {
        self.line.resize(row.bytes, 0);
        source.copy_to(&mut self.line);
        if row.step == 3 {
            across::<3>(&self.line, taps, row.first, out);
        } else {
            across::<1>(&self.line, taps, row.first, out);
        }
    }

    /// One row of the vertical pass.
    fn down(&mut self, column: &Column<'_>, out: &mut [u8]) {
        let bytes = column.bytes();
        self.line.resize(bytes, 0);
        self.sums.clear();
        self.sums.resize(bytes, half(column.bits));
        for (index, &weight) in column.weights.iter().enumerate().take(column.count) {
            let Some(line) = column.line(index) else { return };
            line.copy_to(&mut self.line);
            for (sum, &byte) in self.sums.iter_mut().zip(&self.line) {
                *sum = sum.wrapping_add(weight * i32::from(byte));
            }
        }
        for (byte, &sum) in out.iter_mut().zip(&self.sums) {
            *byte = clip(sum, column.bits);
        }
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
