//! The numbers that Python's module `random` makes of its generator's words.
//!
//! Each function consumes exactly what its namesake consumes and returns the same bits; arithmetic is in double
//! precision.

use super::Words;

/// `random.random()`: two words, 53 bits of them, in `[0, 1)`.
#[inline]
pub fn random(generator: &mut impl Words) -> f64 {
    let (high, low) = (generator.next_u32() >> 5, generator.next_u32() >> 6);
    (f64::from(high) * 67_108_864.0 + f64::from(low)) * (1.0 / 9_007_199_254_740_992.0)
}

/// `random.uniform(low, high)`, of bounds in any order.
#[inline]
pub fn uniform(generator: &mut impl Words, (low, high): (f64, f64)) -> f64 {
    #[expect(clippy::suboptimal_flops, reason = "Python's own two roundings")]
    {
        low + (high - low) * random(generator)
    }
}

/// `random.choices(range(count))`, which is one number. `count` must not be 0.
#[inline]
pub fn choice(generator: &mut impl Words, count: usize) -> usize {
    (random(generator) * count as f64).floor() as usize
}

/// `random.choices(range(count), cum_weights=weights)`, which is one number; 0 if there are no weights.
#[inline]
pub fn weighted_choice(generator: &mut impl Words, weights: &[f64]) -> usize {
    let Some((total, below)) = weights.split_last() else { return 0 };
    let drawn = random(generator) * total;
    // As `bisect` finds it in sums that may go down as well.
    let (mut low, mut high) = (0, below.len());
    while low < high {
        let middle = usize::midpoint(low, high);
        if below.get(middle).is_some_and(|&sum| drawn < sum) { high = middle } else { low = middle + 1 }
    }
    low
}

/// `random.shuffle(things)`: for each but the first as many words as it takes for one that is small enough.
#[inline]
pub fn shuffle<T>(generator: &mut impl Words, things: &mut [T]) {
    for last in (1..things.len()).rev() {
        things.swap(last, below(generator, last as u32 + 1) as usize);
    }
}

/// `random.randrange(count)`, and where `random.choice` takes one of so many: a number below `count`, which is not 0, of as
/// few bits as it can have.
pub fn below(generator: &mut impl Words, count: u32) -> u32 {
    loop {
        let drawn = generator.next_u32() >> count.leading_zeros();
        if drawn < count {
            return drawn;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Mt19937;

    #[test]
    fn all_of_a_few_are_drawn_and_nothing_else() {
        let mut generator = Mt19937::new(1);
        for count in 1..9_u32 {
            let mut seen = vec![0; count as usize];
            for _ in 0..1000 {
                seen[below(&mut generator, count) as usize] += 1;
                seen[choice(&mut generator, count as usize)] += 1;
            }
            assert!(seen.iter().all(|&times| times > 100), "{seen:?}");
        }
    }

    #[test]
    fn what_lies_between_two_bounds_takes_two_words() {
        let (mut one, mut other) = (Mt19937::new(1), Mt19937::new(1));
        for bounds in [(0.08, 1.0), (2.0, -3.0)] {
            for _ in 0..1000 {
                let (drawn, share) = (uniform(&mut one, bounds), random(&mut other));
                assert!(bounds.0.min(bounds.1) <= drawn && drawn <= bounds.0.max(bounds.1), "{drawn}");
                assert!((drawn - bounds.0 - (bounds.1 - bounds.0) * share).abs() < 1e-12);
            }
        }
        assert_eq!(one, other);
    }

    #[test]
    fn what_has_no_weight_is_not_drawn() {
        let mut generator = Mt19937::new(1);
        for _ in 0..1000 {
            assert!([1, 3].contains(&weighted_choice(&mut generator, &[0.0, 0.5, 0.5, 2.0, 2.0])));
        }
        assert_eq!(weighted_choice(&mut generator, &[]), 0);
    }

    #[test]
    fn a_shuffled_order_is_one_of_all_orders() {
        let mut generator = Mt19937::new(1);
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..1000 {
            let mut order = [0, 1, 2, 3];
            shuffle(&mut generator, &mut order);
            seen.insert(order);
        }
        assert_eq!(seen.len(), 24);
    }
}
