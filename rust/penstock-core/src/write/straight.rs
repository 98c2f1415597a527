//! Small images straight from the source to the output, without a strip between.
//!
//! Where one or two output rows have as many pixels as a vector has bytes, [`Straight`] says for each such group of
//! rows where in the source its bytes begin, and for each lane which of those it takes: a kernel then loads,
//! shuffles, converts and stores, and what was read is written at once. Rows may be cropped and padded, columns
//! anything; margins must be of one colour, and source lines must touch.

use super::dispatch;
use super::stores::Stores;
use super::table::Table;
use super::window::{Group, Lanes, MAX_LANES, Straight, lane_mask};
use crate::image::ImageView;
use crate::image::ahead::Ahead;
use crate::image::axis::{Axis, Run};
use crate::image::lines::Lines;
use penstock_jpeg::simd::Level;

/// Reused memory of [`Straight`].
#[derive(Debug)]
pub(crate) struct Scratch {
    groups: Vec<Group>,
    lanes: [Lanes; 2],
}

impl Default for Scratch {
    fn default() -> Self {
        Scratch { groups: Vec::new(), lanes: [const { Lanes([0; MAX_LANES]) }; 2] }
    }
}

impl<'a> Straight<'a> {
    /// How to make this sample, if it is of this kind. The sizes have been checked against each other.
    pub(crate) fn new(
        level: Level,
        image: &ImageView<'a>,
        rows: &Axis,
        cols: &Axis,
        scratch: &'a mut Scratch,
    ) -> Option<Self> {
        let (height, width) = (rows.len(), cols.len());
        let pairs = width == 32 && height.is_multiple_of(2);
        if !dispatch::goes_straight(level) || !(pairs || width == 64) {
            return None;
        }
        let lines = image.lines()?;
        if lines.transposed || lines.backwards || lines.blue_first || !lines.touching() {
            return None;
        }
        let mut fill = None;
        let found = Rows::new(rows, &mut fill)?;
        if pairs && (found.step != 1 || lines.pixels > 32) {
            return None;
        }
        // Of lines that an output row has room for, all bytes count as needed.
        let first = if lines.pixels <= width as usize { 0 } else { cols.source_range().start };
        let Scratch { groups, lanes } = scratch;
        let keep = set_lanes(level, cols, first, &lines, lanes, &mut fill)?;
        groups.clear();
        let (line, at) = (lines.bytes_per_line() as u32, first * lines.step as u32);
        if pairs {
            groups.extend((0..height / 2).map(|i| found.pair(2 * i, line, keep)));
        } else {
            groups.extend((0..height).map(|i| found.single(i, line, at, keep)));
        }
        Some(Straight { lines, groups, lanes, fill: fill.unwrap_or(0) })
    }

    /// Makes the sample. False, and nothing done, if there is no kernel for the table or the output's place.
    pub(crate) fn render(
        &self,
        level: Level,
        stores: Stores,
        table: &Table,
        ahead: &mut Ahead,
        out: &mut [u8],
    ) -> bool {
        dispatch::straight(level, stores, self, table, ahead, out)
    }
}

/// Output rows: some of a fill, then lines of the source, then some of a fill.
struct Rows {
    before: u32,
    start: u32,
    len: u32,
    step: i8,
}

impl Rows {
    /// The rows of an axis, if they are of this kind and have no other fill than the one `seen`.
    fn new(axis: &Axis, seen: &mut Option<u16>) -> Option<Rows> {
        let mut rows = Rows { before: 0, start: 0, len: 0, step: 1 };
        for run in axis.runs() {
            match run {
                Run::Fill { len, fill } if *seen.get_or_insert(fill) == fill => {
                    rows.before += if rows.len == 0 { len } else { 0 };
                }
                Run::Source { start, len, step } if rows.len == 0 => {
                    rows = Rows { start, len, step, ..rows };
                }
                _ => return None,
            }
        }
        Some(rows)
    }

    /// Row `y`: `line` bytes to a line, of which those from `at` on are needed.
    #[inline]
    fn single(&self, y: u32, line: u32, at: u32, keep: u64) -> Group {
        let i = y.wrapping_sub(self.before);
        if i < self.len {
            let row = self.start.wrapping_add_signed(i as i32 * i32::from(self.step));
            Group { at: row * line + at, late: false, keep }
        } else {
            Group { at, late: false, keep: 0 }
        }
    }

    /// Rows `y` and `y + 1`, of 32 pixels each.
    #[inline]
    fn pair(&self, y: u32, line: u32, keep: u64) -> Group {
        let (i, j) = (y.wrapping_sub(self.before), (y + 1).wrapping_sub(self.before));
        let (first, second) = (i < self.len, j < self.len);
        let low = if first { keep & u64::from(u32::MAX) } else { 0 };
        let high = if second { keep >> 32 << 32 } else { 0 };
        let row = self.start + if first { i } else { 0 };
        Group { at: row * line, late: !first, keep: low | high }
    }
}

/// Sets the lanes of both kinds of groups and returns which of them come from the source; `first` is the first
/// column that counts as needed. `None` if there is another fill than the one `seen`.
fn set_lanes(
    level: Level,
    cols: &Axis,
    first: u32,
    lines: &Lines<'_>,
    [lanes, late]: &mut [Lanes; 2],
    seen: &mut Option<u16>,
) -> Option<u64> {
    let (mut keep, mut x) = (0, 0);
    let scale = lines.step as isize;
    for run in cols.runs() {
        match run {
            Run::Source { start, len, step } => {
                let delta = isize::from(step) * scale;
                let mask = lane_mask(x, len as usize);
                keep |= mask;
                // What lane 0 would take, counted back from lane x; then the same for the second row's lanes.
                let origin = (start - first) as isize * scale - x as isize * delta;
                dispatch::ramp(level, &mut lanes.0, mask, origin as u8, delta as i8);
                if cols.len() == 32 {
                    keep |= mask << 32;
                    let origin = origin - 32 * delta;
                    let second = origin + lines.bytes_per_line() as isize;
                    dispatch::ramp(level, &mut lanes.0, mask << 32, second as u8, delta as i8);
                    dispatch::ramp(level, &mut late.0, mask << 32, origin as u8, delta as i8);
                }
            }
            Run::Fill { fill, .. } if *seen.get_or_insert(fill) == fill => {}
            Run::Fill { .. } => return None,
        }
        x += run.len() as usize;
    }
    Some(keep)
}
