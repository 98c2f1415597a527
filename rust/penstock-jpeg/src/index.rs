//! Where the MCUs of a scan begin.

use crate::markers::MAX_COMPONENTS;
use crate::region::Geometry;

/// The state of decoding in front of an MCU.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Byte of the file, and bit in it.
    pub(crate) byte: u32,
    pub(crate) bit: u8,
    pub(crate) predictors: [i16; MAX_COMPONENTS],
}

/// What one pass over a file knows about it: that its data are sound, and where the MCUs of each row begin, one
/// in every 128 columns of the image.
///
/// With it, little more than a rectangle's own data is decoded. It takes 12 bytes for each of these places: one or
/// two hundredths of a photograph's size; files of several scans have no entries, as all of a file is needed for any part of
/// the image.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Index {
    /// Length of the file.
    pub(crate) length: usize,
    /// Row by row.
    pub(crate) entries: Vec<Entry>,
}

impl Index {
    /// Bytes of memory that it holds.
    #[must_use]
    pub fn memory(&self) -> usize {
        size_of::<Self>() + self.entries.capacity() * size_of::<Entry>()
    }

    /// The entry in front of MCU `column` of a row, or the last one before that.
    pub(crate) fn before(&self, row: usize, column: usize, geometry: &Geometry) -> Option<&Entry> {
        let spacing = geometry.spacing();
        self.entries.get(row * geometry.mcus_x.div_ceil(spacing) + column / spacing)
    }

    /// The first entry that is not in front of any MCU before `column`.
    pub(crate) fn behind(&self, row: usize, column: usize, geometry: &Geometry) -> Option<&Entry> {
        let spacing = geometry.spacing();
        self.entries.get(row * geometry.mcus_x.div_ceil(spacing) + column.div_ceil(spacing))
    }

    /// A compact form, for another process: most numbers differ little from those of the entry before.
    pub fn write(&self, out: &mut Vec<u8>) {
        let predicted =
            |entry: &Entry| entry.predictors.iter().rposition(|&value| value != 0).map_or(0, |at| at + 1);
        let components = self.entries.iter().map(predicted).max().unwrap_or(0);
        for number in [self.length, self.entries.len(), components] {
            write_number(out, number as u64);
        }
        let mut before = Entry::default();
        for &entry in &self.entries {
            write_number(out, zigzag(entry.bits() - before.bits()));
            for (now, before) in entry.predictors.iter().zip(before.predictors).take(components) {
                write_number(out, zigzag(i64::from(*now) - i64::from(before)));
            }
            before = entry;
        }
    }

    /// Reads what [`Index::write`] wrote; nothing if it is anything else.
    #[must_use]
    pub fn read(mut bytes: &[u8]) -> Option<Self> {
        let rest = &mut bytes;
        let [length, count, components] = [read_number(rest)?, read_number(rest)?, read_number(rest)?];
        let (length, components) = (usize::try_from(length).ok()?, usize::try_from(components).ok()?);
        // Each entry takes a byte at least.
        if components > MAX_COMPONENTS || count > rest.len() as u64 {
            return None;
        }
        let mut entries = Vec::with_capacity(count as usize);
        let mut entry = Entry::default();
        for _ in 0..count {
            let bits = u64::try_from(entry.bits().checked_add(unzigzag(read_number(rest)?))?).ok()?;
            entry.byte = u32::try_from(bits / 8).ok().filter(|&byte| byte as usize <= length)?;
            entry.bit = (bits % 8) as u8;
            for value in entry.predictors.iter_mut().take(components) {
                let now = i64::from(*value).checked_add(unzigzag(read_number(rest)?))?;
                *value = i16::try_from(now).ok()?;
            }
            entries.push(entry);
        }
        rest.is_empty().then_some(Self { length, entries })
    }
}

impl Entry {
    fn bits(self) -> i64 {
        i64::from(self.byte) * 8 + i64::from(self.bit)
    }
}

/// Seven bits in a byte, the lowest first.
fn write_number(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn read_number(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..63).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(number);
        }
    }
    None
}

/// Small numbers of either sign as small ones without.
fn zigzag(number: i64) -> u64 {
    (number << 1 ^ number >> 63) as u64
}

fn unzigzag(number: u64) -> i64 {
    (number >> 1) as i64 ^ -((number & 1) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index() -> Index {
        crate::Decoder::new().index(include_bytes!("../tests/data/tiny.jpg")).unwrap()
    }

    fn written(index: &Index) -> Vec<u8> {
        let mut bytes = Vec::new();
        index.write(&mut bytes);
        bytes
    }

    #[test]
    fn what_was_written_is_read() {
        let extreme = |byte, bit, value| Entry { byte, bit, predictors: [value, -value, i16::MIN] };
        let entries = vec![extreme(7, 7, i16::MAX), extreme(u32::MAX, 0, -5), extreme(0, 1, 0)];
        let all = [
            Index::default(),
            Index { length: 9, entries: Vec::new() },
            Index { length: u32::MAX as usize, entries },
            index(),
        ];
        for index in all {
            assert_eq!(Index::read(&written(&index)), Some(index));
        }
        assert!(written(&index()).len() < index().memory());
    }

    #[test]
    fn anything_else_is_nothing() {
        let bytes = written(&index());
        for end in 0..bytes.len() {
            assert_eq!(Index::read(&bytes[..end]), None, "cut at {end}");
        }
        assert_eq!(Index::read(&[&bytes[..], &[0]].concat()), None, "longer");
        for (what, bytes) in [
            ("four components", vec![9, 0, 4]),
            ("entries without bytes", vec![9, 100, 1, 2]),
            ("a place behind the end", vec![1, 1, 0, 16 * 2]),
            ("a place before the beginning", vec![9, 1, 0, 1]),
            ("a number without an end", vec![0xff; 20]),
        ] {
            assert_eq!(Index::read(&bytes), None, "{what}");
        }
        let too_large =
            Index { length: 9, entries: vec![Entry { predictors: [1, 0, 0], ..Entry::default() }] };
        let mut bytes = written(&too_large);
        bytes.pop();
        write_number(&mut bytes, zigzag(1 << 15));
        assert_eq!(Index::read(&bytes), None, "a predictor of 17 bits");
    }
}
