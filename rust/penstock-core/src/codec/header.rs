//! What a file's first bytes say.

use penstock_jpeg::Region;

/// A format that is decoded here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// As `penstock_jpeg` decodes it.
    Jpeg,
    /// Every kind of it, but for animations.
    Png,
    /// With bytes of gray, or for red, green and blue.
    Ppm,
    /// A PNG with a palette, of which the colours' numbers are the pixels.
    Indices,
}

impl Format {
    /// As Pillow calls it; behind a stroke its mode, where that is neither gray nor red, green and blue.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Format::Jpeg => "JPEG",
            Format::Png => "PNG",
            Format::Ppm => "PPM",
            Format::Indices => "PNG/P",
        }
    }
}

/// What stands for a pixel in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Blue, green, red; alike in gray images.
    Bgr,
    /// Red, green, blue; alike in gray images.
    Rgb,
    /// One value: of a gray image, or the luminance that a file has beside its colours.
    Gray,
}

impl Order {
    /// Values for each pixel.
    #[must_use]
    pub fn channels(self) -> usize {
        match self {
            Order::Bgr | Order::Rgb => 3,
            Order::Gray => 1,
        }
    }
}

/// What a file's header announces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// Values for each pixel: 1 if gray or a colour's number, 3 if red, green and blue.
    pub channels: usize,
    /// Of the file.
    pub format: Format,
}

impl Header {
    /// Whether this is what a file's own header announces, or a way to look at the same image.
    #[must_use]
    pub fn is_of(&self, file: Header) -> bool {
        match self.format {
            Format::Indices => file.format == Format::Png && self.size() == file.size() && self.channels == 1,
            _ => *self == file,
        }
    }

    /// The whole image.
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
