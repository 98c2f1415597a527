//! The doors to the vector kernels of the last pass: one function per job, which calls the kernel of a [`Level`].
//!
//! The kernels are safe functions that enable CPU features; calling one is sound exactly if the processor has them,
//! which a value of [`Level`] proves. A function here returns false where a level has no kernel for the job, and
//! then has written nothing that counts.
#![expect(unsafe_code, reason = "calls of functions that enable CPU features")]

use super::interleave;
use super::stores::Stores;
use super::table::Table;
use super::window::{self, Block, MAX_LANES, Straight, Strip};
#[cfg(target_arch = "x86_64")]
use super::x86_64;
use crate::image::ahead::Ahead;
use penstock_jpeg::simd::Level;
#[cfg(target_arch = "x86_64")]
use penstock_jpeg::simd::Vectors;

/// Lanes of the level's windows; the scalar level has none.
#[inline]
pub(crate) fn lanes(level: Level) -> usize {
    match level.vectors() {
        #[cfg(target_arch = "x86_64")]
        Some(Vectors::Avx512) => MAX_LANES,
        #[cfg(target_arch = "x86_64")]
        Some(Vectors::Avx2) => 16,
        _ => 0,
    }
}

/// Gathers a block of lines by windows. Only levels above the scalar one have windows.
#[inline]
pub(crate) fn gather(level: Level, block: &Block<'_>, strip: &mut Strip<'_>) {
    match level.vectors() {
        // SAFETY: the level proves that the processor has the features.
        #[cfg(target_arch = "x86_64")]
        Some(Vectors::Avx512) => unsafe { x86_64::gather::gather_avx512(block, strip) },
        // SAFETY: the level proves that the processor has the features.
        #[cfg(target_arch = "x86_64")]
        Some(Vectors::Avx2) => unsafe { x86_64::gather::gather_avx2(block, strip) },
        _ => {
            let _ = (block, strip);
        }
    }
}

/// Sets the lanes of `mask` to `start + lane * delta`, modulo 256; `delta` is from -3 to 3. Done in vectors
/// because a vector is what will be loaded: bytes stored one by one would have to reach the cache first.
#[inline]
pub(crate) fn ramp(level: Level, lanes: &mut [u8; 64], mask: u64, start: u8, delta: i8) {
    match level.vectors() {
        // SAFETY: the level proves that the processor has the features.
        #[cfg(target_arch = "x86_64")]
        Some(Vectors::Avx512) => unsafe { x86_64::gather::ramp_avx512(lanes, mask, start, delta) },
        // SAFETY: the level proves that the processor has the features.
        #[cfg(target_arch = "x86_64")]
        Some(Vectors::Avx2) => unsafe { x86_64::gather::ramp_avx2(lanes, mask, start, delta) },
        _ => {
            let _ = (lanes, mask, start, delta);
        }
    }
}

/// Transposes codes; see [`window::transpose`].
#[inline]
pub(crate) fn transpose(level: Level, source: &[u8], stride: usize, shape: [usize; 2], out: &mut [u8]) {
    match level.vectors() {
        // SAFETY: the level proves that the processor has AVX2 or more.
        #[cfg(target_arch = "x86_64")]
        Some(Vectors::Avx512 | Vectors::Avx2) => unsafe {
            x86_64::gather::transpose_avx2(source, stride, shape, out);
        },
        _ => window::transpose(source, stride, shape, out),
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
    match (level.vectors(), stores) {
        // SAFETY: the level proves that the processor has the features.
        #[cfg(target_arch = "x86_64")]
        (Some(Vectors::Avx512), Stores::Cached) => unsafe {
            x86_64::convert::convert_avx512::<false>(table, channel, codes, out)
        },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        (Some(Vectors::Avx512), Stores::Streamed) => unsafe {
            x86_64::convert::convert_avx512::<true>(table, channel, codes, out)
        },
        #[cfg(target_arch = "x86_64")]
        (Some(Vectors::Avx2), _) if table.element_bytes() == 1 => {
            // SAFETY: as above.
            unsafe { x86_64::convert::lookup_avx2(table, channel, codes, out) }
        }
        #[cfg(target_arch = "x86_64")]
        (Some(Vectors::Avx2), stores) => table.coefficients(channel).is_some_and(|c| match stores {
            // SAFETY: as above.
            Stores::Cached => unsafe { x86_64::convert::arithmetic_avx2::<false>(c, codes, out) },
            // SAFETY: as above.
            Stores::Streamed => unsafe { x86_64::convert::arithmetic_avx2::<true>(c, codes, out) },
        }),
        _ => {
            let _ = (table, channel, codes, out);
            false
        }
    }
}

/// Whether the level has kernels that make a sample straight from the image.
#[inline]
pub(crate) fn goes_straight(level: Level) -> bool {
    match level.vectors() {
        #[cfg(target_arch = "x86_64")]
        Some(Vectors::Avx512) => true,
        _ => false,
    }
}

/// Makes a sample straight from the image. False, and nothing done, if the level, the table or the output's
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
    match (level.vectors(), stores) {
        // SAFETY: the level proves that the processor has the features.
        #[cfg(target_arch = "x86_64")]
        (Some(Vectors::Avx512), Stores::Cached) => unsafe {
            x86_64::straight::straight_avx512::<false>(straight, table, ahead, out)
        },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        (Some(Vectors::Avx512), Stores::Streamed) => unsafe {
            x86_64::straight::straight_avx512::<true>(straight, table, ahead, out)
        },
        _ => {
            let _ = (straight, table, ahead, out);
            false
        }
    }
}

/// Lays planes of elements of `N` bytes out pixel by pixel, one element of each plane after the other.
#[inline]
pub(crate) fn interleave<const N: usize>(level: Level, planes: &[&[u8]], out: &mut [u8]) {
    let &[first, second, third] = planes else { return interleave::any::<N>(planes, out) };
    let planes = [first, second, third];
    match level.vectors() {
        // Of bytes AVX-512 makes no more than AVX2.
        // SAFETY: the level proves that the processor has the features.
        #[cfg(target_arch = "x86_64")]
        Some(Vectors::Avx512) if N > 1 => unsafe { interleave::three_avx512::<N>(planes, out) },
        // SAFETY: the level proves that the processor has AVX2 or more.
        #[cfg(target_arch = "x86_64")]
        Some(Vectors::Avx512 | Vectors::Avx2) => unsafe { interleave::three_avx2::<N>(planes, out) },
        _ => interleave::three::<N>(planes, out),
    }
}
