//! Geometry on bytes: crop, pad and flip of a strip of the output, into planar scratch memory.
//!
//! [`Geometry`] is made once per sample and then gathers strip after strip. Where the image's lines are
//! contiguous, an output line is cut into [`Window`]s of one vector each; what a window's lanes come from is
//! worked out once, so that a row costs a load, a byte shuffle and a store per window. That a window's pixels
//! come from as few source pixels as it has lanes is the invariant of [`Axis`]. An image whose columns are
//! contiguous is gathered column by column and then transposed; any other is read byte by byte.

use std::ops::Range;
use std::slice;

use super::dispatch;
use super::table::{MAX_CHANNELS, Table};
use super::window::{Block, MAX_LANES, Strip, Window, lane_mask};
use crate::image::ImageView;
use crate::image::axis::{Axis, Run, fill_of};
use crate::image::lines::Lines;
use penstock_jpeg::simd::Level;

/// Reused memory of [`Geometry`].
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    windows: Vec<Window>,
    transposed: Vec<u8>,
}

/// The windows of an output line.
#[derive(Clone, Copy, Debug)]
struct Windows<'w> {
    singles: &'w [Window],
    /// Two lines in one window.
    pair: Option<&'w Window>,
}

/// How the strips of one sample are gathered.
pub(crate) struct Geometry<'a> {
    image: &'a ImageView<'a>,
    rows: &'a Axis,
    cols: &'a Axis,
    table: &'a Table,
    level: Level,
    method: Method<'a>,
}

enum Method<'a> {
    /// Windows of rows, straight to the strip.
    Rows(Lines<'a>, Windows<'a>),
    /// Codes of (channel, column, row), gathered already.
    Transpose(&'a [u8]),
    /// Byte by byte.
    Plain,
}

impl<'a> Geometry<'a> {
    /// Prepares to gather. The sizes have been checked against each other.
    pub(crate) fn new(
        level: Level,
        image: &'a ImageView<'a>,
        rows: &'a Axis,
        cols: &'a Axis,
        table: &'a Table,
        scratch: &'a mut Scratch,
    ) -> Self {
        let mut geometry = Geometry { image, rows, cols, table, level, method: Method::Plain };
        let lanes = dispatch::lanes(level);
        // Below AVX-512 a load cannot be cut short, so a line must hold one.
        let usable = |lines: &Lines<'_>| lanes == MAX_LANES || lines.pixels >= lanes;
        let Some(lines) = image.lines().filter(usable).filter(|_| lanes > 0) else { return geometry };
        let along = if lines.transposed { rows } else { cols };
        let windows = compile(level, along, &lines, table, &mut scratch.windows);
        if lines.transposed {
            let (height, width) = (rows.len() as usize, cols.len() as usize);
            let mut strip = Strip::new(&mut scratch.transposed, table.channels(), height * width);
            geometry.lines_into(&lines, windows, cols, rows, 0..width, &mut strip);
            geometry.method = Method::Transpose(&scratch.transposed);
        } else {
            geometry.method = Method::Rows(lines, windows);
        }
        geometry
    }

    /// Gathers the output rows `range` to the start of each plane of `strip`.
    pub(crate) fn gather(&self, range: Range<usize>, strip: &mut Strip<'_>) {
        match &self.method {
            Method::Rows(lines, windows) => {
                self.lines_into(lines, *windows, self.rows, self.cols, range, strip);
            }
            Method::Transpose(codes) => {
                let (height, width) = (self.rows.len() as usize, self.cols.len() as usize);
                for channel in 0..self.table.channels() {
                    let from = channel * (height * width + MAX_LANES) + range.start;
                    let source = codes.get(from..).unwrap_or(&[]);
                    let out = strip.plane_mut(channel);
                    dispatch::transpose(self.level, source, height, [range.len(), width], out);
                }
            }
            Method::Plain => self.bytes_into(range, strip),
        }
    }

    /// Gathers lines by windows: `across` says which lines, `along` what is within one.
    fn lines_into(
        &self,
        lines: &Lines<'_>,
        windows: Windows<'_>,
        across: &Axis,
        along: &Axis,
        range: Range<usize>,
        strip: &mut Strip<'_>,
    ) {
        let width = along.len() as usize;
        for (position, run) in across.runs_in(range.start as u32..range.end as u32) {
            let out = (position as usize - range.start) * width;
            match run {
                Run::Fill { len, .. } => self.fill_lines(run, along, out, len as usize, strip),
                Run::Source { start, len, step } => {
                    let (first, count) = (start as usize, len as usize);
                    let channels = self.table.channels();
                    let step = isize::from(step);
                    let mut block =
                        Block { lines, windows: windows.singles, first, step, count, out, width, channels };
                    if let (Some(pair), 1) = (windows.pair, step) {
                        let (windows, count) = (slice::from_ref(pair), count / 2);
                        let pairs = Block { windows, step: 2, count, width: 2 * width, ..block };
                        dispatch::gather(self.level, &pairs, strip);
                        block.first += 2 * count;
                        block.out += 2 * count * width;
                        block.count -= 2 * count;
                    }
                    dispatch::gather(self.level, &block, strip);
                }
            }
        }
    }

    /// Writes `count` lines of a fill.
    fn fill_lines(&self, run: Run, along: &Axis, out: usize, count: usize, strip: &mut Strip<'_>) {
        let width = along.len() as usize;
        for channel in 0..self.table.channels() {
            let plane = strip.plane_mut(channel).get_mut(out..out + count * width).unwrap_or(&mut []);
            for (x, other) in along.runs_in(0..along.len()) {
                let code = fill_of(run, other).map_or(0, |fill| self.table.code(channel, fill));
                if other.len() as usize == width {
                    plane.fill(code);
                    continue;
                }
                for line in plane.chunks_exact_mut(width) {
                    let part = line.get_mut(x as usize..(x + other.len()) as usize);
                    part.unwrap_or(&mut []).fill(code);
                }
            }
        }
    }

    /// Gathers byte by byte: any strides, any processor.
    fn bytes_into(&self, range: Range<usize>, strip: &mut Strip<'_>) {
        let width = self.cols.len() as usize;
        for (position, row_run) in self.rows.runs_in(range.start as u32..range.end as u32) {
            let out = (position as usize - range.start) * width;
            let Run::Source { start, len, step } = row_run else {
                self.fill_lines(row_run, self.cols, out, row_run.len() as usize, strip);
                continue;
            };
            for channel in 0..self.table.channels() {
                let plane = strip.plane_mut(channel).get_mut(out..out + len as usize * width);
                for (i, line) in plane.unwrap_or(&mut []).chunks_exact_mut(width).enumerate() {
                    let y = (start as isize + i as isize * isize::from(step)) as usize;
                    for (x, run) in self.cols.runs_in(0..self.cols.len()) {
                        let part = line.get_mut(x as usize..(x + run.len()) as usize).unwrap_or(&mut []);
                        match run {
                            Run::Source { start, step, .. } => {
                                self.image.read(y, start as usize, isize::from(step), channel, part);
                            }
                            Run::Fill { fill, .. } => part.fill(self.table.code(channel, fill)),
                        }
                    }
                }
            }
        }
    }
}

/// Cuts an output line into windows of as many lanes as the level's vectors have. The last one is moved back
/// to end with the line, so that no store reaches beyond it; a line shorter than a window has one, and its
/// stores do reach too far: into the next line, which is written later, or into the room behind the plane.
fn compile<'w>(
    level: Level,
    axis: &Axis,
    lines: &Lines<'_>,
    table: &Table,
    windows: &'w mut Vec<Window>,
) -> Windows<'w> {
    let size = dispatch::lanes(level);
    let width = axis.len() as usize;
    let count = width.div_ceil(size);
    if windows.len() <= count {
        windows.resize_with(count + 1, Window::default);
    }
    let (singles, rest) = windows.split_at_mut(count);
    for (i, window) in singles.iter_mut().enumerate() {
        let out = (i * size).min(width.saturating_sub(size));
        window.set(level, axis, out..width.min(out + size), lines, table, 1);
    }
    // Short lines that touch in memory are taken two at a time.
    let fits = lines.touching() && 2 * width.max(lines.pixels) <= size;
    let pair = rest.first_mut().filter(|_| fits).map(|window| {
        window.set(level, axis, 0..width, lines, table, 2);
        &*window
    });
    Windows { singles, pair }
}

impl Window {
    /// Makes this the window of the output pixels `range` of one line, or of `count` touching lines after
    /// each other.
    fn set(
        &mut self,
        level: Level,
        axis: &Axis,
        range: Range<usize>,
        lines: &Lines<'_>,
        table: &Table,
        count: usize,
    ) {
        let runs = || axis.runs_in(range.start as u32..range.end as u32);
        // A run as places in the line's memory: the first, and the step from one to the next.
        let place = |start: u32, step: i8| {
            if lines.backwards {
                (lines.pixels as isize - 1 - start as isize, -isize::from(step))
            } else {
                (start as isize, isize::from(step))
            }
        };
        let (mut low, mut high) = (isize::MAX, 0);
        for (_, run) in runs() {
            if let Run::Source { start, len, step } = run {
                let (first, step) = place(start, step);
                let last = first + (len as isize - 1) * step;
                low = low.min(first.min(last));
                high = high.max(first.max(last) + 1);
            }
        }
        // Room for a whole load, where there is.
        let low = low.min(high).min((lines.pixels as isize - dispatch::lanes(level) as isize).max(0));
        self.out = range.start;
        self.at = low as usize * lines.step;
        self.bytes = ((high - low).max(0) as usize + (count - 1) * lines.pixels) * lines.step;
        self.keep = 0;

        let channels = table.channels().min(MAX_CHANNELS);
        let scale = lines.step as isize;
        for i in 0..count {
            for (position, run) in runs() {
                let from = position as usize - range.start + i * range.len();
                let mask = lane_mask(from, run.len() as usize);
                let mut starts = [0; MAX_CHANNELS];
                let mut delta = 0;
                match run {
                    Run::Source { start, step, .. } => {
                        let (first, step) = place(start, step);
                        delta = step * scale;
                        let first =
                            (first - low + (i * lines.pixels) as isize) * scale - from as isize * delta;
                        for (channel, start) in starts.iter_mut().enumerate().take(channels) {
                            let order = if lines.blue_first { channels - 1 - channel } else { channel };
                            let within = if lines.step == 1 { 0 } else { order };
                            *start = (first + within as isize) as u8;
                        }
                        self.keep |= mask;
                    }
                    Run::Fill { fill, .. } => {
                        for (channel, start) in starts.iter_mut().enumerate().take(channels) {
                            *start = table.code(channel, fill);
                        }
                    }
                }
                for (lanes, start) in self.lanes.iter_mut().zip(starts).take(channels) {
                    dispatch::ramp(level, lanes, mask, start, delta as i8);
                }
            }
        }
    }
}
