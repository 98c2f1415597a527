//! PNG files to the pixels that Pillow gives for `convert("RGB")`, or to those of its own image of the file.
//!
//! [`chunks`] walks the file and judges it as Pillow would, [`rows`] inflates the image and undoes the filters,
//! [`expand`] makes bytes of samples. Inflating is `fdeflate`'s work, as in the `png` crate; but that is content with a
//! stream that breaks off or goes on behind the last pixel, and Pillow is not always.

mod chunks;
mod dispatch;
mod expand;
mod filter;
mod ihdr;
pub(super) mod reason;
mod rows;
#[cfg(test)]
mod tests;
#[cfg(target_arch = "x86_64")]
mod x86_64;

use penstock_jpeg::Region;

use self::chunks::{Layout, check_all, check_plain, judge, look};
use self::expand::Expand;
use self::ihdr::{Color, Ihdr};
use self::rows::{Rows, Window};
use super::error::Irregular;
use super::header::{Format, Header};

pub(super) use self::ihdr::SIGNATURE;

/// Whether the checksums of all chunks of a file are right, up to the last one that belongs to its image.
#[must_use]
pub fn has_checksums(data: &[u8]) -> bool {
    check_all(data).is_ok()
}

/// Reads what comes before the pixels; takes no memory.
///
/// # Errors
/// [`Irregular`] if Pillow should decode the file, as far as this tells.
pub(super) fn read_header(data: &[u8]) -> Result<Header, Irregular> {
    let Ihdr { width, height, color, .. } = look(data)?.ihdr;
    Ok(Header { height, width, channels: color.channels(), format: Format::Png })
}

/// The memory in which images are inflated.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    window: Window,
}

impl Decoder {
    /// Decodes a whole file for nobody, if Pillow's image of it is what is decoded here: bytes of the same channels,
    /// or numbers of a palette's colours, and all that Pillow tells of the file stands before its pixels. Returns the
    /// header of that image.
    ///
    /// # Errors
    /// [`Irregular`] if Pillow should open the file.
    pub(super) fn survey(&mut self, data: &[u8]) -> Result<Header, Irregular> {
        let Ihdr { width, height, color, .. } = check_plain(data)?;
        let (channels, format) = match color {
            Color::Palette => (1, Format::Indices),
            _ => (color.channels(), Format::Png),
        };
        let header = Header { height, width, channels, format };
        let mut pixels = Vec::new();
        let bytes = header.width * header.height * header.channels;
        pixels.try_reserve_exact(bytes).map_err(|_| Irregular::Request)?;
        pixels.resize(bytes, 0);
        self.decode(data, header, header.whole(), &mut pixels)?;
        Ok(header)
    }

    /// Decodes a rectangle of a file into memory of exactly its size. All of the file is looked at.
    ///
    /// # Errors
    /// [`Irregular`] if Pillow should decode it, or if the rectangle or memory does not fit.
    pub(super) fn decode(
        &mut self,
        data: &[u8],
        header: Header,
        region: Region,
        out: &mut [u8],
    ) -> Result<(), Irregular> {
        let Layout { ihdr, palette, pixels } = judge(data)?;
        let channels = match (header.format, ihdr.color) {
            (Format::Indices, Color::Palette) => 1,
            (Format::Indices, _) => return Err(Irregular::Request),
            (_, color) => color.channels(),
        };
        let Region { left, top, width, height } = region;
        let inside = left.checked_add(width).is_some_and(|right| right <= ihdr.width)
            && top.checked_add(height).is_some_and(|bottom| bottom <= ihdr.height);
        let stride = width * channels;
        if !inside || out.len() != stride * height || out.is_empty() {
            return Err(Irregular::Request);
        }
        let expand = Expand::new(ihdr, (channels > 1).then_some(palette));
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
            let to = &mut line_of_out[(column - left) * channels..];
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
