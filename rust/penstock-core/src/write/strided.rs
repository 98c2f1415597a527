//! The last pass to memory that does not lie channel after channel.
//!
//! Strips of codes are converted within the first-level cache, as for any image, and laid out from there. Where the
//! channels of a pixel lie side by side and all of them have the same table, the codes are laid out and then converted:
//! they are a quarter of what float32 elements are, and often lie so in the source already.

use super::convert::convert;
use super::dispatch::interleave;
use super::gather::{self, Geometry};
use super::layout::{Layout, Order, Output};
use super::table::{MAX_CHANNELS, Table};
use super::window::Strip;
use super::{RenderError, Stores, check, render_at};
use crate::image::ImageView;
use crate::image::axis::{Axis, Run, fill_of};
use crate::image::lines::Lines;
use crate::level;
use penstock_jpeg::simd::Level;

/// Bytes of elements that are laid out at a time; with their codes they are to stay in the first-level cache.
const STRIP_BYTES: usize = 16 << 10;

/// Reused memory.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    codes: Vec<u8>,
    elements: Vec<u8>,
}

/// [`super::render`] to memory of any layout.
///
/// # Errors
/// As [`super::render`], and if the layout is one of another image.
pub fn render_to(
    image: &ImageView<'_>,
    rows: &Axis,
    cols: &Axis,
    table: &Table,
    scratch: &mut super::Scratch,
    output: Output<'_>,
) -> Result<(), RenderError> {
    render_to_at(level::in_use(), image, rows, cols, table, scratch, output)
}

/// [`render_to`] with the vector instructions of `level`.
///
/// # Errors
/// As [`render_to`].
pub fn render_to_at(
    level: Level,
    image: &ImageView<'_>,
    rows: &Axis,
    cols: &Axis,
    table: &Table,
    scratch: &mut super::Scratch,
    output: Output<'_>,
) -> Result<(), RenderError> {
    let (out, layout) = output.into_parts();
    let Some(layout) = layout else { return render_at(level, image, rows, cols, table, scratch, out) };
    check(image, rows, cols, table, layout.bytes())?;
    let shape = [table.channels(), rows.len() as usize, cols.len() as usize];
    if layout.shape() != shape || layout.element_bytes() != table.element_bytes() {
        return Err(RenderError::Layout);
    }
    let super::Scratch { stores, ahead, geometry, strided, .. } = scratch;
    ahead.fetch();
    let stores = *stores;
    Strided { level, stores, image, rows, cols, table, layout: &layout }.write(strided, geometry, out);
    stores.fence();
    Ok(())
}

/// One image on its way; the sizes have been checked against each other.
struct Strided<'a> {
    level: Level,
    stores: Stores,
    image: &'a ImageView<'a>,
    rows: &'a Axis,
    cols: &'a Axis,
    table: &'a Table,
    layout: &'a Layout,
}

impl Strided<'_> {
    /// Writes the image.
    fn write(&self, scratch: &mut Scratch, geometry: &mut gather::Scratch, out: &mut [u8]) {
        let Strided { level, image, rows, cols, table, layout, .. } = *self;
        let [channels, height, width] = layout.shape();
        let Scratch { codes, elements } = scratch;
        let uniform = layout.order() == Order::Pixels && table.is_uniform();
        if uniform && let Some(lines) = self.lines_as_they_are() {
            self.write_lines(&lines, elements, out);
        } else {
            let geometry = Geometry::new(level, image, rows, cols, table, geometry);
            let per_row = width * channels * if uniform { 1 } else { table.element_bytes() };
            let strip_rows = (STRIP_BYTES / per_row).clamp(1, height);
            let mut strip = Strip::new(codes, channels, strip_rows * width);
            if elements.len() < strip_rows * per_row {
                elements.resize(strip_rows * per_row, 0);
            }
            for first in (0..height).step_by(strip_rows) {
                let count = strip_rows.min(height - first);
                geometry.gather(first..first + count, &mut strip);
                let elements = elements.get_mut(..count * per_row).unwrap_or(&mut []);
                match layout.order() {
                    Order::Pixels if uniform => self.pixels_of_codes([first, count], &strip, elements, out),
                    Order::Planar | Order::Rows => self.rows_of([first, count], &strip, out),
                    order => self.elements_of([first, count], order, &strip, elements, out),
                }
            }
        }
        self.patch_fills(out);
    }

    /// The image's lines, if those of the output are parts of them, pixel by pixel.
    fn lines_as_they_are(&self) -> Option<Lines<'_>> {
        let lines = self.image.rows()?;
        let forwards = matches!(self.cols.only_run(), Some(Run::Source { step: 1, .. }));
        let source_only = self.rows.runs().all(|run| matches!(run, Run::Source { .. }));
        (lines.step == self.table.channels() && forwards && source_only).then_some(lines)
    }

    /// Converts lines whose pixels lie as they are wanted.
    fn write_lines(&self, lines: &Lines<'_>, codes: &mut Vec<u8>, out: &mut [u8]) {
        let [channels, _, width] = self.layout.shape();
        let bytes = width * channels;
        let Some(Run::Source { start: left, .. }) = self.cols.only_run() else { return };
        if codes.len() < bytes {
            codes.resize(bytes, 0);
        }
        let codes = codes.get_mut(..bytes).unwrap_or(&mut []);
        for (y, run) in self.rows.runs_in(0..self.rows.len()) {
            let Run::Source { start, len, step } = run else { continue };
            let parts = lines.parts(
                0,
                [start as usize, len as usize],
                isize::from(step),
                [left as usize * channels, bytes],
            );
            for (row, part) in (y as usize..).zip(parts) {
                let at = self.layout.at(0, row, 0);
                let Some(row) = out.get_mut(at..at + bytes * self.table.element_bytes()) else { continue };
                if self.table.is_copy() {
                    part.copy_to(row);
                } else {
                    part.copy_to(codes);
                    convert(self.level, self.stores, self.table, 0, codes, row);
                }
            }
        }
    }

    /// Lays codes out pixel by pixel and converts them.
    fn pixels_of_codes(
        &self,
        [first, count]: [usize; 2],
        strip: &Strip<'_>,
        codes: &mut [u8],
        out: &mut [u8],
    ) {
        let Strided { level, stores, table, layout, .. } = *self;
        let [channels, _, width] = layout.shape();
        let planes = planes_of(|channel| strip.codes(channel, count * width));
        interleave::<1>(level, planes.get(..channels).unwrap_or(&[]), codes);
        for (row, codes) in codes.chunks_exact(width * channels).enumerate() {
            let at = layout.at(0, first + row, 0);
            let row = out.get_mut(at..at + codes.len() * table.element_bytes());
            convert(level, stores, table, 0, codes, row.unwrap_or(&mut []));
        }
    }

    /// Converts row by row of each channel.
    fn rows_of(&self, [first, count]: [usize; 2], strip: &Strip<'_>, out: &mut [u8]) {
        let Strided { level, stores, table, layout, .. } = *self;
        let [channels, _, width] = layout.shape();
        for channel in 0..channels {
            for (row, codes) in strip.codes(channel, count * width).chunks_exact(width).enumerate() {
                let at = layout.at(channel, first + row, 0);
                let row = out.get_mut(at..at + width * table.element_bytes());
                convert(level, stores, table, channel, codes, row.unwrap_or(&mut []));
            }
        }
    }

    /// Converts each channel by itself, and lays the elements out.
    fn elements_of(
        &self,
        [first, count]: [usize; 2],
        order: Order,
        strip: &Strip<'_>,
        elements: &mut [u8],
        out: &mut [u8],
    ) {
        let [channels, _, width] = self.layout.shape();
        let plane = count * width * self.table.element_bytes();
        for (channel, part) in elements.chunks_exact_mut(plane).enumerate() {
            let codes = strip.codes(channel, count * width);
            convert(self.level, Stores::Cached, self.table, channel, codes, part);
        }
        for row in 0..count {
            let part = |channel: usize| {
                let at = channel * plane + row * width * self.table.element_bytes();
                elements.get(at..at + width * self.table.element_bytes()).unwrap_or(&[])
            };
            let at = self.layout.at(0, first + row, 0);
            if order == Order::Pixels {
                let planes = planes_of(part);
                let row = out.get_mut(at..at + width * channels * self.table.element_bytes());
                self.interleave(planes.get(..channels).unwrap_or(&[]), row.unwrap_or(&mut []));
            } else {
                for channel in 0..channels {
                    self.scatter(part(channel), [channel, first + row], out);
                }
            }
        }
    }

    fn interleave(&self, planes: &[&[u8]], out: &mut [u8]) {
        match self.table.element_bytes() {
            1 => interleave::<1>(self.level, planes, out),
            2 => interleave::<2>(self.level, planes, out),
            4 => interleave::<4>(self.level, planes, out),
            _ => interleave::<8>(self.level, planes, out),
        }
    }

    /// Writes a row's elements one by one.
    fn scatter(&self, elements: &[u8], [channel, row]: [usize; 2], out: &mut [u8]) {
        let size = self.table.element_bytes();
        for (column, element) in elements.chunks_exact(size).enumerate() {
            let at = self.layout.at(channel, row, column);
            out.get_mut(at..at + size).unwrap_or(&mut []).copy_from_slice(element);
        }
    }

    /// Writes the constant margins whose value is no byte's.
    fn patch_fills(&self, out: &mut [u8]) {
        if !self.table.has_patches() {
            return;
        }
        for (y, row_run) in self.rows.runs_in(0..self.rows.len()) {
            for (x, col_run) in self.cols.runs_in(0..self.cols.len()) {
                let Some(fill) = fill_of(row_run, col_run) else { continue };
                for channel in 0..self.table.channels() {
                    let Some(value) = self.table.patch(channel, fill) else { continue };
                    let columns = x as usize..(x + col_run.len()) as usize;
                    for row in y as usize..(y + row_run.len()) as usize {
                        for column in columns.clone() {
                            let at = self.layout.at(channel, row, column);
                            out.get_mut(at..at + value.len()).unwrap_or(&mut []).copy_from_slice(value);
                        }
                    }
                }
            }
        }
    }
}

/// A part of each plane; of those that there are not, nothing.
fn planes_of<'p>(part: impl Fn(usize) -> &'p [u8]) -> [&'p [u8]; MAX_CHANNELS] {
    std::array::from_fn(part)
}
