//! Files' bytes to pixels.
//!
//! JPEG, PNG and binary PPM are decoded here. On anything else, and on whatever is out of the ordinary in one of them,
//! this ends with [`Irregular`], which leaves the file to Pillow: nothing is repaired, so nothing is repaired
//! differently.

mod decoder;
mod png;
mod ppm;
mod seen;

use std::fmt;

pub use decoder::{Decoded, Decoder};
pub use penstock_jpeg::{Reason as JpegReason, Region};
pub use png::Reason as PngReason;
#[cfg(target_arch = "x86_64")]
pub(crate) use png::filter_x86;
pub use seen::{Usage, learn_nothing, usage};

/// A format that is decoded here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// As `penstock_jpeg` decodes it.
    Jpeg,
    /// Every kind of it, but for animations.
    Png,
    /// With bytes for red, green and blue.
    Ppm,
}

impl Format {
    /// As Pillow calls it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Format::Jpeg => "JPEG",
            Format::Png => "PNG",
            Format::Ppm => "PPM",
        }
    }
}

/// The file is not one that this module vouches for: decode it with Pillow, which may warn, repair or fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Irregular {
    /// It is in another format, or in none.
    Format,
    /// A JPEG.
    Jpeg(JpegReason),
    /// A PNG.
    Png(PngReason),
    /// A PPM.
    Ppm,
    /// The caller's rectangle or memory does not fit the picture.
    Request,
}

impl Irregular {
    /// The reason in a word or two.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Irregular::Format => "another format",
            Irregular::Jpeg(reason) => reason.name(),
            Irregular::Png(reason) => reason.name(),
            Irregular::Ppm => "unusual header or truncated",
            Irregular::Request => "request does not fit the picture",
        }
    }
}

impl fmt::Display for Irregular {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let format = match self {
            Irregular::Format | Irregular::Request => "picture",
            Irregular::Jpeg(_) => "JPEG",
            Irregular::Png(_) => "PNG",
            Irregular::Ppm => "PPM",
        };
        write!(f, "irregular {format}: {}", self.name())
    }
}

impl std::error::Error for Irregular {}

impl From<penstock_jpeg::Irregular> for Irregular {
    fn from(irregular: penstock_jpeg::Irregular) -> Self {
        Irregular::Jpeg(irregular.reason)
    }
}

impl From<PngReason> for Irregular {
    fn from(reason: PngReason) -> Self {
        Irregular::Png(reason)
    }
}

/// What a file's header announces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// Values for each pixel: 1 if gray, 3 if red, green and blue.
    pub channels: usize,
    /// Of the file.
    pub format: Format,
}

impl Header {
    /// The whole picture.
    #[must_use]
    pub fn whole(&self) -> Region {
        Region { left: 0, top: 0, width: self.width, height: self.height }
    }

    /// Rows and columns.
    #[must_use]
    pub fn size(&self) -> (u32, u32) {
        (self.height as u32, self.width as u32)
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
    match data {
        [0xff, 0xd8, ..] => {
            let penstock_jpeg::Header { height, width, mode, .. } = penstock_jpeg::read_header(data)?;
            Ok(Header { height, width, channels: mode.channels(), format: Format::Jpeg })
        }
        _ if data.starts_with(png::SIGNATURE) => png::read_header(data),
        _ if data.starts_with(ppm::SIGNATURE) => ppm::read_header(data),
        _ => Err(Irregular::Format),
    }
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
