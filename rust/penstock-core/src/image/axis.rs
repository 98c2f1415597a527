//! Where each output row, or column, comes from.
//!
//! [`Axis`] is a list of runs: so many pixels of the source forwards, backwards or repeated, or so many of a
//! fill. Crop, flip and the four kinds of padding edit that list in the order in which the pipeline states
//! them; the renderer then reads the source once through one axis for rows and one for columns.
//!
//! Invariant, on which the vector kernels build: going along an axis and leaving fills out, the source index
//! changes by at most one from pixel to pixel. So any `n` neighbours of the output come from at most `n`
//! neighbours of the source. Each operation here keeps it.

use std::ops::Range;

/// Runs kept without the heap, and where among them the first one of a new axis goes. A padded, cropped and
/// flipped axis has three.
const INLINE_RUNS: usize = 8;
const FIRST_SLOT: usize = 3;

/// A stretch of an axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Run {
    /// `len` pixels of the source, the first at `start`, the next `step` further on.
    Source {
        /// Source index of the first pixel.
        start: u32,
        /// Number of output pixels, at least one.
        len: u32,
        /// 1 forwards, -1 backwards, 0 the same pixel again.
        step: i8,
    },
    /// `len` pixels of the plan's constant number `fill`.
    Fill {
        /// Number of output pixels, at least one.
        len: u32,
        /// Which fill: entry `256 + fill` of the table.
        fill: u16,
    },
}

impl Run {
    /// Number of output pixels.
    #[must_use]
    pub fn len(&self) -> u32 {
        match *self {
            Run::Source { len, .. } | Run::Fill { len, .. } => len,
        }
    }

    /// Whether the run has no pixels; no run of an axis is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The part `from..from + len` of the run, which must lie inside.
    #[inline]
    fn part(self, from: u32, len: u32) -> Run {
        match self {
            Run::Source { start, step, .. } => Run::Source { start: nth(start, step, from), len, step },
            Run::Fill { fill, .. } => Run::Fill { len, fill },
        }
    }

    /// The same pixels, last first.
    #[inline]
    fn reversed(self) -> Run {
        match self {
            Run::Source { start, len, step } => {
                Run::Source { start: nth(start, step, len.saturating_sub(1)), len, step: -step }
            }
            fill @ Run::Fill { .. } => fill,
        }
    }
}

/// Source index of pixel `i` of a run.
#[inline]
fn nth(start: u32, step: i8, i: u32) -> u32 {
    match step {
        1 => start + i,
        -1 => start - i,
        _ => start,
    }
}

/// A run as two words. An axis is edited and read within the same few nanoseconds, while the last sample's
/// pixels still wait in the store buffer; a load that spans several earlier stores would wait for all of
/// them. So runs are written and read word by word, and never moved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Packed {
    /// Source index or fill in the upper half; below it 0, 1 or 2 for the step + 1, or 3 for a fill.
    what: u64,
    len: u32,
}

impl From<Run> for Packed {
    #[inline]
    fn from(run: Run) -> Packed {
        let (value, kind, len) = match run {
            // A single pixel counts as a forward run, so that runs which join are recognised.
            Run::Source { start, len: 1, .. } => (start, 2, 1),
            Run::Source { start, len, step } => (start, (step + 1) as u64, len),
            Run::Fill { len, fill } => (u32::from(fill), 3, len),
        };
        Packed { what: u64::from(value) << 32 | kind, len }
    }
}

impl From<Packed> for Run {
    #[inline]
    fn from(packed: Packed) -> Run {
        let (value, len) = ((packed.what >> 32) as u32, packed.len);
        match packed.what as u32 {
            3 => Run::Fill { len, fill: value as u16 },
            kind => Run::Source { start: value, len, step: kind as i8 - 1 },
        }
    }
}

/// One axis of the output: a list of [`Run`]s. See the module's text.
#[derive(Clone, Debug, Default)]
pub struct Axis {
    len: u32,
    /// The runs are `inline[first..first + count]`, while `spill` is empty.
    first: usize,
    count: usize,
    inline: [Packed; INLINE_RUNS],
    /// All runs, once they have outgrown `inline`; else empty.
    spill: Vec<Packed>,
}

impl Axis {
    /// The axis of an untouched source of `len` pixels.
    #[must_use]
    pub fn identity(len: u32) -> Self {
        let mut axis = Axis::default();
        axis.reset(len);
        axis
    }

    /// Makes this the axis of an untouched source of `len` pixels again, keeping its memory.
    pub fn reset(&mut self, len: u32) {
        (self.len, self.first, self.count) = (0, FIRST_SLOT, 0);
        self.spill.clear();
        self.push(Run::Source { start: 0, len, step: 1 });
    }

    /// Number of output pixels.
    #[must_use]
    pub fn len(&self) -> u32 {
        self.len
    }

    /// Whether the axis has no pixels.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The runs, first pixel first; none is empty.
    #[must_use]
    pub fn runs(&self) -> impl DoubleEndedIterator<Item = Run> + '_ {
        self.packed().iter().map(|&packed| packed.into())
    }

    /// Turns the axis round.
    pub fn flip(&mut self) {
        let runs = self.packed_mut();
        let count = runs.len();
        let turned = |packed: Packed| Packed::from(Run::from(packed).reversed());
        let (front, back) = runs.split_at_mut(count / 2);
        if let (true, Some((middle, _))) = (count % 2 == 1, back.split_first_mut()) {
            *middle = turned(*middle);
        }
        for (a, b) in front.iter_mut().zip(back.iter_mut().rev()) {
            (*a, *b) = (turned(*b), turned(*a));
        }
    }

    /// Keeps the pixels `start..start + len`. Returns false, and does nothing, if they are not all inside.
    pub fn crop(&mut self, start: u32, len: u32) -> bool {
        let Some(after) = start.checked_add(len).and_then(|end| self.len.checked_sub(end)) else {
            return false;
        };
        self.len = len;
        let runs = self.packed_mut();
        let (mut first, mut last) = (0, runs.len());
        let mut excess = after;
        while let Some(packed) = last.checked_sub(1).and_then(|i| runs.get_mut(i))
            && excess > 0
        {
            let run = Run::from(*packed);
            if run.len() > excess {
                *packed = run.part(0, run.len() - excess).into();
                break;
            }
            excess -= run.len();
            last -= 1;
        }
        let mut excess = start;
        while let Some(packed) = runs.get_mut(first)
            && first < last
            && excess > 0
        {
            let run = Run::from(*packed);
            if run.len() > excess {
                *packed = run.part(excess, run.len() - excess).into();
                break;
            }
            excess -= run.len();
            first += 1;
        }
        self.keep_runs(first, last);
        true
    }

    /// Puts `before` and `after` pixels of the constant `fill` around the axis.
    pub fn pad_fill(&mut self, before: u32, after: u32, fill: u16) {
        self.push_front(Run::Fill { len: before, fill });
        self.push(Run::Fill { len: after, fill });
    }

    /// Repeats the first pixel `before` times and the last `after` times. An empty axis stays empty.
    pub fn pad_edge(&mut self, before: u32, after: u32) {
        let old = self.take();
        let last = old.len.saturating_sub(1);
        self.append_repeated(&old, 0, before);
        self.append(&old, 0, old.len, false);
        self.append_repeated(&old, last, after);
    }

    /// Mirrors about the first and the last pixel, which are not repeated, on and on as `numpy.pad` does:
    /// `before` and `after` may exceed the length. One pixel is repeated; an empty axis stays empty.
    pub fn pad_reflect(&mut self, before: u32, after: u32) {
        if self.len < 2 {
            self.pad_edge(before, after);
        } else {
            self.pad_mirror(before, after, 1);
        }
    }

    /// Mirrors about the outer borders, so that the border pixel comes twice, on and on as `numpy.pad` does.
    /// An empty axis stays empty.
    pub fn pad_symmetric(&mut self, before: u32, after: u32) {
        if self.len > 0 {
            self.pad_mirror(before, after, 0);
        }
    }

    /// Mirror padding of an axis of more than `skip` pixels; `skip` pixels at each turn come only once.
    fn pad_mirror(&mut self, before: u32, after: u32, skip: u32) {
        let old = self.take();
        let n = u64::from(old.len);
        let skip = u64::from(skip);
        let period = 2 * (n - skip);
        // Phase within the period: 0..n goes forwards, the rest comes back from n - 1 - skip.
        let mut phase = (period - u64::from(before) % period) % period;
        let mut left = u64::from(before) + n + u64::from(after);
        while left > 0 {
            let (piece, reverse) = if phase < n { (n - phase, false) } else { (period - phase, true) };
            let piece = piece.min(left);
            let from = if reverse { 2 * n - skip - phase - piece } else { phase };
            self.append(&old, from as u32, piece as u32, reverse);
            phase = (phase + piece) % period;
            left -= piece;
        }
    }

    /// The runs of the output pixels `range`, each with the output position of its first pixel.
    pub(crate) fn runs_in(&self, range: Range<u32>) -> impl Iterator<Item = (u32, Run)> + '_ {
        let mut position = 0;
        self.runs().filter_map(move |run| {
            let start = position;
            position += run.len();
            let from = start.max(range.start);
            let to = position.min(range.end);
            (from < to).then(|| (from, run.part(from - start, to - from)))
        })
    }

    /// From the smallest source index to the largest; empty if there is none.
    pub(crate) fn source_range(&self) -> Range<u32> {
        let starts = self.runs().filter_map(|run| match run {
            Run::Source { start, len, step: -1 } => Some(start + 1 - len),
            Run::Source { start, .. } => Some(start),
            Run::Fill { .. } => None,
        });
        starts.min().map_or(0..0, |start| start..self.source_end())
    }

    /// The only run, if there is just one.
    pub(crate) fn only_run(&self) -> Option<Run> {
        match self.packed() {
            [run] => Some((*run).into()),
            _ => None,
        }
    }

    /// Makes this an axis of a source without its first `by` pixels. False, and nothing done, if it reads some
    /// of them.
    pub(crate) fn shift_source(&mut self, by: u32) -> bool {
        let range = self.source_range();
        if !range.is_empty() && range.start < by {
            return false;
        }
        for packed in self.packed_mut() {
            *packed = match Run::from(*packed) {
                Run::Source { start, len, step } => Run::Source { start: start - by, len, step }.into(),
                fill @ Run::Fill { .. } => fill.into(),
            };
        }
        true
    }

    /// One past the largest source index, or 0 if there is none.
    pub(crate) fn source_end(&self) -> u32 {
        let ends = self.runs().map(|run| match run {
            Run::Source { start, len, step: 1 } => start + len,
            Run::Source { start, .. } => start + 1,
            Run::Fill { .. } => 0,
        });
        ends.max().unwrap_or(0)
    }

    /// Moves the content out and leaves the axis empty.
    fn take(&mut self) -> Axis {
        let old = std::mem::take(self);
        self.first = FIRST_SLOT;
        old
    }

    /// Appends pixels `from..from + len` of `old`, last first if `reverse`.
    fn append(&mut self, old: &Axis, from: u32, len: u32, reverse: bool) {
        if reverse {
            // Rare, and the number of runs is small: walk them from the end.
            let mut position = old.len;
            for run in old.runs().rev() {
                let end = position;
                position -= run.len();
                let (low, high) = (position.max(from), end.min(from + len));
                if low < high {
                    self.push(run.part(low - position, high - low).reversed());
                }
            }
        } else {
            for (_, run) in old.runs_in(from..from + len) {
                self.push(run);
            }
        }
    }

    /// Appends pixel `at` of `old`, `times` over.
    fn append_repeated(&mut self, old: &Axis, at: u32, times: u32) {
        for (_, run) in old.runs_in(at..at + 1) {
            self.push(match run {
                Run::Source { start, .. } => Run::Source { start, len: times, step: 0 },
                Run::Fill { fill, .. } => Run::Fill { len: times, fill },
            });
        }
    }

    fn packed(&self) -> &[Packed] {
        if self.spill.is_empty() {
            self.inline.get(self.first..self.first + self.count).unwrap_or(&[])
        } else {
            &self.spill
        }
    }

    /// The runs, for changes that leave their number and the axis' length alone.
    fn packed_mut(&mut self) -> &mut [Packed] {
        if self.spill.is_empty() {
            self.inline.get_mut(self.first..self.first + self.count).unwrap_or(&mut [])
        } else {
            &mut self.spill
        }
    }

    /// Drops all runs but `first..last`.
    fn keep_runs(&mut self, first: usize, last: usize) {
        if self.spill.is_empty() {
            self.first += first;
        } else {
            self.spill.truncate(last);
            self.spill.drain(..first);
            // Without runs on the heap, the inline ones would count again.
            self.first = FIRST_SLOT;
        }
        self.count = last.saturating_sub(first);
    }

    /// Puts a run before all others, joining it to the first one where that continues it.
    #[inline]
    fn push_front(&mut self, run: Run) {
        if run.is_empty() {
            return;
        }
        self.len += run.len();
        if let Some(first) = self.packed_mut().first_mut()
            && let Some(joined) = join(run, Run::from(*first))
        {
            *first = joined.into();
            return;
        }
        self.count += 1;
        if let Some(before) = self.first.checked_sub(1)
            && let Some(slot) = self.inline.get_mut(before)
            && self.spill.is_empty()
        {
            *slot = run.into();
            self.first = before;
        } else {
            self.use_heap(self.count - 1);
            self.spill.insert(0, run.into());
        }
    }

    /// Appends a run, joining it to the last one where that continues.
    #[inline]
    fn push(&mut self, run: Run) {
        if run.is_empty() {
            return;
        }
        self.len += run.len();
        if let Some(last) = self.packed_mut().last_mut()
            && let Some(joined) = join(Run::from(*last), run)
        {
            *last = joined.into();
            return;
        }
        self.count += 1;
        if let Some(slot) = self.inline.get_mut(self.first + self.count - 1)
            && self.spill.is_empty()
        {
            *slot = run.into();
        } else {
            self.use_heap(self.count - 1);
            self.spill.push(run.into());
        }
    }

    /// Moves the `count` runs to the heap, if they are not there.
    #[cold]
    fn use_heap(&mut self, count: usize) {
        if self.spill.is_empty() {
            self.spill.extend(self.inline.iter().skip(self.first).take(count));
        }
    }
}

/// The one run that is `a` and then `b`, if there is one.
#[inline]
fn join(a: Run, b: Run) -> Option<Run> {
    match (a, b) {
        (Run::Fill { len: m, fill }, Run::Fill { len: n, fill: other }) if fill == other => {
            Some(Run::Fill { len: m + n, fill })
        }
        (Run::Source { start, len: m, step: p }, Run::Source { start: next, len: n, step: q }) => {
            // A single pixel has no direction of its own.
            let step = match (m, n) {
                (1, 1) => i64::from(next) - i64::from(start),
                (1, _) => i64::from(q),
                _ => i64::from(p),
            };
            let fits = (n == 1 || i64::from(q) == step)
                && step.abs() <= 1
                && i64::from(start) + step * i64::from(m) == i64::from(next);
            fits.then_some(Run::Source { start, len: m + n, step: step as i8 })
        }
        _ => None,
    }
}

/// The fill of the pixels where two runs meet, or `None` if they come from the source.
pub(crate) fn fill_of(row: Run, col: Run) -> Option<u16> {
    let fill = |run| match run {
        Run::Fill { fill, .. } => Some(fill),
        Run::Source { .. } => None,
    };
    // `None` is less than any fill, so this is the larger fill, or the only one.
    fill(row).max(fill(col))
}

#[cfg(test)]
#[path = "axis_tests.rs"]
pub(crate) mod tests;
