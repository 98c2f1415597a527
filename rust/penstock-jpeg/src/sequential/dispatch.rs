//! The doors to the decoder of MCUs, which is compiled for newer processors too.
#![expect(unsafe_code, reason = "calls of functions that enable CPU features")]

use super::{Batch, Job, Predictors, ScanTables};
use crate::bits::Reader;
use crate::error::Irregular;
use crate::simd::Level;
#[cfg(target_arch = "x86_64")]
use crate::simd::Vectors;

/// See [`super::decode_mcus`].
#[inline]
pub(crate) fn decode_mcus(
    level: Level,
    reader: &mut Reader<'_>,
    tables: &ScanTables,
    jobs: &[Job],
    predictors: &mut Predictors,
    count: usize,
    batch: &mut Batch,
) -> Result<(), Irregular> {
    match level.vectors() {
        // SAFETY: the level proves that the processor has BMI2.
        #[cfg(target_arch = "x86_64")]
        Some(Vectors::Avx2 | Vectors::Avx512) => unsafe {
            decode_mcus_bmi2(reader, tables, jobs, predictors, count, batch)
        },
        _ => super::decode_mcus(reader, tables, jobs, predictors, count, batch),
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn decode_mcus_bmi2(
    reader: &mut Reader<'_>,
    tables: &ScanTables,
    jobs: &[Job],
    predictors: &mut Predictors,
    count: usize,
    batch: &mut Batch,
) -> Result<(), Irregular> {
    super::decode_mcus(reader, tables, jobs, predictors, count, batch)
}

/// See [`super::skip_mcus`].
#[inline]
pub(crate) fn skip_mcus(
    level: Level,
    reader: &mut Reader<'_>,
    tables: &ScanTables,
    jobs: &[Job],
    predictors: &mut Predictors,
    count: usize,
) -> Result<(), Irregular> {
    match level.vectors() {
        // SAFETY: the level proves that the processor has BMI2.
        #[cfg(target_arch = "x86_64")]
        Some(Vectors::Avx2 | Vectors::Avx512) => unsafe {
            skip_mcus_bmi2(reader, tables, jobs, predictors, count)
        },
        _ => super::skip_mcus(reader, tables, jobs, predictors, count),
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn skip_mcus_bmi2(
    reader: &mut Reader<'_>,
    tables: &ScanTables,
    jobs: &[Job],
    predictors: &mut Predictors,
    count: usize,
) -> Result<(), Irregular> {
    super::skip_mcus(reader, tables, jobs, predictors, count)
}
