//! The numbers that torch's sampling functions make of a generator's words.
//!
//! Each function consumes exactly what its namesake consumes and returns the same bits; all arithmetic is
//! torch's `float32`.

use super::Words;

/// `torch.rand(1)`: one word, 24 bits of it, in `[0, 1)`.
#[inline]
pub fn rand(generator: &mut impl Words) -> f32 {
    (generator.next_u32() & 0x00ff_ffff) as f32 * (1.0 / 16_777_216.0)
}

/// How torch's `uniform_` rounds, which depends on how and when torch was built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Uniform {
    /// Whether product and sum are rounded once, as where the processor has such an instruction.
    pub fused: bool,
    /// Whether what was rounded to the upper bound becomes the lower one, so that the former is never drawn.
    pub half_open: bool,
}

impl Uniform {
    /// `torch.empty(1).uniform_(low, high)`: one word.
    #[inline]
    pub fn draw(self, generator: &mut impl Words, (low, high): (f32, f32)) -> f32 {
        let (x, range) = (rand(generator), high - low);
        #[expect(clippy::suboptimal_flops, reason = "torch's own two roundings")]
        let value = if self.fused { x.mul_add(range, low) } else { x * range + low };
        if self.half_open && value >= high { low } else { value }
    }
}

/// `torch.randint(0, high, (1,))`: one word below 2^28, two from there on. `high` must not be 0.
#[inline]
pub fn randint(generator: &mut impl Words, high: u64) -> u64 {
    debug_assert!(high > 0, "torch refuses an empty range");
    if high < 1 << 28 { u64::from(generator.next_u32() % high as u32) } else { generator.next_u64() % high }
}

/// `torch.randperm(N)`, of so few numbers: one word for each but the last.
#[inline]
pub fn randperm<const N: usize>(generator: &mut impl Words) -> [u8; N] {
    let mut order = std::array::from_fn(|i| i as u8);
    shuffle(generator, &mut order);
    order
}

/// Puts a few things in the order of `torch.randperm`: one word for each but the last.
#[inline]
pub fn shuffle<T>(generator: &mut impl Words, things: &mut [T]) {
    let count = things.len();
    for i in 0..count.saturating_sub(1) {
        things.swap(i, i + generator.next_u32() as usize % (count - i));
    }
}

/// `torch.multinomial(probabilities, 1)`, where torch draws exponential variates with its own generator: two words for each
/// probability. The first greatest quotient of a probability and such a variate, all of them `float32`.
#[inline]
pub fn multinomial(generator: &mut impl Words, probabilities: impl IntoIterator<Item = f32>) -> usize {
    let mut best = (0, f32::NEG_INFINITY);
    for (at, probability) in probabilities.into_iter().enumerate() {
        let uniform = (generator.next_u64() & ((1 << 53) - 1)) as f64 * (1.0 / (1_u64 << 53) as f64);
        let quotient = probability / -(-uniform).ln_1p() as f32;
        if quotient > best.1 {
            best = (at, quotient);
        }
    }
    best.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Mt19937;

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
    fn uniform_uses_one_word_and_rounds_once_or_twice() {
        let (mut a, mut b, mut c) = (Mt19937::new(3), Mt19937::new(3), Mt19937::new(3));
        let [once, twice] = [true, false].map(|fused| Uniform { fused, half_open: true });
        let mut differ = 0;
        for _ in 0..1000 {
            let value = once.draw(&mut a, (0.08, 1.0));
            let exact = f64::from(rand(&mut c)) * f64::from(1.0f32 - 0.08) + f64::from(0.08f32);
            assert!((f64::from(value) - exact).abs() <= f64::from(f32::EPSILON) / 4.0);
            differ += usize::from(value.to_bits() != twice.draw(&mut b, (0.08, 1.0)).to_bits());
        }
        assert!(a == b && a == c);
        assert!((100..500).contains(&differ), "{differ}");
    }

    #[test]
    fn the_upper_bound_is_drawn_or_not() {
        let bounds = (4.0f32, 4.000_002);
        for half_open in [true, false] {
            let (mut generator, uniform) = (Mt19937::new(1), Uniform { fused: true, half_open });
            let drawn: Vec<f32> = (0..100).map(|_| uniform.draw(&mut generator, bounds)).collect();
            assert!(drawn.contains(&bounds.0));
            assert_eq!(drawn.contains(&bounds.1), !half_open);
        }
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
