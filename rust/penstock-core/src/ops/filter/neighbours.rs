//! Filters that make a pixel of a small square around it, and leave the outermost pixels of an image as they are.

use std::ops::Range;

use penstock_jpeg::simd::Level;

use super::dispatch;
use super::rows::{BLOCK, Rows};
use crate::image::lines::Lines;
use crate::image::sheet::Sheet;
use crate::image::{ImageView, Region};
use crate::ops::kinds::Size;

/// The region of an image of `size` that a region is made of by squares of `SIDE` pixels.
pub(crate) fn support<const SIDE: usize>(size: Size, wanted: &Region) -> Region {
    if wanted.is_empty() {
        return Region::default();
    }
    if !fits::<SIDE>(size) {
        return wanted.clone();
    }
    let margin = SIDE as u32 / 2;
    let grown = |range: &Range<u32>, length: u32| {
        range.start.saturating_sub(margin)..range.end.saturating_add(margin).min(length)
    };
    Region { rows: grown(&wanted.rows, size.0), columns: grown(&wanted.columns, size.1) }
}

/// Whether a square fits an image; Pillow leaves smaller ones as they are.
fn fits<const SIDE: usize>(size: Size) -> bool {
    size.0.min(size.1) as usize >= SIDE
}

/// Memory of one thread for such filters.
#[derive(Debug, Default)]
pub struct Neighbours {
    /// The last `SIDE` rows of the source, with a block of bytes behind each.
    window: Vec<u8>,
    out: Sheet,
}

impl Neighbours {
    /// Makes a region of the output from `source`, which is exactly its support of an image of `size`.
    pub(crate) fn filter<'m, const SIDE: usize>(
        &'m mut self,
        level: Level,
        source: &ImageView<'m>,
        size: Size,
        wanted: &Region,
        filter: &impl Rows<SIDE>,
    ) -> Option<ImageView<'m>> {
        let support = support::<SIDE>(size, wanted);
        if source.height() != support.rows.len() || source.width() != support.columns.len() {
            return None;
        }
        if !fits::<SIDE>(size) {
            return Some(*source);
        }
        if let Some(gray) = source.gray() {
            return Some(self.filter(level, &gray, size, wanted, filter)?.with_channels(source.channels()));
        }
        let lines = source.rows()?;
        if !self.out.shape(lines.planes, wanted.rows.len(), wanted.columns.len(), lines.step) {
            return None;
        }
        let stride = (lines.bytes_per_line() + BLOCK).next_multiple_of(BLOCK);
        self.window.resize(SIDE * stride, 0);
        for plane in 0..lines.planes {
            self.plane(level, &lines, plane, [&support, wanted], size, stride, filter)?;
        }
        self.out.image()
    }

    #[expect(clippy::too_many_arguments, reason = "all that a plane is made by")]
    fn plane<const SIDE: usize>(
        &mut self,
        level: Level,
        lines: &Lines<'_>,
        plane: usize,
        [support, wanted]: [&Region; 2],
        size: Size,
        stride: usize,
        filter: &impl Rows<SIDE>,
    ) -> Option<()> {
        let (margin, step) = (SIDE as u32 / 2, lines.step);
        // What is made, not copied, counted from the first wanted column.
        let first = wanted.columns.start.max(margin).min(wanted.columns.end);
        let made = first..wanted.columns.end.min(size.1 - margin).max(first);
        let inner = (made.start - wanted.columns.start) as usize * step
            ..(made.end - wanted.columns.start) as usize * step;
        let (left, bytes) =
            ((wanted.columns.start - support.columns.start) as usize * step, wanted.columns.len() * step);
        let mut loaded = 0;
        for (index, row) in wanted.rows.clone().enumerate() {
            let at = (row - support.rows.start) as usize;
            // The rows down to the lowest one that counts.
            while loaded < lines.count.min(at + 1 + margin as usize) {
                let slot = self.window.get_mut(loaded % SIDE * stride..)?;
                lines.line(plane, loaded)?.copy_to(slot);
                loaded += 1;
            }
            let window = |row: usize| self.window.get(row % SIDE * stride..).map(|slot| &slot[..stride]);
            let out = self.out.rows_mut(plane, index, 1);
            let own = window(at)?.get(left..left + bytes)?;
            if row < margin || row + margin >= size.0 {
                let out = out.get_mut(..bytes)?;
                out.copy_from_slice(own);
                filter.border(out);
                continue;
            }
            let from =
                made.start.saturating_sub(margin).saturating_sub(support.columns.start) as usize * step;
            let mut rows = [own; SIDE];
            for (i, slot) in rows.iter_mut().enumerate() {
                *slot = window(at + i - margin as usize)?.get(from..)?;
            }
            if !made.is_empty() {
                dispatch::make(level, filter, &rows, step, inner.len(), out.get_mut(inner.start..)?);
            }
            for border in [0..inner.start, inner.end..bytes] {
                let out = out.get_mut(border.clone())?;
                out.copy_from_slice(own.get(border)?);
                filter.border(out);
            }
        }
        Some(())
    }
}
