//! Records of what was done to images, as other processes send them.

use penstock_core::codec::{Format, Header};
use penstock_core::ops::Step;
use penstock_core::plan::wire;
use penstock_core::source::known::HEADER_CACHE;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::sight;

/// One image's record.
pub(crate) struct Record {
    /// What its file's header said.
    pub(crate) header: Header,
    pub(crate) steps: Vec<Step>,
}

/// Reads records, and remembers the files that are named in them. All numbers are little-endian: the file's identity of
/// 16 bytes (zeros for none), height, width, four bytes of channels, format, and number of steps in two; then the steps,
/// as [`wire`] has them.
pub(crate) fn read(bytes: &[u8]) -> PyResult<Vec<Record>> {
    let mut rest = bytes;
    let mut records = Vec::new();
    while !rest.is_empty() {
        let record = take(&mut rest).ok_or_else(|| PyValueError::new_err("these are no records"))?;
        records.push(record);
    }
    Ok(records)
}

fn take(rest: &mut &[u8]) -> Option<Record> {
    let (&identity, behind) = rest.split_first_chunk::<16>()?;
    *rest = behind;
    let [height, width] = [word(rest)? as usize, word(rest)? as usize];
    let (&[channels, format, few, many], behind) = rest.split_first_chunk()?;
    *rest = behind;
    let format = match format {
        0 => Format::Jpeg,
        1 => Format::Png,
        2 => Format::Ppm,
        3 => Format::Indices,
        _ => return None,
    };
    let header = Header { height, width, channels: usize::from(channels), format };
    if let Some(identity) = sight::identity(identity) {
        HEADER_CACHE.put_others(identity, header);
    }
    let steps = (0..u16::from_le_bytes([few, many])).map(|_| wire::read(rest)).collect::<Option<_>>()?;
    Some(Record { header, steps })
}

fn word(rest: &mut &[u8]) -> Option<u32> {
    let (&bytes, behind) = rest.split_first_chunk()?;
    *rest = behind;
    Some(u32::from_le_bytes(bytes))
}
