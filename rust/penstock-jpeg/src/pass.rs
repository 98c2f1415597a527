//! The one scan of an ordinary file: stepped over, or decoded a few MCUs at a time and rendered at once.

use crate::bits::{Positions, Reader, ScanData};
use crate::error::{Irregular, Reason, give_up};
use crate::idct::Quant;
use crate::index::{Entry, Index};
use crate::level::Level;
use crate::markers::{MAX_COMPONENTS, MAX_MCU_BLOCKS, Scan, Tables};
use crate::region::{Geometry, Plane, Window};
use crate::render::Renderer;
use crate::sequential::{BATCH, Batch, Job, Predictors, ScanTables};
use crate::simd;

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
    reader: Reader<'a>,
    predictors: Predictors,
    segment: usize,
    /// MCUs until the next restart marker.
    left: usize,
}

impl SequentialPass<'_> {
    #[expect(clippy::too_many_arguments, reason = "the one caller has them all at hand")]
    pub(crate) fn run(
        &mut self,
        file: &[u8],
        data: &mut ScanData,
        data_at: usize,
        mut renderer: Option<&mut Renderer<'_, '_>>,
        all: bool,
        known: Option<&Index>,
        index: Option<&mut Index>,
    ) -> Result<(), Irregular> {
        let Geometry { mcus_x, mcus_y, .. } = *self.geometry;
        let (across, down) = (mcus_x, mcus_y);
        let first_row = self.window.map_or(0, |window| window.mcus_y.from);
        let entry = known.and_then(|index| index.rows.get(first_row));
        let mut start = 0;
        if let Some(entry) = entry {
            start = first_row;
            data.fill(file, entry.byte as usize, entry.restart, false, self.level)?;
        } else {
            data.fill(file, data_at, 0, index.is_some(), self.level)?;
            data.expect_intervals(self.interval, across * down)?;
        }
        let data = &*data;
        let mut place = match entry {
            Some(entry) => Place {
                reader: data.reader(0, usize::from(entry.bit))?,
                predictors: entry.predictors.map(i32::from),
                segment: 0,
                left: usize::from(entry.until_restart),
            },
            None => Place {
                reader: data.reader(0, 0)?,
                predictors: [0; MAX_COMPONENTS],
                segment: 0,
                left: self.interval,
            },
        };
        let mut positions = data.positions();
        let mut rows = Vec::new();
        for mcu_row in start..down {
            if index.is_some() {
                self.restart_if_due(data, &mut place)?;
                rows.push(place.entry(&mut positions));
            }
            let decoded = self.window.filter(|window| window.mcus_y.contains(mcu_row));
            match (decoded, renderer.as_deref_mut()) {
                (Some(window), Some(renderer)) => {
                    self.choose_blocks(window, mcu_row);
                    self.advance(data, &mut place, window.mcus_x.from, false)?;
                    for from in (window.mcus_x.from..window.mcus_x.to).step_by(BATCH) {
                        let count = BATCH.min(window.mcus_x.to - from);
                        self.advance(data, &mut place, count, true)?;
                        self.render_batch(renderer, from - window.mcus_x.from, count)?;
                    }
                    renderer.finish(mcu_row)?;
                    if !all && mcu_row + 1 == window.mcus_y.to {
                        return Ok(());
                    }
                    self.advance(data, &mut place, across - window.mcus_x.to, false)?;
                }
                _ => self.advance(data, &mut place, across, false)?,
            }
        }
        place.reader.finish()?;
        if let Some(index) = index {
            rows.shrink_to_fit();
            *index = Index { length: file.len(), rows };
        }
        Ok(())
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

    /// Goes to the next interval if the last one is over.
    fn restart_if_due<'d>(&self, data: &'d ScanData, place: &mut Place<'d>) -> Result<(), Irregular> {
        if self.interval > 0 && place.left == 0 {
            place.reader.finish()?;
            place.segment += 1;
            place.left = self.interval;
            place.predictors = [0; MAX_COMPONENTS];
            place.reader = data.reader(place.segment, 0)?;
        }
        Ok(())
    }

    /// Decodes `count` MCUs into the batch, or only steps over them unless `keep` is set.
    fn advance<'d>(
        &mut self,
        data: &'d ScanData,
        place: &mut Place<'d>,
        count: usize,
        keep: bool,
    ) -> Result<(), Irregular> {
        let Jobs { mut list, count: blocks } = self.jobs;
        let Some(jobs) = list.get_mut(..blocks) else { give_up!(Sampling) };
        let mut left = count;
        while left > 0 {
            self.restart_if_due(data, place)?;
            let run = if self.interval > 0 { left.min(place.left) } else { left };
            let Place { reader, predictors, .. } = place;
            if keep {
                simd::decode_mcus(self.level, reader, self.tables, jobs, predictors, run, self.batch)?;
                for job in jobs.iter_mut() {
                    job.slot += job.step * run;
                }
            } else {
                simd::skip_mcus(self.level, reader, self.tables, jobs, predictors, run)?;
            }
            place.left = place.left.saturating_sub(run);
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
    fn entry(&self, positions: &mut Positions<'_>) -> Entry {
        let bits = self.reader.position();
        Entry {
            byte: positions.in_file(bits / 8) as u32,
            bit: (bits % 8) as u8,
            restart: self.segment as u8 & 7,
            until_restart: self.left as u16,
            predictors: self.predictors.map(|value| value as i16),
        }
    }
}
