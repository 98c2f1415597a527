//! Any table of bytes: Pillow's `Image.point`, and whatever of a library's comes to one.
//!
//! Operands: the number of tables, 1 for all channels or 3 for one each, and their bytes, four in a word, the first one
//! lowest.

use std::sync::Arc;

use crate::ops::kinds::{Lut, Put, Take, Wire};
use crate::ops::tables::Tables;

/// Looks values up. Copies of this step share the tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Point {
    /// What becomes of each byte of each channel.
    pub tables: Arc<Tables>,
}

impl Lut for Point {
    fn value(&self, channel: usize, byte: u8) -> u8 {
        self.tables.channel(channel)[usize::from(byte)]
    }

    fn tables(&self) -> Tables {
        *self.tables
    }
}

impl Wire for Point {
    fn put(&self, to: &mut impl Put) {
        let [first, second, third] = [0, 1, 2].map(|channel| self.tables.channel(channel));
        let count = if first == second && second == third { 1 } else { 3 };
        to.word(count);
        for table in [first, second, third].iter().take(count as usize) {
            for word in table.as_chunks().0 {
                to.word(u32::from_le_bytes(*word));
            }
        }
    }

    fn take(from: &mut impl Take) -> Option<Self> {
        let count = from.word().filter(|count| matches!(count, 1 | 3))?;
        let mut bytes = [[0; 256]; 3];
        for table in bytes.iter_mut().take(count as usize) {
            for word in table.as_chunks_mut().0 {
                *word = from.word()?.to_le_bytes();
            }
        }
        let tables = Tables::of(|channel, byte| {
            let channel = if count == 1 { 0 } else { channel };
            bytes[channel][usize::from(byte)]
        });
        Some(Point { tables: Arc::new(tables) })
    }
}
