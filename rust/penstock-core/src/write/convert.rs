//! From codes to output elements, one contiguous stretch of one channel at a time.
//!
//! The table is the truth: plain code looks it up, at any element size, and vector code is used only where it
//! gives the same bits. What is left over at the end of a stretch is looked up.

use super::Stores;
use super::table::{Kernel, Table};
use crate::simd::{Level, enter};

/// Writes the elements of `codes`; `out` holds exactly one element per code.
pub(crate) fn convert(
    level: Level,
    stores: Stores,
    table: &Table,
    channel: usize,
    codes: &[u8],
    out: &mut [u8],
) {
    match table.kernel() {
        Kernel::Copy => {
            if !enter::copy(level, stores, codes, out) && out.len() == codes.len() {
                out.copy_from_slice(codes);
            }
            return;
        }
        Kernel::Arithmetic(coefficients) => {
            if let Some(coefficients) = coefficients.get(channel)
                && enter::arithmetic(level, stores, coefficients, codes, out)
            {
                return;
            }
        }
        Kernel::Lookup => {}
    }
    match table.element_bytes() {
        1 => lookup::<1>(level, stores, table, channel, codes, out),
        2 => lookup::<2>(level, stores, table, channel, codes, out),
        4 => lookup::<4>(level, stores, table, channel, codes, out),
        _ => lookup::<8>(level, stores, table, channel, codes, out),
    }
}

/// Looks the codes up by byte shuffles, or else in the plain table.
fn lookup<const N: usize>(
    level: Level,
    stores: Stores,
    table: &Table,
    channel: usize,
    codes: &[u8],
    out: &mut [u8],
) {
    if let Some(planes) = table.byte_planes::<N>(channel)
        && enter::lookup(level, stores, planes, codes, out)
    {
        return;
    }
    if let Some(table) = table.lookup::<N>(channel) {
        for (element, &code) in out.as_chunks_mut::<N>().0.iter_mut().zip(codes) {
            *element = table[usize::from(code)];
        }
    }
}
