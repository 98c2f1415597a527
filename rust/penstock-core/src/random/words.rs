//! Random words, whatever they come from.

use super::Mt19937;

/// A source of random words.
pub trait Words {
    /// The next word.
    fn next_u32(&mut self) -> u32;

    /// Two words, the first of them the high half.
    #[inline]
    fn next_u64(&mut self) -> u64 {
        let high = u64::from(self.next_u32());
        high << 32 | u64::from(self.next_u32())
    }
}

impl Words for Mt19937 {
    #[inline]
    fn next_u32(&mut self) -> u32 {
        Mt19937::next_u32(self)
    }
}
