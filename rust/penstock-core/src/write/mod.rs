//! The last pass: crop, pad, flip and conversion to the output tensor, in one read and one write.
//!
//! [`render`] takes a uint8 [`ImageView`], an [`Axis`] for rows and one for columns, and a [`Table`] of what each
//! byte becomes. It works in strips that stay in the first-level cache: [`gather`] lays the bytes out as the
//! output wants them, [`convert`] turns them into output elements in long vector loops. Constant pads travel
//! as a byte that the table maps to their value, where there is one, and are written over afterwards if not.
//!
//! Kernels exist for several [`Level`]s of vector instructions; the output bits never depend on the level.

mod convert;
mod dispatch;
mod gather;
mod interleave;
mod layout;
mod numbers;
mod stores;
mod straight;
mod strided;
mod table;
mod window;
#[cfg(target_arch = "x86_64")]
mod x86_64;

pub use layout::{Layout, Output};
pub use numbers::{take_numbers, write_numbers};
pub use stores::Stores;
pub use strided::{render_to, render_to_at};
pub(crate) use table::MAX_CHANNELS;
pub use table::{Affine, Table, TableError};

use crate::image::ahead::Ahead;
use crate::image::axis::{Axis, Run, fill_of};
use crate::image::{ImageView, Region};
use crate::level;
use gather::Geometry;
use penstock_jpeg::simd::Level;
use window::{Straight, Strip};

/// Codes worked on at a time: with what they become as float32, they fit the first-level cache.
const STRIP_BYTES: usize = 8 << 10;

/// Memory of one thread that renders, reused from sample to sample.
#[derive(Debug, Default)]
pub struct Scratch {
    stores: Stores,
    ahead: Ahead,
    straight: straight::Scratch,
    geometry: gather::Scratch,
    strip: Vec<u8>,
    strided: strided::Scratch,
}

impl Scratch {
    /// Sets how the next samples are stored; returns how they were.
    pub fn set_stores(&mut self, stores: Stores) -> Stores {
        std::mem::replace(&mut self.stores, stores)
    }

    /// Has the memory of an image that is wanted soon fetched while the next sample is made.
    pub fn look_ahead(&mut self, image: &ImageView<'_>) {
        self.ahead = image.ahead();
    }
}

/// Why a sample could not be rendered; but for a lack of memory, a mistake in the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    /// Image and table differ in their number of channels.
    #[error("an image of {image} channels, a table of {table}")]
    Channels {
        /// The image's.
        image: usize,
        /// The table's.
        table: usize,
    },
    /// An axis reads pixels that the image does not have, or fills that the table does not have.
    #[error("an axis reads beyond the image or the table")]
    Axis,
    /// A resize whose pixels find no memory.
    #[error("no memory for a resize")]
    Memory,
    /// The output's layout is one of another image.
    #[error("an output of another shape or element size")]
    Layout,
    /// The output slice has another size than channels * rows * columns * bytes per element.
    #[error("output of {found} bytes instead of {expected}")]
    Output {
        /// Bytes of the slice.
        found: usize,
        /// Bytes of the rendered sample.
        expected: usize,
    },
}

/// Renders one sample: `out` becomes the planar, contiguous (channels, `rows.len()`, `cols.len()`) array of
/// the table's elements. Output pixel (y, x) is the table's entry for source pixel (rows\[y\], cols\[x\]), or
/// the fill if either axis has one there; if both have, the one with the larger number.
///
/// # Errors
/// If the sizes do not fit together. Then `out` is untouched.
pub fn render(
    image: &ImageView<'_>,
    rows: &Axis,
    cols: &Axis,
    table: &Table,
    scratch: &mut Scratch,
    out: &mut [u8],
) -> Result<(), RenderError> {
    render_at(level::in_use(), image, rows, cols, table, scratch, out)
}

/// [`render`] with the vector instructions of `level`.
///
/// # Errors
/// As [`render`].
pub fn render_at(
    level: Level,
    image: &ImageView<'_>,
    rows: &Axis,
    cols: &Axis,
    table: &Table,
    scratch: &mut Scratch,
    out: &mut [u8],
) -> Result<(), RenderError> {
    let (height, width) = (rows.len() as usize, cols.len() as usize);
    let plane_bytes = check(image, rows, cols, table, out.len())?;
    if plane_bytes == 0 {
        return Ok(());
    }
    let Scratch { stores, ahead, straight, geometry, strip, .. } = scratch;
    let stores = *stores;
    if let Some(straight) = Straight::new(level, image, rows, cols, straight)
        && straight.render(level, stores, table, ahead, out)
    {
        ahead.fetch();
        patch_fills(rows, cols, table, plane_bytes, out);
        stores.fence();
        return Ok(());
    }
    ahead.fetch();
    let geometry = Geometry::new(level, image, rows, cols, table, geometry);

    let is_patched = table.has_patches() && has_fills(rows, cols);
    let strip_rows = (STRIP_BYTES / (width * table.channels())).clamp(1, height);
    let mut strip = Strip::new(strip, table.channels(), strip_rows * width);
    for first in (0..height).step_by(strip_rows) {
        let count = strip_rows.min(height - first);
        geometry.gather(first..first + count, &mut strip);
        let bytes = count * width * table.element_bytes();
        for (channel, plane) in out.chunks_exact_mut(plane_bytes).enumerate() {
            if let Some(part) =
                plane.get_mut(first * width * table.element_bytes()..).and_then(|p| p.get_mut(..bytes))
            {
                let codes = strip.codes(channel, count * width);
                if is_patched {
                    let rows = rows.runs_in(first as u32..(first + count) as u32);
                    let rows = rows.map(|(y, run)| (y as usize - first, run));
                    let convert = |codes: &[u8], part: &mut [u8]| {
                        convert::convert(level, stores, table, channel, codes, part);
                    };
                    convert_around_fills(rows, cols, table, channel, codes, part, convert);
                } else {
                    convert::convert(level, stores, table, channel, codes, part);
                }
            }
        }
    }
    stores.fence();
    Ok(())
}

/// Whether anything of a sample is a constant pad.
fn has_fills(rows: &Axis, cols: &Axis) -> bool {
    rows.runs().chain(cols.runs()).any(|run| matches!(run, Run::Fill { .. }))
}

/// Converts the codes of some rows of one channel, and writes the constant pads whose value is no byte's at once.
///
/// `rows` has the runs of those rows, each with the number of its first one.
fn convert_around_fills(
    rows: impl Iterator<Item = (usize, Run)>,
    cols: &Axis,
    table: &Table,
    channel: usize,
    codes: &[u8],
    out: &mut [u8],
    convert: impl Fn(&[u8], &mut [u8]),
) {
    let (width, element) = (cols.len() as usize, table.element_bytes());
    for (first, row_run) in rows {
        let count = row_run.len() as usize;
        for (x, col_run) in cols.runs_in(0..cols.len()) {
            let patch = fill_of(row_run, col_run).and_then(|fill| table.patch(channel, fill));
            let (x, len) = (x as usize, col_run.len() as usize);
            // Whole rows touch each other.
            let (lines, len) = if len == width { (1, count * width) } else { (count, len) };
            for at in (first * width + x..).step_by(width).take(lines) {
                let Some(part) = out.get_mut(at * element..(at + len) * element) else { continue };
                match patch {
                    Some(value) => repeat(value, part),
                    None => convert(codes.get(at..at + len).unwrap_or(&[]), part),
                }
            }
        }
    }
}

/// Fills memory with an element.
fn repeat(value: &[u8], out: &mut [u8]) {
    fn chunks<const N: usize>(value: &[u8], out: &mut [u8]) {
        if let Some(value) = value.first_chunk::<N>() {
            out.as_chunks_mut().0.fill(*value);
        }
    }
    match value.len() {
        1 => chunks::<1>(value, out),
        2 => chunks::<2>(value, out),
        4 => chunks::<4>(value, out),
        _ => chunks::<8>(value, out),
    }
}

/// Bytes of one output plane, if everything fits together.
fn check(
    image: &ImageView<'_>,
    rows: &Axis,
    cols: &Axis,
    table: &Table,
    found: usize,
) -> Result<usize, RenderError> {
    let channels = table.channels();
    if image.channels() != channels {
        return Err(RenderError::Channels { image: image.channels(), table: channels });
    }
    check_fills(rows, image.height(), table)?;
    check_fills(cols, image.width(), table)?;
    let plane = rows.len() as usize * cols.len() as usize * table.element_bytes();
    let expected = plane.saturating_mul(channels);
    if found == expected { Ok(plane) } else { Err(RenderError::Output { found, expected }) }
}

/// Fails if an axis reads pixels that a side of this length does not have, or fills that the table does not have.
fn check_fills(axis: &Axis, length: usize, table: &Table) -> Result<(), RenderError> {
    let has = |run| match run {
        Run::Fill { fill, .. } => usize::from(fill) < table.fills(),
        Run::Source { .. } => true,
    };
    let fits = axis.source_end() as usize <= length && axis.runs().all(has);
    if fits { Ok(()) } else { Err(RenderError::Axis) }
}

/// Writes the constant pads whose value is no byte's.
fn patch_fills(rows: &Axis, cols: &Axis, table: &Table, plane_bytes: usize, out: &mut [u8]) {
    if !table.has_patches() {
        return;
    }
    let row_bytes = cols.len() as usize * table.element_bytes();
    for (y, row_run) in rows.runs_in(0..rows.len()) {
        for (x, col_run) in cols.runs_in(0..cols.len()) {
            let Some(fill) = fill_of(row_run, col_run) else { continue };
            let from = x as usize * table.element_bytes();
            let to = from + col_run.len() as usize * table.element_bytes();
            for (channel, plane) in out.chunks_exact_mut(plane_bytes).enumerate() {
                let Some(value) = table.patch(channel, fill) else { continue };
                let rows = plane.chunks_exact_mut(row_bytes).skip(y as usize).take(row_run.len() as usize);
                for row in rows {
                    repeat(value, row.get_mut(from..to).unwrap_or(&mut []));
                }
            }
        }
    }
}

/// Writes elements of the table's type to a rectangle of a rendered sample of `size`: one for each channel, or channel
/// after channel one for each pixel.
///
/// Args: `stay` are the bits of what was there that stay, for each channel, where there is one element for each.
///
/// # Errors
/// If the sizes do not fit together.
pub fn overwrite(
    table: &Table,
    (height, width): (u32, u32),
    place: &Region,
    stay: Option<&[u8]>,
    elements: &[u8],
    output: Output<'_>,
) -> Result<(), RenderError> {
    let shape = [table.channels(), height as usize, width as usize];
    let (out, layout) = output.into_parts();
    let planar = Layout::planar(shape, table.element_bytes());
    let layout = layout.or(planar).filter(|layout| layout.shape() == shape).ok_or(RenderError::Layout)?;
    if out.len() != layout.extent() {
        return Err(RenderError::Output { found: out.len(), expected: layout.extent() });
    }
    let (channels, element, columns) = (table.channels(), table.element_bytes(), place.columns.len());
    let line_bytes = element * columns;
    let is_constant = elements.len() == channels * element;
    let expected = channels * place.rows.len() * line_bytes;
    let fits = if stay.is_some() { is_constant } else { is_constant || elements.len() == expected };
    if !fits || stay.is_some_and(|stay| stay.len() != elements.len()) {
        return Err(RenderError::Output { found: elements.len(), expected });
    }
    if place.is_empty() {
        return Ok(());
    }
    let lie_together = layout.at(0, 0, 1) == element;
    for channel in 0..channels {
        let repeated;
        let lines = if is_constant {
            let value = elements.get(channel * element..).and_then(|from| from.get(..element));
            repeated = value.ok_or(RenderError::Axis)?.repeat(columns);
            &repeated
        } else {
            let plane = place.rows.len() * line_bytes;
            elements.get(channel * plane..).and_then(|from| from.get(..plane)).ok_or(RenderError::Axis)?
        };
        let stay = stay.map(|stay| stay.get(channel * element..).unwrap_or(&[]).iter().take(element));
        let staying: Option<Vec<u8>> = stay.map(|bits| bits.copied().cycle().take(line_bytes).collect());
        for (row, line) in place.rows.clone().zip(lines.chunks_exact(line_bytes).cycle()) {
            let start = place.columns.start as usize;
            let mut put = |column: usize, bytes: &[u8]| {
                let at = layout.at(channel, row as usize, column);
                let to = out.get_mut(at..at + bytes.len()).ok_or(RenderError::Axis)?;
                match &staying {
                    None => to.copy_from_slice(bytes),
                    Some(staying) => {
                        for ((to, value), stays) in to.iter_mut().zip(bytes).zip(staying) {
                            *to = *to & stays | value;
                        }
                    }
                }
                Ok(())
            };
            if lie_together {
                put(start, line)?;
            } else {
                line.chunks_exact(element).enumerate().try_for_each(|(x, value)| put(start + x, value))?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
