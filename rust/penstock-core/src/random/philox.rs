//! Philox4x32-10: words that depend on a key and a counter alone, so that each sample has its own.
//!
//! Source of the algorithm: Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", 2011. Ten
//! rounds of two multiplications make four words of a counter of four; nothing has to be kept from one to the next.

use super::{Mt19937, Words};

const MULTIPLIERS: [u32; 2] = [0xd251_1f53, 0xcd9e_8d57];
/// What is added to the key after each round: the golden ratio, and the square root of 3 less 1.
const WEYL: [u32; 2] = [0x9e37_79b9, 0xbb67_ae85];
const ROUNDS: usize = 10;

/// The four words of a counter.
#[inline]
#[must_use]
pub fn philox4x32_10(counter: [u32; 4], key: [u32; 2]) -> [u32; 4] {
    let ([mut a, mut b, mut c, mut d], [mut first, mut second]) = (counter, key);
    for _ in 0..ROUNDS {
        let (low, high) = (product(MULTIPLIERS[0], a), product(MULTIPLIERS[1], c));
        (a, b, c, d) = (high.0 ^ b ^ first, high.1, low.0 ^ d ^ second, low.1);
        first = first.wrapping_add(WEYL[0]);
        second = second.wrapping_add(WEYL[1]);
    }
    [a, b, c, d]
}

/// The high and the low half.
fn product(one: u32, other: u32) -> (u32, u32) {
    let product = u64::from(one) * u64::from(other);
    ((product >> 32) as u32, product as u32)
}

/// The words of one sample at a time.
///
/// The key is the seed and the epoch. The counter is the low and the high half of the sample's index, the block of four
/// words, which counts from 0, and which of the sample's streams it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Philox {
    key: [u32; 2],
    stream: u32,
    index: u64,
    /// The one that comes next.
    block: u32,
    words: [u32; 4],
    /// Index of the next word; 4 when a block is due.
    next: usize,
    /// What draws of a library's own are made from, once there was one for this sample.
    lent: Option<Box<Mt19937>>,
}

impl Philox {
    /// The words of the sample 0.
    #[must_use]
    pub fn new(seed: u32, epoch: u32, stream: u32) -> Self {
        let words = [0; 4];
        Self { key: [seed, epoch], stream, index: 0, block: 0, next: words.len(), words, lent: None }
    }

    /// Goes to the first word of a sample.
    #[inline]
    pub fn begin(&mut self, index: u64) {
        (self.index, self.block, self.next, self.lent) = (index, 0, self.words.len(), None);
    }

    /// A generator for the sample's draws that a library makes, which takes no other one: seeded by the sample's first
    /// two words, wherever this one has come to.
    pub fn lend(&mut self) -> &mut Mt19937 {
        let [first, second, ..] = self.words_of(0);
        self.lent.get_or_insert_with(|| Box::new(Mt19937::of_words(&[first, second])))
    }

    #[inline]
    fn words_of(&self, block: u32) -> [u32; 4] {
        philox4x32_10([self.index as u32, (self.index >> 32) as u32, block, self.stream], self.key)
    }
}

impl Words for Philox {
    #[inline]
    fn next_u32(&mut self) -> u32 {
        if self.next == self.words.len() {
            self.words = self.words_of(self.block);
            self.block = self.block.wrapping_add(1);
            self.next = 0;
        }
        let word = self.words[self.next];
        self.next += 1;
        word
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The answers that Random123 has in its file `kat_vectors`.
    #[test]
    fn known_answers() {
        let pi = [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344];
        for (counter, key, expected) in [
            ([0; 4], [0; 2], [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]),
            ([u32::MAX; 4], [u32::MAX; 2], [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]),
            (pi, [0xa409_3822, 0x299f_31d0], [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]),
        ] {
            assert_eq!(philox4x32_10(counter, key), expected);
        }
    }

    #[test]
    fn words_come_block_after_block_and_begin_anew_with_each_sample() {
        let index = 5 << 32 | 7;
        let mut philox = Philox::new(1, 2, 3);
        for _ in 0..2 {
            philox.begin(index);
            let words: Vec<u32> = (0..9).map(|_| philox.next_u32()).collect();
            let blocks = (0..3).flat_map(|block| philox4x32_10([7, 5, block, 3], [1, 2]));
            assert_eq!(words, blocks.take(9).collect::<Vec<_>>());
        }
    }

    #[test]
    fn what_is_lent_follows_from_the_first_two_words_and_goes_on_within_a_sample() {
        let mut philox = Philox::new(1, 2, 0);
        philox.begin(9);
        let [first, second, ..] = philox4x32_10([9, 0, 0, 0], [1, 2]);
        let mut expected = Mt19937::of_words(&[first, second]);
        (0..5).for_each(|_| {
            philox.next_u32();
        });
        for _ in 0..3 {
            assert_eq!(philox.lend().next_u32(), expected.next_u32());
        }
        philox.begin(9);
        assert_eq!(philox.lend(), &Mt19937::of_words(&[first, second]));
    }
}
