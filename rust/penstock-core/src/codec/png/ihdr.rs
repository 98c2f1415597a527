//! What a PNG file's first chunk says.

/// Pixels that an image may have.
const MOST_PIXELS: u64 = 178_956_970;
/// Bytes that two rows of an image may take.
const MOST_ROW_BYTES: u64 = 64 << 20;
/// An upper bound of what deflate makes of one byte: 258 bytes of two bits.
pub(super) const MOST_INFLATION: u64 = 1032;
/// What files begin with.
pub(in crate::codec) const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";

/// What a pixel consists of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Color {
    Gray,
    Rgb,
    Palette,
    GrayAlpha,
    Rgba,
}

impl Color {
    pub(super) fn samples(self) -> usize {
        match self {
            Color::Gray | Color::Palette => 1,
            Color::GrayAlpha => 2,
            Color::Rgb => 3,
            Color::Rgba => 4,
        }
    }

    /// Values of a pixel once alpha is dropped and palettes are looked up.
    pub(super) fn channels(self) -> usize {
        match self {
            Color::Gray | Color::GrayAlpha => 1,
            Color::Rgb | Color::Palette | Color::Rgba => 3,
        }
    }
}

/// What the IHDR chunk says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ihdr {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) color: Color,
    /// Bits of a sample.
    pub(super) depth: usize,
    pub(super) interlaced: bool,
}

impl Ihdr {
    pub(super) fn bits(&self) -> usize {
        self.color.samples() * self.depth
    }

    /// Bytes of so many pixels of a row.
    pub(super) fn bytes(&self, pixels: usize) -> usize {
        (pixels * self.bits()).div_ceil(8)
    }

    /// Whether a file of this length can hold so many pixels, and we the rows.
    pub(super) fn fits(&self, file: usize) -> bool {
        let (width, height) = (self.width as u64, self.height as u64);
        let row = (width * self.bits() as u64).div_ceil(8);
        width * height <= MOST_PIXELS
            && 2 * row <= MOST_ROW_BYTES
            && row * height <= (file as u64).saturating_mul(MOST_INFLATION)
    }
}
