//! The one scan of an ordinary file: stepped over, or decoded a few MCUs at a time and rendered at once.

use crate::bits::{Positions, Reader, ScanData};
use crate::error::{Irregular, Reason, give_up};
use crate::index::{Entry, Index};
use crate::kernels::idct::Quant;
use crate::markers::{MAX_COMPONENTS, MAX_MCU_BLOCKS, Scan, Tables};
use crate::region::{Geometry, Plane, Window};
use crate::render::Renderer;
use crate::sequential::{BATCH, Batch, Job, Predictors, ScanTables, dispatch};
use crate::simd::Level;

/// The table that holds for a component now.
pub(crate) fn latch_quant(tables: &Tables, slot: usize) -> Result<Quant, Irregular> {
    match tables.quant.get(slot) {
        Some(Some(table)) => Ok(Quant::new(table)),
        _ => Err(Reason::Table.into()),
    }
}

/// The tables of all components.
pub(crate) fn latch_quants(
    tables: &Tables,
    geometry: &Geometry,
) -> Result<[Option<Quant>; MAX_COMPONENTS], Irregular> {
    let mut quants = [const { None }; MAX_COMPONENTS];
    for (quant, plane) in quants.iter_mut().zip(geometry.planes()) {
        *quant = Some(latch_quant(tables, plane.quant_slot)?);
    }
    Ok(quants)
}

/// The blocks of an MCU.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Jobs {
    list: [Job; MAX_MCU_BLOCKS],
    count: usize,
}

/// Builds the tables of a scan that holds every component, and lists the blocks of its MCUs. Each row of a
/// component's blocks lies together in a batch.
pub(crate) fn sequential_jobs(
    tables: &Tables,
    geometry: &Geometry,
    scan: &Scan,
    built: &mut ScanTables,
    file: &[u8],
) -> Result<Jobs, Irregular> {
    if (scan.first, scan.last, scan.high, scan.low) != (0, 63, 0, 0) {
        give_up!(Scan);
    }
    let parts = scan.components();
    let mut list = [Job::default(); MAX_MCU_BLOCKS];
    let mut count = 0;
    let mut slot = 0;
    for (component, (part, plane)) in parts.iter().zip(geometry.planes()).enumerate() {
        // Components with the same table share it.
        let dc = parts.iter().position(|other| other.dc_slot == part.dc_slot).unwrap_or(component);
        let ac = parts.iter().position(|other| other.ac_slot == part.ac_slot).unwrap_or(component);
        if dc == component {
            let Some(table) = built.dc.get_mut(dc) else { give_up!(Scan) };
            table.build(tables.dc.get(part.dc_slot).and_then(Option::as_ref), file)?;
        }
        if ac == component {
            let Some(table) = built.ac.get_mut(ac) else { give_up!(Scan) };
            table.build(tables.ac.get(part.ac_slot).and_then(Option::as_ref), file)?;
        }
        let Plane { h, v, .. } = *plane;
        for _ in 0..v {
            for x in 0..h {
                let Some(job) = list.get_mut(count) else { give_up!(Sampling) };
                *job = Job { component, dc, ac, slot: slot + x, step: h, keep: false };
                count += 1;
            }
            slot += h * BATCH;
        }
    }
    Ok(Jobs { list, count })
}

/// Decodes the one scan of a sequential file as far as it is needed.
pub(crate) struct SequentialPass<'a> {
    pub(crate) level: Level,
    pub(crate) geometry: &'a Geometry,
    pub(crate) window: Option<&'a Window>,
    pub(crate) tables: &'a ScanTables,
    pub(crate) jobs: Jobs,
    pub(crate) quants: &'a [Option<Quant>; MAX_COMPONENTS],
    pub(crate) batch: &'a mut Batch,
    /// MCUs between restart markers; 0 for none.
    pub(crate) interval: usize,
}

/// The place in the scan.
struct Place<'a> {
    data: &'a ScanData,
    reader: Reader<'a>,
    predictors: Predictors,
    /// The restart interval in `data`.
    segment: usize,
    /// MCUs until the next restart marker.
    left: usize,
    /// MCUs of this row that lie behind.
    column: usize,
    /// The index that is being made.
    entries: Option<Entries<'a>>,
}

/// An index in the making.
struct Entries<'a> {
    positions: Positions<'a>,
    list: Vec<Entry>,
}

impl SequentialPass<'_> {
    /// Goes through the scan from its beginning, to its end if `all` is set.
    pub(crate) fn run(
        &mut self,
        file: &[u8],
        data: &mut ScanData,
        data_at: usize,
        mut renderer: Option<&mut Renderer<'_, '_>>,
        all: bool,
        index: Option<&mut Index>,
    ) -> Result<(), Irregular> {
        let Geometry { mcus_x: across, mcus_y: down, .. } = *self.geometry;
        data.fill(file, data_at, None, 0, index.is_some(), self.level)?;
        data.expect_intervals(self.interval, across * down)?;
        let mut place = Place {
            data,
            reader: data.reader(0, 0)?,
            predictors: [0; MAX_COMPONENTS],
            segment: 0,
            left: self.interval,
            column: 0,
            entries: index.is_some().then(|| Entries { positions: data.positions(), list: Vec::new() }),
        };
        for mcu_row in 0..down {
            place.column = 0;
            let decoded = self.window.filter(|window| window.mcus_y.contains(mcu_row));
            if let (Some(window), Some(renderer)) = (decoded, renderer.as_deref_mut()) {
                self.decode_row(&mut place, renderer, window, mcu_row)?;
                if !all && mcu_row + 1 == window.mcus_y.to {
                    return Ok(());
                }
            }
            let left = across - place.column;
            self.advance(&mut place, left, false)?;
        }
        place.reader.finish()?;
        if let (Some(index), Some(mut entries)) = (index, place.entries) {
            entries.list.shrink_to_fit();
            *index = Index { length: file.len(), entries: entries.list };
        }
        Ok(())
    }

    /// Decodes the window with an index: for each row, only the bytes from the entry before to the entry behind
    /// are taken.
    pub(crate) fn run_indexed(
        &mut self,
        file: &[u8],
        data: &mut ScanData,
        renderer: &mut Renderer<'_, '_>,
        index: &Index,
    ) -> Result<(), Irregular> {
        let Some(window) = self.window else { give_up!(Request) };
        let (across, spacing) = (self.geometry.mcus_x, self.geometry.spacing());
        for mcu_row in window.mcus_y.from..window.mcus_y.to {
            let Some(entry) = index.before(mcu_row, window.mcus_x.from, self.geometry) else {
                give_up!(Index)
            };
            let column = window.mcus_x.from / spacing * spacing;
            let mcu = mcu_row * across + column;
            let restart = mcu.checked_div(self.interval).unwrap_or(0);
            // The byte that the next entry lies in may be needed too, and a zero behind it.
            let stop =
                index.behind(mcu_row, window.mcus_x.to, self.geometry).map(|next| next.byte as usize + 2);
            data.fill(file, entry.byte as usize, stop, restart as u8 & 7, false, self.level)?;
            let mut place = Place {
                data,
                reader: data.reader(0, usize::from(entry.bit))?,
                predictors: entry.predictors.map(i32::from),
                segment: 0,
                left: self.interval - mcu.checked_rem(self.interval).unwrap_or(0),
                column,
                entries: None,
            };
            self.decode_row(&mut place, renderer, window, mcu_row)?;
        }
        Ok(())
    }

    /// Decodes and renders what the window needs of a row.
    fn decode_row(
        &mut self,
        place: &mut Place<'_>,
        renderer: &mut Renderer<'_, '_>,
        window: &Window,
        mcu_row: usize,
    ) -> Result<(), Irregular> {
        self.choose_blocks(window, mcu_row);
        let before = window.mcus_x.from - place.column;
        self.advance(place, before, false)?;
        for from in (window.mcus_x.from..window.mcus_x.to).step_by(BATCH) {
            let count = BATCH.min(window.mcus_x.to - from);
            self.advance(place, count, true)?;
            self.render_batch(renderer, from - window.mcus_x.from, count)?;
        }
        renderer.finish(mcu_row)
    }

    /// Marks the blocks of this MCU row that the window needs.
    fn choose_blocks(&mut self, window: &Window, mcu_row: usize) {
        let mut jobs = self.jobs.list.iter_mut();
        for (plane, rows) in self.geometry.planes().zip(&window.rows) {
            let Plane { h, v, .. } = *plane;
            for row in 0..v {
                for job in jobs.by_ref().take(h) {
                    job.keep = rows.contains(mcu_row * v + row);
                }
            }
        }
    }

    /// Decodes `count` MCUs into the batch, or only steps over them unless `keep` is set.
    fn advance(&mut self, place: &mut Place<'_>, count: usize, keep: bool) -> Result<(), Irregular> {
        let Jobs { mut list, count: blocks } = self.jobs;
        let Some(jobs) = list.get_mut(..blocks) else { give_up!(Sampling) };
        let mut left = count;
        while left > 0 {
            place.restart_if_due(self.interval)?;
            let mut run = if self.interval > 0 { left.min(place.left) } else { left };
            if place.entries.is_some() {
                let spacing = self.geometry.spacing();
                run = run.min(spacing - place.column % spacing);
                place.enter(spacing);
            }
            let Place { reader, predictors, .. } = place;
            if keep {
                dispatch::decode_mcus(self.level, reader, self.tables, jobs, predictors, run, self.batch)?;
                for job in jobs.iter_mut() {
                    job.slot += job.step * run;
                }
            } else {
                dispatch::skip_mcus(self.level, reader, self.tables, jobs, predictors, run)?;
            }
            place.left = place.left.saturating_sub(run);
            place.column += run;
            left -= run;
        }
        Ok(())
    }

    /// Transforms the blocks of `count` MCUs; `from` is the first one's column in the window.
    fn render_batch(
        &mut self,
        renderer: &mut Renderer<'_, '_>,
        from: usize,
        count: usize,
    ) -> Result<(), Irregular> {
        let mut at = 0;
        for (index, plane) in self.geometry.planes().enumerate() {
            let Plane { h, v, .. } = *plane;
            let Some(Some(quant)) = self.quants.get(index) else { give_up!(Table) };
            for row in 0..v {
                let Some(job) = self.jobs.list.get(at) else { give_up!(Sampling) };
                at += h;
                if !job.keep {
                    continue;
                }
                let slots = job.slot..job.slot + count * h;
                let (Some(blocks), Some(extents)) =
                    (self.batch.blocks.get_mut(slots.clone()), self.batch.extents.get(slots))
                else {
                    give_up!(Sampling)
                };
                renderer.blocks(index, row, from * h, quant, blocks, extents)?;
            }
        }
        Ok(())
    }
}

impl Place<'_> {
    /// Goes to the next interval if the last one is over.
    fn restart_if_due(&mut self, interval: usize) -> Result<(), Irregular> {
        if interval > 0 && self.left == 0 {
            self.reader.finish()?;
            self.segment += 1;
            self.left = interval;
            self.predictors = [0; MAX_COMPONENTS];
            self.reader = self.data.reader(self.segment, 0)?;
        }
        Ok(())
    }

    /// Enters this place in the index if it is time.
    fn enter(&mut self, spacing: usize) {
        if let Some(Entries { positions, list }) = &mut self.entries
            && self.column.is_multiple_of(spacing)
        {
            let bits = self.reader.position();
            list.push(Entry {
                byte: positions.in_file(bits / 8) as u32,
                bit: (bits % 8) as u8,
                predictors: self.predictors.map(|value| value as i16),
            });
        }
    }
}
