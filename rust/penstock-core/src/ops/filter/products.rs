//! Sums of numbers times weights, as torch's convolution of float32 adds them up.

use crate::image::Number;

/// Numbers that are summed up together.
pub(super) const BLOCK: usize = 64;

/// Makes a row of the output of rows that are `stride` numbers apart: the first product, and then each in one step with its
/// addition, one row of `across` weights after the other.
#[inline(always)]
#[expect(clippy::inline_always, reason = "it is compiled for each level's vectors")]
pub(super) fn convolve(from: &[f32], stride: usize, (products, across): (&[f32], usize), out: &mut [Number]) {
    for (block, out) in out.chunks_mut(BLOCK).enumerate() {
        let mut sums = [0.0f32; BLOCK];
        for (row, weights) in products.chunks_exact(across).enumerate() {
            for (column, weight) in weights.iter().enumerate() {
                let start = row * stride + block * BLOCK + column;
                let Some(numbers) = from.get(start..).and_then(<[f32]>::first_chunk::<BLOCK>) else {
                    continue;
                };
                for (sum, number) in sums.iter_mut().zip(numbers) {
                    *sum = number.mul_add(*weight, *sum);
                }
            }
        }
        for (out, sum) in out.iter_mut().zip(sums) {
            *out = sum.to_ne_bytes();
        }
    }
}
