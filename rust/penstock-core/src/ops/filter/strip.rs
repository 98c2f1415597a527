//! Strips of an image that stay in the caches while several passes go through them.
//!
//! A pass down the columns treats all bytes of a row alike, so it goes through a strip of columns, 64 bytes wide. A pass
//! along the rows is the same pass in a strip of 64 rows that was transposed, byte by byte: then what was a place in the
//! row is a [`Chunk`], and interleaved channels are sequences of chunks that alternate.

use penstock_jpeg::simd::{Level, Part};

use super::chunk::Chunk;
use super::dispatch;

/// Makes chunks of rows, which are equally long: byte `i` of row `j` is byte `j` of chunk `i`.
pub(crate) fn gather(
    level: Level,
    rows: &[Part<'_>; Chunk::BYTES],
    line: &mut Vec<u8>,
    strip: &mut [Chunk],
) -> Option<()> {
    let bytes = rows[0].len();
    let strip = strip.get_mut(..bytes)?;
    if dispatch::gather(level, rows, strip) {
        return Some(());
    }
    line.resize(bytes, 0);
    for (row, part) in rows.iter().enumerate() {
        part.copy_to(line);
        for (chunk, byte) in strip.iter_mut().zip(line.iter()) {
            chunk.0[row] = *byte;
        }
    }
    Some(())
}

/// Makes rows of chunks, as strips of columns: byte `j` of chunk `i` is byte `i % 64` of the row `first + j` of the strip
/// `i / 64`, of which each has `height` rows. Behind the last chunk a [`BLOCK`](super::chunk::BLOCK) of others is there.
pub(crate) fn scatter(
    level: Level,
    strip: &[Chunk],
    count: usize,
    columns: &mut [Chunk],
    height: usize,
    first: usize,
) {
    let rows = height.saturating_sub(first).min(Chunk::BYTES);
    for (block, columns) in columns.chunks_mut(height.max(1)).enumerate() {
        let from = block * Chunk::BYTES;
        let (Some(strip), Some(columns)) = (strip.get(from..), columns.get_mut(first..first + rows)) else {
            return;
        };
        let count = count.saturating_sub(from).min(Chunk::BYTES);
        if !dispatch::scatter(level, strip, count, columns) {
            for (place, chunk) in strip.iter().enumerate().take(count) {
                for (row, byte) in columns.iter_mut().zip(&chunk.0) {
                    row.0[place] = *byte;
                }
            }
        }
    }
}
