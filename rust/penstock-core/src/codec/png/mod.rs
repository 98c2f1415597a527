//! PNG files to the pixels that Pillow gives for `convert("RGB")`.
//!
//! [`chunks`] walks the file and judges it as Pillow would, [`rows`] inflates the picture and undoes the filters,
//! [`expand`] makes bytes of samples. Inflating is `fdeflate`'s work, as in the `png` crate; but that is content with a
//! stream that breaks off or goes on behind the last pixel, and Pillow is not always.

mod chunks;
mod expand;
mod filter;
#[cfg(target_arch = "x86_64")]
pub(crate) mod filter_x86;
mod rows;
#[cfg(test)]
mod tests;

use self::chunks::{Layout, check_plain, judge, look};
use self::expand::Expand;
use self::rows::{Rows, Window};
use super::{Format, Header, Irregular, Region};

/// Pixels that a picture may have.
const MOST_PIXELS: u64 = 178_956_970;
/// Bytes that two rows of a picture may take.
const MOST_ROW_BYTES: u64 = 64 << 20;
/// An upper bound of what deflate makes of one byte: 258 bytes of two bits.
const MOST_INFLATION: u64 = 1032;
/// What files begin with.
pub(super) const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";

/// What kept a PNG file from being decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The data end too early.
    Truncated,
    /// A chunk that is out of place or that Pillow does not pass over.
    Chunk,
    /// A chunk whose checksum is wrong.
    Checksum,
    /// A chunk whose content is wrong or unusual.
    Content,
    /// A combination of colours, depth or interlacing that does not exist.
    Kind,
    /// Several pictures.
    Animation,
    /// No palette, or a pixel that is not in it.
    Palette,
    /// Transparency of which Pillow warns.
    Transparency,
    /// Text or a profile of the size that Pillow refuses.
    Text,
    /// Data that are no deflate stream.
    Deflate,
    /// More or fewer pixels than were announced.
    Length,
    /// An unknown filter.
    Filter,
    /// More memory would be needed than is granted.
    Limit,
}

impl Reason {
    /// The reason in a word or two.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Reason::Truncated => "truncated",
            Reason::Chunk => "unexpected chunk",
            Reason::Checksum => "wrong checksum",
            Reason::Content => "unusual chunk",
            Reason::Kind => "unknown kind of pixels",
            Reason::Animation => "animation",
            Reason::Palette => "palette missing or too short",
            Reason::Transparency => "transparency by palette",
            Reason::Text => "large text",
            Reason::Deflate => "invalid stream",
            Reason::Length => "pixels missing or left over",
            Reason::Filter => "unknown filter",
            Reason::Limit => "limit exceeded",
        }
    }
}

/// What a pixel consists of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Color {
    Gray,
    Rgb,
    Palette,
    GrayAlpha,
    Rgba,
}

impl Color {
    fn samples(self) -> usize {
        match self {
            Color::Gray | Color::Palette => 1,
            Color::GrayAlpha => 2,
            Color::Rgb => 3,
            Color::Rgba => 4,
        }
    }

    /// Values of a pixel once alpha is dropped and palettes are looked up.
    fn channels(self) -> usize {
        match self {
            Color::Gray | Color::GrayAlpha => 1,
            Color::Rgb | Color::Palette | Color::Rgba => 3,
        }
    }
}

/// What the IHDR chunk says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Ihdr {
    width: usize,
    height: usize,
    color: Color,
    /// Bits of a sample.
    depth: usize,
    interlaced: bool,
}

impl Ihdr {
    fn bits(&self) -> usize {
        self.color.samples() * self.depth
    }

    /// Bytes of so many pixels of a row.
    fn bytes(&self, pixels: usize) -> usize {
        (pixels * self.bits()).div_ceil(8)
    }

    /// Whether a file of this length can hold so many pixels, and we the rows.
    fn fits(&self, file: usize) -> bool {
        let (width, height) = (self.width as u64, self.height as u64);
        let row = (width * self.bits() as u64).div_ceil(8);
        width * height <= MOST_PIXELS
            && 2 * row <= MOST_ROW_BYTES
            && row * height <= (file as u64).saturating_mul(MOST_INFLATION)
    }
}

/// Reads what comes before the pixels; takes no memory.
///
/// # Errors
/// [`Irregular`] if Pillow should decode the file, as far as this tells.
pub(super) fn read_header(data: &[u8]) -> Result<Header, Irregular> {
    let Ihdr { width, height, color, .. } = look(data)?.ihdr;
    Ok(Header { height, width, channels: color.channels(), format: Format::Png })
}

/// The memory in which pictures are inflated.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    window: Window,
}

impl Decoder {
    /// Decodes a whole file for nobody, if Pillow's picture of it is what is decoded here: bytes of the same channels,
    /// and all that Pillow tells of the file stands before its pixels.
    ///
    /// # Errors
    /// [`Irregular`] if Pillow should open the file.
    pub(super) fn survey(&mut self, data: &[u8]) -> Result<(), Irregular> {
        check_plain(data)?;
        let header = read_header(data)?;
        let mut pixels = Vec::new();
        let bytes = header.width * header.height * header.channels;
        pixels.try_reserve_exact(bytes).map_err(|_| Irregular::Request)?;
        pixels.resize(bytes, 0);
        self.decode(data, header.whole(), &mut pixels)
    }

    /// Decodes a rectangle of a file into memory of exactly its size. All of the file is looked at.
    ///
    /// # Errors
    /// [`Irregular`] if Pillow should decode it, or if the rectangle or memory does not fit.
    pub(super) fn decode(&mut self, data: &[u8], region: Region, out: &mut [u8]) -> Result<(), Irregular> {
        let Layout { ihdr, palette, pixels } = judge(data)?;
        let Region { left, top, width, height } = region;
        let inside = left.checked_add(width).is_some_and(|right| right <= ihdr.width)
            && top.checked_add(height).is_some_and(|bottom| bottom <= ihdr.height);
        let stride = width * ihdr.color.channels();
        if !inside || out.len() != stride * height || out.is_empty() {
            return Err(Irregular::Request);
        }
        let expand = Expand::new(ihdr, palette);
        let rows = Rows::new(ihdr, top..top + height, &mut self.window);
        rows.read(pixels, |line, y, pass| {
            // Where the pass meets the rectangle: its first pixel there, and the column of that.
            let first = left.saturating_sub(pass.left).div_ceil(pass.across);
            let column = pass.left + first * pass.across;
            if column >= left + width {
                return Ok(());
            }
            let count = (left + width - column).div_ceil(pass.across);
            let line_of_out = &mut out[(y - top) * stride..][..stride];
            let to = &mut line_of_out[(column - left) * ihdr.color.channels()..];
            expand.spread(line, first, count, pass.across, to)
        })
    }

    /// Gives memory back if there is more than `bytes` of it.
    pub(super) fn shrink_to(&mut self, bytes: usize) {
        if self.window.memory() > bytes {
            self.window = Window::default();
        }
    }
}
