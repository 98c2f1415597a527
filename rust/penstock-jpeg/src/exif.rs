//! Exif metadata, as far as Pillow looks at it while it opens a file.
//!
//! libjpeg ignores it. Pillow reads the first directory for the resolution, unless a JFIF segment gives one, and
//! warns if that is cut short. So photographs whose Exif data are damaged, which is common, are left to it.

/// Tags whose values are looked at: horizontal resolution, and its unit.
const RESOLUTION: [u16; 2] = [0x011A, 0x0128];

/// Whether an Exif segment's content, from behind its identifier on, is read without a warning. It may be none at
/// all: what does not begin like a directory is ignored.
pub(crate) fn is_silent(data: &[u8]) -> bool {
    let big_endian = match data.first_chunk() {
        Some(b"II*\0") => false,
        Some(b"MM\0*") => true,
        // Some headers with an error are forgiven, and a second identifier is skipped.
        _ => return !(data.starts_with(b"II") || data.starts_with(b"MM") || data.starts_with(b"Exif")),
    };
    Directory { data, big_endian }.is_sound().unwrap_or(false)
}

struct Directory<'a> {
    data: &'a [u8],
    big_endian: bool,
}

impl Directory<'_> {
    /// Whether the directory lies in the data with all its values; `None` if it is cut short.
    fn is_sound(&self) -> Option<bool> {
        let start = self.long(4)?;
        let count = usize::from(self.short(start)?);
        let mut total = 0_usize;
        for entry in 0..count {
            let at = start + 2 + 12 * entry;
            let (tag, kind, values) = (self.short(at)?, self.short(at + 2)?, self.long(at + 4)?);
            let offset = self.long(at + 8)?;
            if RESOLUTION.contains(&tag) && values != 1 {
                return Some(false);
            }
            let size = values.checked_mul(match kind {
                1 | 2 | 6 | 7 => 1,
                3 | 8 => 2,
                4 | 9 | 11 | 13 => 4,
                5 | 10 | 12 | 16 => 8,
                _ => continue,
            })?;
            if size > 4 {
                // Values may overlap, but together they are no larger than the data.
                total = total.checked_add(size)?;
                self.data.get(offset..offset.checked_add(size)?)?;
            }
        }
        // The position of a next directory closes this one.
        self.long(start + 2 + 12 * count)?;
        Some(total <= self.data.len())
    }

    fn short(&self, at: usize) -> Option<u16> {
        let bytes = *self.data.get(at..)?.first_chunk()?;
        Some(if self.big_endian { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) })
    }

    fn long(&self, at: usize) -> Option<usize> {
        let bytes = *self.data.get(at..)?.first_chunk()?;
        let value = if self.big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) };
        Some(value as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A directory of these entries: tag, type, count, value or offset.
    fn directory(entries: &[(u16, u16, u32, u32)], behind: &[u8]) -> Vec<u8> {
        let mut data = b"MM\0*\0\0\0\x08".to_vec();
        data.extend((entries.len() as u16).to_be_bytes());
        for &(tag, kind, count, value) in entries {
            data.extend([tag.to_be_bytes(), kind.to_be_bytes()].concat());
            data.extend([count.to_be_bytes(), value.to_be_bytes()].concat());
        }
        data.extend([0; 4]);
        data.extend(behind);
        data
    }

    #[test]
    fn directories_with_all_their_values_are_silent() {
        let sound = directory(&[(0x112, 3, 1, 6 << 16), (0x11A, 5, 1, 50), (0x128, 3, 1, 2 << 16)], &[0; 8]);
        assert_eq!(sound.len(), 58);
        assert!(is_silent(&sound));
        for length in 4..sound.len() {
            assert!(!is_silent(&sound[..length]), "cut to {length}");
        }
        assert!(is_silent(b""));
        assert!(is_silent(b"nothing of the kind"));
    }

    #[test]
    fn what_pillow_warns_of_is_not() {
        for entry in [
            (0x10F, 2, 9, 26),
            (0x10F, 2, u32::MAX, 0),
            (0x10F, 12, u32::MAX, 0),
            (0x11A, 5, 2, 0),
            (0x128, 3, 0, 0),
        ] {
            assert!(!is_silent(&directory(&[entry], &[0; 8])), "{entry:?}");
        }
        // Twice the same values: more than there are data.
        assert!(!is_silent(&directory(&[(0x10F, 2, 30, 0), (0x110, 2, 30, 0)], &[])));
        assert!(is_silent(&directory(&[(0x10F, 99, u32::MAX, 0)], &[])));
        for other in [*b"II\0*", *b"MM*\0", *b"MM\0+", *b"Exif"] {
            assert!(!is_silent(&[&other[..], &[0; 8]].concat()));
        }
    }
}
