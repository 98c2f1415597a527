//! Huffman decoding of sequential scans, block by block.
#![expect(clippy::inline_always, reason = "parts of loops that are compiled for several processors")]
//!
//! A scan's MCUs are a list of [`Job`]s, one for each block. Blocks that nobody needs are stepped over with
//! the same tables and checks.

pub(crate) mod dispatch;

use crate::bits::Reader;
use crate::error::{Irregular, Reason, give_up};
use crate::huffman::{AC_BITS, AcTable, DC_BITS, DcTable, END, LONG, extend};
use crate::kernels::idct::Block;
use crate::markers::{MAX_COMPONENTS, MAX_MCU_BLOCKS, ZIGZAG};

/// MCUs that are decoded before their blocks are transformed.
pub(crate) const BATCH: usize = 16;
/// Blocks of a batch.
const BATCH_BLOCKS: usize = BATCH * MAX_MCU_BLOCKS;

/// The tables of a scan; a component names them by position.
#[derive(Debug)]
pub(crate) struct ScanTables {
    pub(crate) dc: [DcTable; MAX_COMPONENTS],
    pub(crate) ac: [AcTable; MAX_COMPONENTS],
}

impl ScanTables {
    pub(crate) fn new() -> Box<Self> {
        Box::new(ScanTables {
            dc: std::array::from_fn(|_| DcTable::new()),
            ac: std::array::from_fn(|_| AcTable::new()),
        })
    }
}

/// A block of the MCU.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Job {
    /// Position of the component in the scan.
    pub(crate) component: usize,
    /// Positions in [`ScanTables`].
    pub(crate) dc: usize,
    pub(crate) ac: usize,
    /// Where the first MCU's block goes, and how far behind it the next MCU's.
    pub(crate) slot: usize,
    pub(crate) step: usize,
    /// Whether the coefficients are wanted.
    pub(crate) keep: bool,
}

/// DC coefficients of the last blocks, by component of the scan.
pub(crate) type Predictors = [i32; MAX_COMPONENTS];

/// Where a batch's coefficients go; the blocks must be zero.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) blocks: Vec<Block>,
    /// For each block, the greatest position in the order of the file.
    pub(crate) extents: Vec<u8>,
}

impl Batch {
    /// Bytes that it takes.
    pub(crate) const BYTES: usize = BATCH_BLOCKS * (size_of::<Block>() + 1);

    pub(crate) fn new() -> Self {
        Batch { blocks: vec![[0; 64]; BATCH_BLOCKS], extents: vec![0; BATCH_BLOCKS] }
    }
}

/// A block of the MCU with its tables at hand.
type Bound<'a> = (&'a DcTable, &'a AcTable, Job);

/// Looks up the tables of all blocks, once for many MCUs.
#[inline(always)]
fn bind<'a>(
    tables: &'a ScanTables,
    jobs: &[Job],
    bound: &'a mut [Bound<'a>; MAX_MCU_BLOCKS],
) -> Result<&'a [Bound<'a>], Irregular> {
    let Some(bound) = bound.get_mut(..jobs.len()) else { give_up!(Sampling) };
    for (slot, &job) in bound.iter_mut().zip(jobs) {
        let (Some(dc), Some(ac)) = (tables.dc.get(job.dc), tables.ac.get(job.ac)) else { give_up!(Table) };
        *slot = (dc, ac, job);
    }
    Ok(bound)
}

/// Decodes `count` MCUs.
#[inline(always)]
pub(crate) fn decode_mcus(
    state: &mut Reader<'_>,
    tables: &ScanTables,
    jobs: &[Job],
    predictors: &mut Predictors,
    count: usize,
    batch: &mut Batch,
) -> Result<(), Irregular> {
    let mut space = [(&tables.dc[0], &tables.ac[0], Job::default()); MAX_MCU_BLOCKS];
    let bound = bind(tables, jobs, &mut space)?;
    let mut reader = *state;
    for mcu in 0..count {
        for &(dc, ac, job) in bound {
            let Some(predictor) = predictors.get_mut(job.component) else { give_up!(Scan) };
            reader.refill();
            *predictor += decode_dc(&mut reader, dc)?;
            let Ok(value) = i16::try_from(*predictor) else { give_up!(Coefficient) };
            if job.keep {
                let at = job.slot + mcu * job.step;
                let (Some(block), Some(extent)) = (batch.blocks.get_mut(at), batch.extents.get_mut(at))
                else {
                    give_up!(Scan)
                };
                block[0] = value;
                *extent = decode_ac(&mut reader, ac, block)?;
            } else {
                skip_ac(&mut reader, ac)?;
            }
        }
        reader.check()?;
    }
    *state = reader;
    Ok(())
}

/// Steps over `count` MCUs.
#[inline(always)]
pub(crate) fn skip_mcus(
    state: &mut Reader<'_>,
    tables: &ScanTables,
    jobs: &[Job],
    predictors: &mut Predictors,
    count: usize,
) -> Result<(), Irregular> {
    let mut space = [(&tables.dc[0], &tables.ac[0], Job::default()); MAX_MCU_BLOCKS];
    let bound = bind(tables, jobs, &mut space)?;
    let mut reader = *state;
    for _ in 0..count {
        for &(dc, ac, job) in bound {
            let Some(predictor) = predictors.get_mut(job.component) else { give_up!(Scan) };
            reader.refill();
            *predictor += decode_dc(&mut reader, dc)?;
            if i16::try_from(*predictor).is_err() {
                give_up!(Coefficient);
            }
            skip_ac(&mut reader, ac)?;
        }
        reader.check()?;
    }
    *state = reader;
    Ok(())
}

/// A difference of DC coefficients. Wants a full window; leaves at least 46 bits.
#[inline(always)]
pub(crate) fn decode_dc(reader: &mut Reader<'_>, table: &DcTable) -> Result<i32, Irregular> {
    let (value, bits) = table.whole[(reader.window() >> (64 - DC_BITS)) as usize];
    if bits > 0 {
        reader.drop_bits(u32::from(bits));
        return Ok(i32::from(value));
    }
    let (length, size) = table.codes.find(reader.window())?;
    reader.drop_bits(length);
    let size = u32::from(size);
    let value = extend(reader.take(size), size);
    reader.refill();
    Ok(value)
}

/// A coefficient whose code, or whose value behind it, goes beyond a lookup: its distance and value. Wants 31
/// bits in the window.
#[inline(always)]
fn decode_long(reader: &mut Reader<'_>, table: &AcTable) -> Result<(usize, i16), Irregular> {
    let (length, symbol) = table.codes.find(reader.window())?;
    reader.drop_bits(length);
    let size = u32::from(symbol & 15);
    let value = extend(reader.take(size), size) as i16;
    match symbol {
        0 => Ok((0, 0)),
        0xF0 => Ok((16, 0)),
        _ if size == 0 => Err(Reason::Code.into()),
        _ => Ok((usize::from(symbol >> 4) + 1, value)),
    }
}

/// Entries looked up from one full window, and from what a DC coefficient leaves of it: 11 bits for each. Longer
/// ones refill it first.
const LOOKUPS: usize = 5;
const FIRST_LOOKUPS: usize = 4;

/// Where a block has the coefficient at position `k` of the file's order.
#[inline(always)]
fn place(k: usize) -> usize {
    usize::from(ZIGZAG[k & 63] & 63)
}

/// The AC coefficients of a block; gives the position of the last one.
#[inline(always)]
fn decode_ac(reader: &mut Reader<'_>, table: &AcTable, block: &mut Block) -> Result<u8, Irregular> {
    let mut last = 0;
    let mut lookups = FIRST_LOOKUPS;
    loop {
        for _ in 0..lookups {
            let at = (reader.window() >> (64 - AC_BITS)) as usize;
            let (bits, pair) = (u32::from(table.bits[at]), table.pairs[at]);
            // Taken before anything is asked, so that the next lookup waits for nothing else.
            reader.drop_bits(bits);
            // Asked first: behind the next branch it could be foretold even less.
            if pair.step() == LONG {
                reader.refill();
                let (step, value) = decode_long(reader, table)?;
                if step == 0 {
                    return Ok(last as u8);
                }
                last += step;
                block[place(last)] = value;
                if last >= 63 {
                    return if last == 63 { Ok(63) } else { Err(Reason::Run.into()) };
                }
                break;
            }
            let next = last + usize::from(pair.step());
            let first = last + pair.first_step();
            if next < 63 {
                // Without a second coefficient, both are the same place, and the first one stays.
                block[place(next)] = pair.second();
                block[place(first)] = pair.first();
                last = next;
                continue;
            }
            if first < 63 {
                block[place(first)] = pair.first();
                if pair.step() >= END {
                    return Ok((first as u8).wrapping_add(pair.second() as u8));
                }
                block[63] = pair.second();
                return if next == 63 { Ok(63) } else { Err(Reason::Run.into()) };
            }
            // The second one is another block's.
            *reader = reader.before(bits);
            decode_long(reader, table)?;
            block[63] = pair.first();
            return if first == 63 { Ok(63) } else { Err(Reason::Run.into()) };
        }
        reader.refill();
        lookups = LOOKUPS;
    }
}

/// Steps over the AC coefficients of a block.
#[inline(always)]
fn skip_ac(reader: &mut Reader<'_>, table: &AcTable) -> Result<(), Irregular> {
    let mut last = 0;
    let mut lookups = FIRST_LOOKUPS;
    loop {
        for _ in 0..lookups {
            let at = (reader.window() >> (64 - AC_BITS)) as usize;
            let (bits, pair) = (u32::from(table.bits[at]), table.pairs[at]);
            reader.drop_bits(bits);
            if pair.step() == LONG {
                reader.refill();
                let (step, _) = decode_long(reader, table)?;
                last += step;
                if step == 0 || last == 63 {
                    return Ok(());
                }
                if last > 63 {
                    give_up!(Run);
                }
                break;
            }
            let next = last + usize::from(pair.step());
            if next < 63 {
                last = next;
                continue;
            }
            let first = last + pair.first_step();
            if first < 63 {
                return if pair.step() >= END || next == 63 { Ok(()) } else { Err(Reason::Run.into()) };
            }
            *reader = reader.before(bits);
            decode_long(reader, table)?;
            return if first == 63 { Ok(()) } else { Err(Reason::Run.into()) };
        }
        reader.refill();
        lookups = LOOKUPS;
    }
}
