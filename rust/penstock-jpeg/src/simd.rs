//! The doors to the vector kernels, one function per job.
//!
//! A [`Level`] is a proof that the processor has its instructions; that is what makes these calls sound.
#![expect(unsafe_code, reason = "calls of functions that enable CPU features, vector loads and stores")]

use crate::bits::Reader;
use crate::error::Irregular;
use crate::idct::{Block, Quant};
use crate::level::Level;
use crate::sequential::{Batch, Job, Predictors, ScanTables};
use crate::{color, idct, sequential, upsample};

/// See [`idct::blocks_to_samples`].
pub(crate) fn blocks_to_samples(
    _level: Level,
    blocks: &mut [Block],
    extents: &[u8],
    quant: &Quant,
    out: &mut [u8],
    stride: usize,
) -> bool {
    idct::blocks_to_samples(blocks, extents, quant, out, stride)
}

/// See [`sequential::decode_mcus`].
pub(crate) fn decode_mcus(
    _level: Level,
    reader: &mut Reader<'_>,
    tables: &ScanTables,
    jobs: &[Job],
    predictors: &mut Predictors,
    count: usize,
    batch: &mut Batch,
) -> Result<(), Irregular> {
    sequential::decode_mcus(reader, tables, jobs, predictors, count, batch)
}

/// See [`sequential::skip_mcus`].
pub(crate) fn skip_mcus(
    _level: Level,
    reader: &mut Reader<'_>,
    tables: &ScanTables,
    jobs: &[Job],
    predictors: &mut Predictors,
    count: usize,
) -> Result<(), Irregular> {
    sequential::skip_mcus(reader, tables, jobs, predictors, count)
}

/// See [`upsample::h2v1`].
pub(crate) fn h2v1(_level: Level, input: &[u8], out: &mut [u8]) {
    upsample::h2v1(input, out);
}

/// See [`upsample::h2v2`].
pub(crate) fn h2v2(_level: Level, near: &[u8], next: &[u8], out: &mut [u8]) {
    upsample::h2v2(near, next, out);
}

/// See [`upsample::h1v2`].
pub(crate) fn h1v2(_level: Level, near: &[u8], next: &[u8], bias: u8, out: &mut [u8]) {
    upsample::h1v2(near, next, bias, out);
}

/// See [`color::ycc_to_pixels`].
pub(crate) fn ycc_to_pixels(_level: Level, rows: [&[u8]; 3], out: &mut [u8]) {
    color::ycc_to_pixels(rows, out);
}

/// See [`color::ycc_to_planes`].
pub(crate) fn ycc_to_planes(_level: Level, rows: [&[u8]; 3], out: [&mut [u8]; 3]) {
    color::ycc_to_planes(rows, out);
}

/// See [`color::rgb_to_pixels`].
pub(crate) fn rgb_to_pixels(_level: Level, rows: [&[u8]; 3], out: &mut [u8]) {
    color::rgb_to_pixels(rows, out);
}
