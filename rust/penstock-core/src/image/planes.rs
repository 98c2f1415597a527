//! An image whose pixels are numbers in single precision, in memory that is used again for the next one.

use std::ops::Range;

use crate::system::scratch::Scratch;

/// A number in single precision, as it lies in memory.
pub type Number = [u8; 4];

/// What a pass keeps for the next image; what exceeds this is given back after each.
const KEPT_BYTES: usize = 8 << 20;

/// Channel after channel, row after row, without gaps.
#[derive(Debug, Default)]
pub struct Planes {
    memory: Scratch,
    channels: usize,
    rows: usize,
    columns: usize,
}

impl Planes {
    /// Takes another shape; what it holds is lost. False if there is no memory for it.
    pub(crate) fn shape(&mut self, channels: usize, rows: usize, columns: usize) -> bool {
        let count = channels.checked_mul(rows).and_then(|count| count.checked_mul(columns));
        let Some(size) = count.and_then(|count| count.checked_mul(size_of::<Number>())) else { return false };
        if self.memory.capacity() > size.max(KEPT_BYTES) {
            self.memory = Scratch::default();
        }
        (self.channels, self.rows, self.columns) = (channels, rows, columns);
        self.memory.fit(size, 0)
    }

    /// How many channels there are.
    #[must_use]
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// How many rows there are.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// How many columns there are.
    #[must_use]
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// All numbers.
    #[must_use]
    pub fn numbers(&self) -> &[Number] {
        self.memory.as_chunks().0
    }

    /// All numbers, to be changed.
    pub fn numbers_mut(&mut self) -> &mut [Number] {
        self.memory.as_chunks_mut().0
    }

    /// All numbers, as bytes.
    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.memory
    }

    /// A row of a channel, empty if there is none.
    #[must_use]
    pub fn row(&self, channel: usize, row: usize) -> &[Number] {
        let start = (channel * self.rows + row) * self.columns;
        self.numbers().get(start..start + self.columns).unwrap_or(&[])
    }

    /// Copies a rectangle of another image; false if there is no such rectangle, or no memory.
    pub(crate) fn copy_part(&mut self, from: &Planes, rows: &Range<u32>, columns: &Range<u32>) -> bool {
        let inside = rows.end as usize <= from.rows && columns.end as usize <= from.columns;
        if !inside || !self.shape(from.channels, rows.len(), columns.len()) {
            return false;
        }
        if columns.is_empty() {
            return true;
        }
        let lines = self.memory.as_chunks_mut().0.chunks_exact_mut(columns.len());
        let sources =
            (0..from.channels).flat_map(|channel| rows.clone().map(move |row| (channel, row as usize)));
        for (line, (channel, row)) in lines.zip(sources) {
            line.copy_from_slice(&from.row(channel, row)[columns.start as usize..columns.end as usize]);
        }
        true
    }
}
