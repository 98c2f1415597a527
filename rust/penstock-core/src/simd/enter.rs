//! The doors to the vector kernels: one function per job, which calls the kernel of a [`Level`].
//!
//! The kernels in [`crate::write`] and [`crate::ops`] are safe functions that enable CPU features; calling one
//! is sound exactly if the processor has them, which a value of [`Level`] proves. A function here returns
//! false where a level has no kernel for the job, and then has written nothing that counts.

use super::{Kind, Level};
#[cfg(target_arch = "x86_64")]
use crate::codec::filter_x86;
use crate::ops::program::{Group, Program, Shape};
use crate::ops::resize::{BLOCK, Column};
#[cfg(target_arch = "x86_64")]
use crate::ops::resize_x86;
use crate::source::ahead::Ahead;
use crate::source::array::Part;
use crate::write::Stores;
use crate::write::gather::{self, Block, Strip};
use crate::write::straight::Straight;
use crate::write::table::Table;
#[cfg(target_arch = "x86_64")]
use crate::write::{convert_x86 as x86, gather_x86, straight_x86};

/// Gathers a block of lines by windows. Only levels above the scalar one have windows.
#[inline]
pub(crate) fn gather(level: Level, block: &Block<'_>, strip: &mut Strip<'_>) {
    match level.kind() {
        // SAFETY: the level proves that the processor has the features.
        #[cfg(target_arch = "x86_64")]
        Kind::Avx512 => unsafe { gather_x86::gather_avx512(block, strip) },
        // SAFETY: the level proves that the processor has the features.
        #[cfg(target_arch = "x86_64")]
        Kind::Avx2 => unsafe { gather_x86::gather_avx2(block, strip) },
        _ => {
            let _ = (block, strip);
        }
    }
}

/// Sets the lanes of `mask` to `start + lane * delta`, modulo 256; `delta` is from -3 to 3. Done in vectors
/// because a vector is what will be loaded: bytes stored one by one would have to reach the cache first.
#[inline]
pub(crate) fn ramp(level: Level, lanes: &mut [u8; 64], mask: u64, start: u8, delta: i8) {
    match level.kind() {
        // SAFETY: the level proves that the processor has the features.
        #[cfg(target_arch = "x86_64")]
        Kind::Avx512 => unsafe { gather_x86::ramp_avx512(lanes, mask, start, delta) },
        // SAFETY: the level proves that the processor has the features.
        #[cfg(target_arch = "x86_64")]
        Kind::Avx2 => unsafe { gather_x86::ramp_avx2(lanes, mask, start, delta) },
        _ => {
            let _ = (lanes, mask, start, delta);
        }
    }
}

/// Transposes codes; see [`gather::transpose`].
#[inline]
pub(crate) fn transpose(level: Level, source: &[u8], stride: usize, shape: [usize; 2], out: &mut [u8]) {
    match level.kind() {
        // SAFETY: the level proves that the processor has AVX2 or more.
        #[cfg(target_arch = "x86_64")]
        Kind::Avx512 | Kind::Avx2 => unsafe { gather_x86::transpose_avx2(source, stride, shape, out) },
        _ => gather::transpose(source, stride, shape, out),
    }
}

/// Converts codes to elements. False if the level has no kernel for the table, or for the length.
#[inline]
pub(crate) fn convert(
    level: Level,
    stores: Stores,
    table: &Table,
    channel: usize,
    codes: &[u8],
    out: &mut [u8],
) -> bool {
    match (level.kind(), stores) {
        // SAFETY: the level proves that the processor has the features.
        #[cfg(target_arch = "x86_64")]
        (Kind::Avx512, Stores::Cached) => unsafe { x86::convert_avx512::<false>(table, channel, codes, out) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        (Kind::Avx512, Stores::Streamed) => unsafe {
            x86::convert_avx512::<true>(table, channel, codes, out)
        },
        #[cfg(target_arch = "x86_64")]
        (Kind::Avx2, stores) => table.coefficients(channel).is_some_and(|c| match stores {
            // SAFETY: as above.
            Stores::Cached => unsafe { x86::arithmetic_avx2::<false>(c, codes, out) },
            // SAFETY: as above.
            Stores::Streamed => unsafe { x86::arithmetic_avx2::<true>(c, codes, out) },
        }),
        _ => {
            let _ = (table, channel, codes, out);
            false
        }
    }
}

/// Makes a sample straight from the picture. False, and nothing done, if the level, the table or the output's
/// place in memory has no kernel.
#[inline]
pub(crate) fn straight(
    level: Level,
    stores: Stores,
    straight: &Straight<'_>,
    table: &Table,
    ahead: &mut Ahead,
    out: &mut [u8],
) -> bool {
    match (level.kind(), stores) {
        // SAFETY: the level proves that the processor has the features.
        #[cfg(target_arch = "x86_64")]
        (Kind::Avx512, Stores::Cached) => unsafe {
            straight_x86::straight_avx512::<false>(straight, table, ahead, out)
        },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        (Kind::Avx512, Stores::Streamed) => unsafe {
            straight_x86::straight_avx512::<true>(straight, table, ahead, out)
        },
        _ => {
            let _ = (straight, table, ahead, out);
            false
        }
    }
}

/// Makes some groups of four rows of a resize's horizontal pass, `stride` apart in `out`, by a program of a
/// shape of this level. False if the level has no kernel.
#[inline]
#[expect(clippy::too_many_arguments, reason = "what a block of rows is made of and where it goes")]
pub(crate) fn across(
    level: Level,
    shape: Shape,
    program: &Program,
    groups: &[Group],
    step: usize,
    rows: &[Part<'_>; BLOCK],
    out: &mut [u8],
    stride: usize,
) -> bool {
    match level.kind() {
        // SAFETY: the level proves that the processor has the features.
        #[cfg(target_arch = "x86_64")]
        Kind::Avx512 => unsafe {
            let kernel = match shape.parts {
                2 => resize_x86::across_avx512::<2>,
                _ => resize_x86::across_avx512::<3>,
            };
            kernel(program, groups, rows, out, stride);
        },
        // SAFETY: the level proves that the processor has the features.
        #[cfg(target_arch = "x86_64")]
        Kind::Avx2 => unsafe {
            let kernel = match shape.parts {
                1 => resize_x86::across_avx2::<1>,
                _ => resize_x86::across_avx2::<2>,
            };
            kernel(program, groups, step, rows, out, stride);
        },
        _ => {
            let _ = (shape, program, groups, step, rows, out, stride);
            return false;
        }
    }
    true
}

/// Makes a row of a resize's vertical pass by a shape of this level; `out` reaches to the next multiple of 64 bytes. False if the level,
/// or the length of the row, has no kernel.
#[inline]
pub(crate) fn down(level: Level, shape: Shape, column: &Column<'_>, out: &mut [u8]) -> bool {
    match level.kind() {
        // SAFETY: the level proves that the processor has the features.
        #[cfg(target_arch = "x86_64")]
        Kind::Avx512 => unsafe {
            let kernel =
                if shape.parts == 2 { resize_x86::down_avx512::<2> } else { resize_x86::down_avx512::<3> };
            kernel(column, out);
        },
        // SAFETY: the level proves that the processor has the features.
        #[cfg(target_arch = "x86_64")]
        Kind::Avx2 if column.bytes() >= 32 => unsafe {
            let kernel =
                if shape.parts == 1 { resize_x86::down_avx2::<1> } else { resize_x86::down_avx2::<2> };
            kernel(column, out);
        },
        _ => {
            let _ = (shape, column, out);
            return false;
        }
    }
    true
}

/// Undoes Paeth's filter of a line of pixels of `N` bytes, at most 8. False if the level has no kernel.
#[inline]
pub(crate) fn paeth<const N: usize>(level: Level, above: &[u8], line: &mut [u8]) -> bool {
    match level.kind() {
        // SAFETY: the level proves that the processor has AVX2 or more.
        #[cfg(target_arch = "x86_64")]
        Kind::Avx512 | Kind::Avx2 => unsafe { filter_x86::paeth_avx2::<N>(above, line) },
        _ => {
            let _ = (above, line);
            return false;
        }
    }
    true
}

/// Ends a sample whose stores were streamed: see `fence_streams` in `memory`.
#[inline]
pub(crate) fn fence(stores: Stores) {
    if stores == Stores::Streamed {
        #[cfg(target_arch = "x86_64")]
        super::memory::fence_streams();
    }
}
