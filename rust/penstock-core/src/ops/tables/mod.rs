//! Tables of bytes, one for each channel: what steps that look at one value at a time come to.

mod dispatch;
#[cfg(target_arch = "x86_64")]
mod x86_64;

use penstock_jpeg::simd::Level;

use super::block::Block;

/// What each byte of each of up to three channels becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tables([[u8; 256]; 3]);

impl Tables {
    /// Every byte as it is.
    pub const IDENTITY: Tables = {
        let mut bytes = [0; 256];
        let mut byte = 0;
        while byte < 256 {
            bytes[byte] = byte as u8;
            byte += 1;
        }
        Tables([bytes; 3])
    };

    /// By channel and byte.
    pub fn of(value: impl Fn(usize, u8) -> u8) -> Tables {
        let mut tables = Tables::IDENTITY;
        for (channel, table) in tables.0.iter_mut().enumerate() {
            for byte in table {
                *byte = value(channel, *byte);
            }
        }
        tables
    }

    /// The same for all channels.
    pub fn of_each(value: impl Fn(u8) -> u8) -> Tables {
        let mut tables = Tables::IDENTITY;
        for byte in &mut tables.0[0] {
            *byte = value(*byte);
        }
        Tables([tables.0[0]; 3])
    }

    /// These, and then others.
    #[must_use]
    pub fn then(&self, next: &Tables) -> Tables {
        Tables::of(|channel, byte| next.0[channel][usize::from(self.0[channel][usize::from(byte)])])
    }

    /// The table of a channel; of a channel behind the third, that one's.
    #[must_use]
    pub fn channel(&self, channel: usize) -> &[u8; 256] {
        &self.0[channel.min(2)]
    }

    /// Looks all values of a block up.
    pub fn change(&self, level: Level, block: &mut Block) {
        if !dispatch::change(level, &self.0, block) {
            change(&self.0, block);
        }
    }
}

/// Looks them up one by one.
fn change(tables: &[[u8; 256]; 3], block: &mut Block) {
    for (table, values) in tables.iter().zip(block) {
        for value in values {
            *value = table[usize::from(*value)];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::block::BLOCK_PIXELS;

    #[test]
    fn levels_look_every_byte_up() {
        let tables =
            Tables::of(|channel, byte| byte.wrapping_mul(7).wrapping_add(91 * channel as u8) ^ (byte >> 3));
        for first in (0..256).step_by(BLOCK_PIXELS) {
            let channel = |turn: usize| std::array::from_fn(|i| (first + i * 3 + turn) as u8);
            let block: Block = [channel(0), channel(1), channel(2)];
            let mut expected = block;
            change(&tables.0, &mut expected);
            for level in Level::available() {
                let mut found = block;
                tables.change(level, &mut found);
                assert_eq!(found, expected, "{}", level.name());
            }
        }
    }

    #[test]
    fn a_step_comes_behind() {
        let half = Tables::of_each(|byte| byte / 2);
        assert_eq!(half.then(&Tables::of_each(|byte| !byte)), Tables::of_each(|byte| !(byte / 2)));
        assert_eq!(Tables::IDENTITY.channel(5)[77], 77);
    }
}
