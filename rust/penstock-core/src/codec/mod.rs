//! Files' bytes to pixels.
//!
//! Only JPEG is decoded here. On anything else, and on whatever is out of the ordinary in a JPEG, this ends with
//! [`Irregular`], which leaves the file to Pillow: nothing is repaired, so nothing is repaired differently.

mod decoder;
mod seen;

pub use decoder::Decoder;
pub use penstock_jpeg::{Irregular, Region};
pub use seen::{Usage, usage};

/// What a file's header announces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// Values for each pixel: 1 if gray, 3 if red, green and blue.
    pub channels: usize,
}

impl Header {
    /// The whole picture.
    #[must_use]
    pub fn whole(&self) -> Region {
        Region { left: 0, top: 0, width: self.width, height: self.height }
    }

    /// Number of pixels.
    #[must_use]
    pub fn pixels(&self) -> u64 {
        self.height as u64 * self.width as u64
    }
}

/// Reads a file's header; takes no memory.
///
/// # Errors
/// [`Irregular`] if the file is not one that is decoded here, as far as its header tells.
pub fn read_header(data: &[u8]) -> Result<Header, Irregular> {
    let header = penstock_jpeg::read_header(data)?;
    Ok(Header { height: header.height, width: header.width, channels: header.mode.channels() })
}

impl From<crate::ops::resize::Region> for Region {
    fn from(region: crate::ops::resize::Region) -> Region {
        let crate::ops::resize::Region { rows, columns } = region;
        Region {
            left: columns.start as usize,
            top: rows.start as usize,
            width: columns.len(),
            height: rows.len(),
        }
    }
}
