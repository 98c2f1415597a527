//! The numbers that torch's sampling functions make of a generator's words.
//!
//! Each function consumes exactly what its namesake consumes and returns the same bits; all arithmetic is
//! torch's `float32`.

use super::Mt19937;

/// `torch.rand(1)`: one word, 24 bits of it, in `[0, 1)`.
#[inline]
pub fn rand(generator: &mut Mt19937) -> f32 {
    (generator.next_u32() & 0x00ff_ffff) as f32 * (1.0 / 16_777_216.0)
}

/// `torch.randint(0, high, (1,))`: one word below 2^28, two from there on. `high` must not be 0.
#[inline]
pub fn randint(generator: &mut Mt19937, high: u64) -> u64 {
    debug_assert!(high > 0, "torch refuses an empty range");
    if high < 1 << 28 { u64::from(generator.next_u32()) % high } else { generator.next_u64() % high }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rand_stays_below_one_and_uses_one_word() {
        let (mut a, mut b) = (Mt19937::new(3), Mt19937::new(3));
        for _ in 0..10_000 {
            let x = rand(&mut a);
            assert!((0.0..1.0).contains(&x));
            b.next_u32();
        }
        assert_eq!(a, b);
    }

    #[test]
    fn randint_takes_two_words_from_two_to_the_28() {
        for (high, words) in [(1, 1), ((1 << 28) - 1, 1), (1 << 28, 2), (1 << 40, 2)] {
            let (mut a, mut b) = (Mt19937::new(9), Mt19937::new(9));
            assert!(randint(&mut a, high) < high);
            (0..words).for_each(|_| {
                b.next_u32();
            });
            assert_eq!(a, b, "high = {high}");
        }
    }
}
