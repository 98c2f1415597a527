//! Why a file is left to Pillow.

use std::fmt;

use super::png::reason::Reason as PngReason;
use penstock_jpeg::Reason as JpegReason;

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
    /// The caller's rectangle or memory does not fit the image.
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
            Irregular::Request => "request does not fit the image",
        }
    }
}

impl fmt::Display for Irregular {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let format = match self {
            Irregular::Format | Irregular::Request => "image",
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
