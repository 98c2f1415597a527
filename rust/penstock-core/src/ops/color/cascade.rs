//! torch's sum of numbers in single precision, in torch's order.
//!
//! The order is that of `ATen/native/cpu/SumKernel.cpp`: eight lanes, four vectors at a time, and four levels of sums, so that
//! numbers of about the same size are added; what several threads have added is added at the end. It is the same for all
//! vector instructions. What is added to and what is added are told apart, but for zeros.

/// Numbers of one of torch's vectors here.
const LANES: usize = 8;
/// Vectors that are added at the same time.
const ROWS: usize = 4;
const LEVELS: usize = 4;
/// Numbers below which torch adds in one thread, and of which each thread has about as many at least.
const GRAIN: usize = 32_768;

/// Where the parts begin and end in which so many threads of torch do something to so many values.
pub(super) fn parts(count: usize, threads: usize) -> impl Iterator<Item = std::ops::Range<usize>> {
    let parts = count.div_ceil(GRAIN).clamp(1, threads.max(1));
    let part = count.div_ceil(parts).max(1);
    (0..count).step_by(part).map(move |start| start..count.min(start + part))
}

/// The sum as torch's `threads` make it.
#[must_use]
pub fn sum(values: &[f32], threads: usize) -> f32 {
    if threads <= 1 || values.len() < GRAIN {
        return cascade::<LANES>(values);
    }
    let mut sums: Vec<f32> =
        parts(values.len(), threads).filter_map(|part| values.get(part)).map(cascade::<LANES>).collect();
    // Threads that had nothing to do have added nothing.
    sums.resize(threads, 0.0);
    if sums.len() < LANES { cascade::<1>(&sums) } else { cascade::<LANES>(&sums) }
}

/// The sum as one thread makes it, by vectors of `N` numbers.
fn cascade<const N: usize>(values: &[f32]) -> f32 {
    let (vectors, rest) = values.as_chunks::<N>();
    let (rows, left) = vectors.as_chunks::<ROWS>();
    let bits = usize::BITS - rows.len().saturating_sub(1).leading_zeros();
    let power = (bits as usize / LEVELS).max(4);
    let (step, mask) = (1 << power, (1 << power) - 1);

    let mut sums = [[[0.0_f32; N]; ROWS]; LEVELS];
    for (index, row) in rows.iter().enumerate() {
        for (sum, vector) in sums[0].iter_mut().zip(row) {
            add(sum, vector);
        }
        let done = index + 1;
        if done % step != 0 {
            continue;
        }
        for level in 1..LEVELS {
            let below = std::mem::replace(&mut sums[level - 1], [[0.0; N]; ROWS]);
            for (sum, vector) in sums[level].iter_mut().zip(&below) {
                add(sum, vector);
            }
            if done & (mask << (level * power)) != 0 {
                break;
            }
        }
    }
    let [mut lowest, higher @ ..] = sums;
    for level in &higher {
        for (sum, vector) in lowest.iter_mut().zip(level) {
            add(sum, vector);
        }
    }
    let [mut sum, others @ ..] = lowest;
    for vector in left.iter().chain(&others) {
        add(&mut sum, vector);
    }
    let alone = rest.iter().fold(0.0, |sum, value| sum + value);
    if N == 1 { sum[0] } else { sum.iter().fold(alone, |sum, value| sum + value) }
}

fn add<const N: usize>(sum: &mut [f32; N], vector: &[f32; N]) {
    for (sum, value) in sum.iter_mut().zip(vector) {
        *sum += value;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_are_added_exactly_in_any_order() {
        for count in [0, 1, 7, 8, 31, 32, 33, 1000, 32_768, 65_000] {
            let values: Vec<f32> = (0..count).map(|i| (i * 37 % 256) as f32).collect();
            let expected: u32 = (0..count).map(|i| i * 37 % 256).sum();
            for threads in [1, 2, 3, 8, 64] {
                assert_eq!(sum(&values, threads).to_bits(), (expected as f32).to_bits());
            }
        }
    }

    #[test]
    fn parts_are_all_there_is() {
        for (count, threads, expected) in
            [(32_768, 2, 1), (32_769, 2, 2), (70_001, 9, 3), (5, 1, 1), (0, 4, 0)]
        {
            let parts: Vec<_> = parts(count, threads).collect();
            assert_eq!(parts.len(), expected);
            assert_eq!(parts.iter().map(ExactSizeIterator::len).sum::<usize>(), count);
        }
    }
}
