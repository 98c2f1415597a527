//! The scans of a file that has several: read into coefficients, then transformed where they are needed.

use crate::bits::{Reader, ScanData};
use crate::error::{Irregular, give_up};
use crate::kernels::idct::Quant;
use crate::markers::{MAX_COMPONENTS, Parser, Scan, Stop, Tables, Transform};
use crate::pass::latch_quant;
use crate::progressive::{BandDecoder, Coefficients, Progress};
use crate::region::{Geometry, Window};
use crate::render::{Renderer, Strips, Target};
use crate::sequential::{Batch, Job, ScanTables};
use crate::simd::Level;

/// What reading the scans works with.
#[derive(Debug)]
pub(crate) struct Scans<'a> {
    pub(crate) geometry: &'a Geometry,
    pub(crate) progressive: bool,
    pub(crate) level: Level,
    pub(crate) tables: &'a mut ScanTables,
    pub(crate) batch: &'a mut Batch,
    pub(crate) data: &'a mut ScanData,
    pub(crate) coefficients: &'a mut [Coefficients; MAX_COMPONENTS],
}

impl Scans<'_> {
    /// Reads every scan into coefficients.
    pub(crate) fn read(
        &mut self,
        file: &[u8],
        parser: &mut Parser<'_>,
        first: Scan,
    ) -> Result<[Option<Quant>; MAX_COMPONENTS], Irregular> {
        let geometry = self.geometry;
        for (plane, coefficients) in geometry.planes().zip(self.coefficients.iter_mut()) {
            coefficients.reset(geometry, plane);
        }
        self.batch.blocks.fill([0; 64]);
        let mut quants = [const { None }; MAX_COMPONENTS];
        let mut progress = Progress::new();
        let mut scan = first;
        loop {
            progress.enter(&scan, self.progressive)?;
            // A component keeps the table that held at its first scan.
            for part in scan.components() {
                let (Some(quant), Some(plane)) = (quants.get_mut(part.index), geometry.plane(part.index))
                else {
                    give_up!(Components)
                };
                if quant.is_none() {
                    *quant = Some(latch_quant(&parser.tables, plane.quant_slot)?);
                }
            }
            self.scan(file, &parser.tables, &scan)?;
            parser.seek(self.data.behind);
            scan = match parser.next()? {
                Stop::Scan(next) => next,
                Stop::End => break,
            };
        }
        if !progress.complete(geometry.planes().count()) {
            give_up!(Progression);
        }
        Ok(quants)
    }

    /// Decodes one scan.
    fn scan(&mut self, file: &[u8], tables: &Tables, scan: &Scan) -> Result<(), Irregular> {
        let &mut Scans { geometry, progressive, .. } = self;
        let parts = scan.components();
        let (needs_dc, needs_ac) =
            if progressive { (scan.first == 0 && scan.high == 0, scan.first > 0) } else { (true, true) };
        for (at, part) in parts.iter().enumerate() {
            let (Some(dc), Some(ac)) = (self.tables.dc.get_mut(at), self.tables.ac.get_mut(at)) else {
                give_up!(Scan)
            };
            if needs_dc {
                dc.build(tables.dc.get(part.dc_slot).and_then(Option::as_ref), file)?;
            }
            if needs_ac && progressive {
                ac.build_codes(tables.ac.get(part.ac_slot).and_then(Option::as_ref), file)?;
            } else if needs_ac {
                ac.build(tables.ac.get(part.ac_slot).and_then(Option::as_ref), file)?;
            }
        }
        self.data.fill(file, scan.data_at, None, 0, false, self.level)?;
        let mut band = BandDecoder {
            tables: self.tables,
            first: scan.first,
            last: scan.last,
            refine: scan.high != 0,
            low: scan.low,
            progressive,
            predictors: [0; MAX_COMPONENTS],
            end_run: 0,
        };
        let alone = match parts {
            [part] => geometry.plane(part.index),
            _ => None,
        };
        let (across, down) = match alone {
            Some(plane) => (plane.blocks_x, plane.blocks_y),
            None => (geometry.mcus_x, geometry.mcus_y),
        };
        let mut restarts = Restarts::new(tables.restart_interval, self.data, across * down)?;
        let mut reader = self.data.reader(0, 0)?;
        for y in 0..down {
            for x in 0..across {
                if restarts.before_mcu(self.data, &mut reader)? {
                    if band.end_run > 0 {
                        give_up!(Run);
                    }
                    band.restart();
                }
                for (component, part) in parts.iter().enumerate() {
                    let (Some(plane), Some(coefficients)) =
                        (geometry.plane(part.index), self.coefficients.get_mut(part.index))
                    else {
                        give_up!(Components)
                    };
                    let (h, v) = if alone.is_some() { (1, 1) } else { (plane.h, plane.v) };
                    let job = Job { component, dc: component, ac: component, ..Job::default() };
                    for row in 0..v {
                        for column in 0..h {
                            let at = (y * v + row) * coefficients.stride + x * h + column;
                            let Some(block) = coefficients.blocks.get_mut(at) else { give_up!(Scan) };
                            band.block(&mut reader, job, block, self.batch)?;
                        }
                    }
                }
                reader.check()?;
            }
        }
        if band.end_run > 0 {
            give_up!(Run);
        }
        reader.finish()
    }

    /// Transforms a window of the coefficients.
    pub(crate) fn render(
        &mut self,
        window: &Window,
        strips: &mut Strips,
        transform: Transform,
        quants: &[Option<Quant>; MAX_COMPONENTS],
        target: Target<'_>,
    ) -> Result<(), Irregular> {
        let (geometry, level) = (self.geometry, self.level);
        let extents = [63; 64];
        let mut renderer = Renderer::new(geometry, window, strips, transform, level, target)?;
        for mcu_row in window.mcus_y.from..window.mcus_y.to {
            for (at, (plane, coefficients)) in geometry.planes().zip(self.coefficients.iter_mut()).enumerate()
            {
                let (Some(Some(quant)), Some(rows)) = (quants.get(at), window.rows.get(at)) else {
                    give_up!(Table)
                };
                for row in 0..plane.v {
                    let y = mcu_row * plane.v + row;
                    if !rows.contains(y) {
                        continue;
                    }
                    let start = y * coefficients.stride + window.mcus_x.from * plane.h;
                    let count = window.mcus_x.len() * plane.h;
                    let Some(blocks) = coefficients.blocks.get_mut(start..start + count) else {
                        give_up!(Scan)
                    };
                    for (i, run) in blocks.chunks_mut(extents.len()).enumerate() {
                        renderer.blocks(at, row, i * extents.len(), quant, run, &extents)?;
                    }
                }
            }
            renderer.finish(mcu_row)?;
        }
        Ok(())
    }
}

/// Counts MCUs between restart markers.
#[derive(Debug)]
struct Restarts {
    interval: usize,
    /// MCUs until the next marker.
    left: usize,
    /// The segment at hand.
    segment: usize,
}

impl Restarts {
    /// Fails unless `mcus` MCUs take just the intervals that there are.
    fn new(interval: usize, data: &ScanData, mcus: usize) -> Result<Self, Irregular> {
        data.expect_intervals(interval, mcus)?;
        Ok(Restarts { interval, left: interval, segment: 0 })
    }

    /// Goes to the next interval if it is time; true if it was.
    fn before_mcu<'a>(&mut self, data: &'a ScanData, reader: &mut Reader<'a>) -> Result<bool, Irregular> {
        let due = self.interval > 0 && self.left == 0;
        if due {
            reader.finish()?;
            self.segment += 1;
            self.left = self.interval;
            *reader = data.reader(self.segment, 0)?;
        }
        self.left = self.left.saturating_sub(1);
        Ok(due)
    }
}
