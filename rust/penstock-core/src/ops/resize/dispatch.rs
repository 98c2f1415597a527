//! The doors to the vector kernels of the two passes. One that returns false has written nothing that counts.
#![expect(unsafe_code, reason = "calls of functions that enable CPU features")]

use super::column::{BLOCK, Column};
use super::program::{Group, Program, Shape};
#[cfg(target_arch = "x86_64")]
use super::x86_64;
use penstock_jpeg::simd::Level;
use penstock_jpeg::simd::Part;
#[cfg(target_arch = "x86_64")]
use penstock_jpeg::simd::Vectors;

/// How a level's vectors make sums with weights of up to a magnitude; `None` if plain code does.
pub(crate) fn shape(level: Level, largest: u32) -> Option<Shape> {
    match level.vectors() {
        #[cfg(target_arch = "x86_64")]
        Some(Vectors::Avx512) => Shape::of_bytes(largest),
        #[cfg(target_arch = "x86_64")]
        Some(Vectors::Avx2) => Shape::of_words(largest),
        _ => None,
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
    match level.vectors() {
        // SAFETY: the level proves that the processor has the features.
        #[cfg(target_arch = "x86_64")]
        Some(Vectors::Avx512) => unsafe {
            let kernel = match shape.parts {
                2 => x86_64::across_avx512::<2>,
                _ => x86_64::across_avx512::<3>,
            };
            kernel(program, groups, rows, out, stride);
        },
        // SAFETY: the level proves that the processor has the features.
        #[cfg(target_arch = "x86_64")]
        Some(Vectors::Avx2) => unsafe {
            let kernel = match shape.parts {
                1 => x86_64::across_avx2::<1>,
                _ => x86_64::across_avx2::<2>,
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
    match level.vectors() {
        // SAFETY: the level proves that the processor has the features.
        #[cfg(target_arch = "x86_64")]
        Some(Vectors::Avx512) => unsafe {
            let kernel = if shape.parts == 2 { x86_64::down_avx512::<2> } else { x86_64::down_avx512::<3> };
            kernel(column, out);
        },
        // SAFETY: the level proves that the processor has the features.
        #[cfg(target_arch = "x86_64")]
        Some(Vectors::Avx2) if column.bytes() >= 32 => unsafe {
            let kernel = if shape.parts == 1 { x86_64::down_avx2::<1> } else { x86_64::down_avx2::<2> };
            kernel(column, out);
        },
        _ => {
            let _ = (shape, column, out);
            return false;
        }
    }
    true
}
