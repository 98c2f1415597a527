//! The pass that goes through pixels in memory, block by block: steps of pixels, lookups between them, and looks at the
//! whole image.
//!
//! A block goes through as many steps as there are until a look: the table that a step makes of its statistics is not
//! known before all blocks were there. So the steps are rounds, each but the last one of the whole image; the last one
//! is of what is wanted of it. Lookups are composed, and those behind the last step are left to whoever reads the
//! pixels next.

use penstock_jpeg::simd::Level;

use crate::image::Region;
use crate::ops::kinds::{BLOCK_PIXELS, Block, Lut, Measured, Pixels};
use crate::ops::{LutStep, MeasuredStep, PixelsStep, Statistics, Tables};
use crate::write::RenderError;

/// The most channels that blocks have.
const CHANNELS: usize = 3;

/// Something that is done to every block.
#[derive(Debug, Clone)]
pub(super) enum Change {
    Pixels(PixelsStep),
    Lut(LutStep),
    Measured(MeasuredStep),
}

/// What is done to the blocks of an image, one after the other, in memory that is reused.
#[derive(Debug, Default)]
pub(super) struct Blocks {
    changes: Vec<Change>,
    round: Round,
}

/// What is done to a block before the next one.
#[derive(Debug, Default)]
struct Round {
    steps: Vec<Ready>,
    tables: Vec<Tables>,
}

/// A step of a round.
#[derive(Debug, Clone, Copy)]
enum Ready {
    Pixels(PixelsStep),
    /// The one of the round's tables at this place.
    Tables(usize),
}

impl Round {
    fn clear(&mut self) {
        self.steps.clear();
        self.tables.clear();
    }

    fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    fn look_up(&mut self, tables: &Tables) {
        self.steps.push(Ready::Tables(self.tables.len()));
        self.tables.push(*tables);
    }

    fn change(&self, level: Level, block: &mut Block) {
        for step in &self.steps {
            match step {
                Ready::Pixels(step) => step.change(level, block),
                Ready::Tables(at) => {
                    if let Some(tables) = self.tables.get(*at) {
                        tables.change(level, block);
                    }
                }
            }
        }
    }
}

impl Blocks {
    pub(super) fn clear(&mut self) {
        self.changes.clear();
    }

    pub(super) fn push(&mut self, change: Change) {
        self.changes.push(change);
    }

    /// Whether the whole image has to be there.
    pub(super) fn measure(&self) -> bool {
        self.changes.iter().any(|change| matches!(change, Change::Measured(_)))
    }

    /// Changes an image of contiguous planes of rows, after its last look only `wanted` of it. What is to be looked up
    /// in what comes of it, if anything is.
    pub(super) fn run(
        &mut self,
        level: Level,
        planes: &mut [u8],
        channels: usize,
        width: usize,
        wanted: &Region,
    ) -> Result<Option<Tables>, RenderError> {
        if channels != 1 && channels != CHANNELS {
            return Err(RenderError::Channels { image: channels, table: CHANNELS });
        }
        let Blocks { changes, round } = self;
        let size = (planes.len() / channels).max(1);
        let mut planes: [&mut [u8]; CHANNELS] = {
            let mut parts = planes.chunks_exact_mut(size);
            std::array::from_fn(|_| parts.next().unwrap_or_default())
        };
        let planes = planes.get_mut(..channels).unwrap_or_default();
        let whole = 0..size;
        round.clear();
        let mut tables: Option<Tables> = None;
        for change in changes.iter() {
            match change {
                Change::Lut(step) => {
                    let next = step.tables();
                    tables = Some(tables.map_or(next, |before| before.then(&next)));
                }
                // The channels of an image that has one are not mixed.
                Change::Pixels(_) if channels == 1 => {}
                Change::Pixels(step) => {
                    tables.take().iter().for_each(|tables| round.look_up(tables));
                    round.steps.push(Ready::Pixels(*step));
                }
                Change::Measured(step) => {
                    tables.take().iter().for_each(|tables| round.look_up(tables));
                    let mut seen = Statistics::new(channels);
                    each_block(planes, whole.clone(), !round.is_empty(), |block, pixels| {
                        round.change(level, block);
                        step.look(level, block, pixels, &mut seen);
                    });
                    round.clear();
                    tables = Some(step.tables(&seen));
                }
            }
        }
        if !round.is_empty() {
            for stretch in stretches(wanted, width) {
                each_block(planes, stretch, true, |block, _| round.change(level, block));
            }
        }
        Ok(tables)
    }
}

/// The pixels of a region, as ranges of those of an image of `width`, with what lies between them where that is no more
/// than what fills the blocks of each row up.
fn stretches(region: &Region, width: usize) -> impl Iterator<Item = std::ops::Range<usize>> {
    let (rows, columns) = (region.rows.len(), region.columns.len());
    let by_rows = columns.next_multiple_of(BLOCK_PIXELS) < width;
    let (times, length) =
        if by_rows { (rows, columns) } else { (rows.min(1), rows.saturating_sub(1) * width + columns) };
    let first = region.rows.start as usize * width + region.columns.start as usize;
    (0..times).map(move |row| first + row * width..first + row * width + length)
}

/// Shows some pixels, block by block, each with the number of pixels that count; and has what becomes of them, if it
/// `changes`.
fn each_block(
    planes: &mut [&mut [u8]],
    pixels: std::ops::Range<usize>,
    changes: bool,
    mut show: impl FnMut(&mut Block, usize),
) {
    let mut block: Block = [[0; BLOCK_PIXELS]; CHANNELS];
    for first in pixels.clone().step_by(BLOCK_PIXELS) {
        let count = BLOCK_PIXELS.min(pixels.end - first);
        for (values, plane) in block.iter_mut().zip(planes.iter()) {
            let bytes = plane.get(first..first + count).unwrap_or_default();
            match bytes.first_chunk() {
                Some(chunk) => *values = *chunk,
                None => values.iter_mut().zip(bytes).for_each(|(value, byte)| *value = *byte),
            }
        }
        show(&mut block, count);
        if !changes {
            continue;
        }
        for (values, plane) in block.iter().zip(planes.iter_mut()) {
            let bytes = plane.get_mut(first..first + count).unwrap_or_default();
            match bytes.first_chunk_mut() {
                Some(chunk) => *chunk = *values,
                None => bytes.iter_mut().zip(values).for_each(|(byte, value)| *byte = *value),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stretches_are_rows_or_one() {
        let of = |rows, columns, width| {
            let region = Region { rows, columns };
            stretches(&region, width).map(|pixels| (pixels.start, pixels.end)).collect::<Vec<_>>()
        };
        assert_eq!(of(2..4, 0..10, 10), [(20, 40)]);
        assert_eq!(of(2..4, 1..10, 10), [(21, 40)]);
        assert_eq!(of(2..4, 1..10, 300), [(601, 610), (901, 910)]);
        assert_eq!(of(3..3, 1..10, 10), []);
        assert_eq!(of(3..3, 1..10, 300), []);
    }
}
