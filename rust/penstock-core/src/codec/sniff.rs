//! Which format a file is in.

use super::error::Irregular;
use super::header::{Format, Header};
use super::{png, ppm};

/// Reads a file's header; takes no memory.
///
/// # Errors
/// [`Irregular`] if the file is not one that is decoded here, as far as its header tells.
pub fn read_header(data: &[u8]) -> Result<Header, Irregular> {
    match data {
        [0xff, 0xd8, ..] => {
            let penstock_jpeg::Header { height, width, mode, .. } = penstock_jpeg::read_header(data)?;
            Ok(Header { height, width, channels: mode.channels(), format: Format::Jpeg })
        }
        _ if data.starts_with(png::SIGNATURE) => png::read_header(data),
        _ if ppm::is_one(data) => ppm::read_header(data),
        _ => Err(Irregular::Format),
    }
}
