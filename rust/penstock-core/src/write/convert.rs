//! From codes to output elements, one contiguous stretch of one channel at a time.
//!
//! The table is the truth: plain code looks it up, at any element size, and vector code is used only where it
//! gives the same bits. What is left over at the end of a stretch is looked up.

use super::dispatch;
use super::stores::Stores;
use super::table::{Kernel, Table};
use penstock_jpeg::simd::Level;

/// Writes the elements of `codes`; `out` holds exactly one element per code.
pub(crate) fn convert(
    level: Level,
    stores: Stores,
    table: &Table,
    channel: usize,
    codes: &[u8],
    out: &mut [u8],
) {
    if dispatch::convert(level, stores, table, channel, codes, out) {
        return;
    }
    match table.element_bytes() {
        1 if matches!(table.kernel(), Kernel::Copy) && out.len() == codes.len() => {
            out.copy_from_slice(codes);
        }
        1 => lookup::<1>(table, channel, codes, out),
        2 => lookup::<2>(table, channel, codes, out),
        4 => lookup::<4>(table, channel, codes, out),
        _ => lookup::<8>(table, channel, codes, out),
    }
}

/// Looks the codes up in the plain table.
fn lookup<const N: usize>(table: &Table, channel: usize, codes: &[u8], out: &mut [u8]) {
    if let Some(table) = table.lookup::<N>(channel) {
        for (element, &code) in out.as_chunks_mut::<N>().0.iter_mut().zip(codes) {
            *element = table[usize::from(code)];
        }
    }
}
