//! Files of several scans: every coefficient is kept until the last scan is read.
//!
//! Progressive scans bring spectral bands and single bits; the scans of a sequential file may also come
//! component by component. [`Progress`] checks that they follow each other as the standard wants and that
//! nothing is missing at the end: libjpeg would smooth such an image.

use crate::bits::Reader;
use crate::error::{Irregular, Reason, give_up};
use crate::huffman::{AcTable, extend};
use crate::kernels::idct::Block;
use crate::markers::{MAX_COMPONENTS, Scan, ZIGZAG};
use crate::region::{Geometry, Plane};
use crate::sequential::{Batch, Job, Predictors, ScanTables, decode_dc, decode_mcus};

/// The coefficients of a component, in rows of whole MCUs.
#[derive(Debug, Default)]
pub(crate) struct Coefficients {
    pub(crate) blocks: Vec<Block>,
    /// Blocks in a row.
    pub(crate) stride: usize,
}

impl Coefficients {
    /// Blocks that a component takes.
    pub(crate) fn needed(geometry: &Geometry, plane: &Plane) -> usize {
        geometry.mcus_x * plane.h * geometry.mcus_y * plane.v
    }

    /// Makes room for a component's blocks, all zero.
    pub(crate) fn reset(&mut self, geometry: &Geometry, plane: &Plane) {
        self.stride = geometry.mcus_x * plane.h;
        self.blocks.clear();
        self.blocks.resize(Coefficients::needed(geometry, plane), [0; 64]);
    }
}

/// How precisely each coefficient of each component is known: the bits still missing.
#[derive(Debug)]
pub(crate) struct Progress([[Option<u8>; 64]; MAX_COMPONENTS]);

impl Progress {
    pub(crate) fn new() -> Self {
        Progress([[None; 64]; MAX_COMPONENTS])
    }

    /// Enters a scan; fails if it is not one that could come now.
    pub(crate) fn enter(&mut self, scan: &Scan, progressive: bool) -> Result<(), Irregular> {
        let &Scan { first, last, high, low, .. } = scan;
        let parts = scan.components();
        if progressive {
            let band = if first == 0 { last == 0 } else { first <= last && last < 64 && parts.len() == 1 };
            if !band || low > 13 || (high != 0 && high != low + 1) {
                give_up!(Scan);
            }
        } else if (first, last, high, low) != (0, 63, 0, 0) {
            give_up!(Scan);
        }
        for part in parts {
            let Some(known) = self.0.get_mut(part.index) else { give_up!(Components) };
            if first > 0 && known[0].is_none() {
                give_up!(Progression);
            }
            let Some(band) = known.get_mut(first..=last) else { give_up!(Scan) };
            for bits in band {
                let expected = if high == 0 { None } else { Some(high) };
                if *bits != expected {
                    give_up!(Progression);
                }
                *bits = Some(low);
            }
        }
        Ok(())
    }

    /// Whether every coefficient of the first `count` components is wholly known.
    pub(crate) fn complete(&self, count: usize) -> bool {
        self.0.iter().take(count).flatten().all(|&bits| bits == Some(0))
    }
}

/// A run of blocks that have no more coefficients in the band, this one included.
pub(crate) type EndRun = u32;

/// What decodes the blocks of a scan.
#[derive(Debug)]
pub(crate) struct BandDecoder<'a> {
    pub(crate) tables: &'a ScanTables,
    pub(crate) first: usize,
    pub(crate) last: usize,
    /// Whether coefficients are refined that an earlier scan began.
    pub(crate) refine: bool,
    pub(crate) low: u8,
    pub(crate) progressive: bool,
    pub(crate) predictors: Predictors,
    pub(crate) end_run: EndRun,
}

impl BandDecoder<'_> {
    /// Decodes a block of the component at position `job.component` of the scan.
    pub(crate) fn block(
        &mut self,
        reader: &mut Reader<'_>,
        job: Job,
        block: &mut Block,
        batch: &mut Batch,
    ) -> Result<(), Irregular> {
        if !self.progressive {
            let job = Job { slot: 0, step: 0, keep: true, ..job };
            decode_mcus(reader, self.tables, &[job], &mut self.predictors, 1, batch)?;
            let Some(decoded) = batch.blocks.first_mut() else { give_up!(Scan) };
            *block = std::mem::replace(decoded, [0; 64]);
            return Ok(());
        }
        match (self.first, self.refine) {
            (0, false) => self.dc_first(reader, job, block),
            (0, true) => {
                reader.refill();
                if reader.take(1) != 0 {
                    block[0] |= 1 << self.low;
                }
                Ok(())
            }
            (_, refine) => {
                let Some(table) = self.tables.ac.get(job.ac) else { give_up!(Table) };
                if refine {
                    self.ac_refine(reader, table, block)
                } else {
                    self.ac_first(reader, table, block)
                }
            }
        }
    }

    /// Begins behind a restart marker.
    pub(crate) fn restart(&mut self) {
        self.predictors = [0; MAX_COMPONENTS];
        self.end_run = 0;
    }

    fn dc_first(&mut self, reader: &mut Reader<'_>, job: Job, block: &mut Block) -> Result<(), Irregular> {
        let Some(table) = self.tables.dc.get(job.dc) else { give_up!(Table) };
        let Some(predictor) = self.predictors.get_mut(job.component) else { give_up!(Scan) };
        reader.refill();
        *predictor += decode_dc(reader, table)?;
        block[0] = self.scaled(self.predictors[job.component % MAX_COMPONENTS])?;
        Ok(())
    }

    /// A value shifted to its bit position.
    fn scaled(&self, value: i32) -> Result<i16, Irregular> {
        let scaled = i64::from(value) << self.low;
        i16::try_from(scaled).map_err(|_| Reason::Coefficient.into())
    }

    /// The length of a run of ended bands; `exponent` is the symbol's upper half.
    fn read_end_run(reader: &mut Reader<'_>, exponent: u32) -> EndRun {
        (1 << exponent) + reader.take(exponent)
    }

    fn ac_first(
        &mut self,
        reader: &mut Reader<'_>,
        table: &AcTable,
        block: &mut Block,
    ) -> Result<(), Irregular> {
        if self.end_run > 0 {
            self.end_run -= 1;
            return Ok(());
        }
        let mut k = self.first;
        while k <= self.last {
            reader.refill();
            let (length, symbol) = table.codes.find(reader.window())?;
            reader.drop_bits(length);
            let (run, size) = (u32::from(symbol >> 4), u32::from(symbol & 15));
            if size == 0 {
                if run < 15 {
                    self.end_run = Self::read_end_run(reader, run) - 1;
                    return Ok(());
                }
                k += 16;
                continue;
            }
            k += run as usize;
            if k > self.last {
                give_up!(Run);
            }
            let value = extend(reader.take(size), size);
            block[place(k)] = self.scaled(value)?;
            k += 1;
        }
        if k > self.last + 1 {
            give_up!(Run)
        }
        Ok(())
    }

    fn ac_refine(
        &mut self,
        reader: &mut Reader<'_>,
        table: &AcTable,
        block: &mut Block,
    ) -> Result<(), Irregular> {
        let mut k = self.first;
        if self.end_run == 0 {
            while k <= self.last {
                reader.refill();
                let (length, symbol) = table.codes.find(reader.window())?;
                reader.drop_bits(length);
                let (run, size) = (u32::from(symbol >> 4), u32::from(symbol & 15));
                let value = match size {
                    0 if run < 15 => {
                        self.end_run = Self::read_end_run(reader, run);
                        break;
                    }
                    0 => 0,
                    1 if reader.take(1) != 0 => 1 << self.low,
                    1 => -1 << self.low,
                    _ => give_up!(Code),
                };
                k = self.refine_over(reader, block, k, Some(run))?;
                if k > self.last {
                    give_up!(Run);
                }
                if value != 0 {
                    block[place(k)] = value;
                }
                k += 1;
            }
        }
        if self.end_run > 0 {
            self.refine_over(reader, block, k, None)?;
            self.end_run -= 1;
        }
        Ok(())
    }

    /// Refines the coefficients from `k` on, up to the zero behind `zeros` others; to the end of the band if
    /// that is `None`. Gives the position of that zero.
    fn refine_over(
        &self,
        reader: &mut Reader<'_>,
        block: &mut Block,
        mut k: usize,
        zeros: Option<u32>,
    ) -> Result<usize, Irregular> {
        let mut left = zeros;
        while k <= self.last {
            let Some(coefficient) = block.get_mut(place(k)) else { give_up!(Run) };
            if *coefficient != 0 {
                reader.refill();
                let bit = 1_i16 << self.low;
                if reader.take(1) != 0 && *coefficient & bit == 0 {
                    *coefficient = coefficient.wrapping_add(bit * coefficient.signum());
                }
            } else if let Some(left) = &mut left {
                match left.checked_sub(1) {
                    Some(fewer) => *left = fewer,
                    None => break,
                }
            }
            k += 1;
        }
        Ok(k)
    }
}

fn place(k: usize) -> usize {
    usize::from(ZIGZAG[k & 63] & 63)
}
