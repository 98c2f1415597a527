//! A file's chunks, judged as Pillow judges them.
//!
//! Pillow checks the checksums of the chunks before the pixels, keeps what text chunks say under their own keywords,
//! of which some mean something to itself, and passes over what it does not know. Here all chunks but the pixels'
//! must have the right checksum, since the stream in those has one of its own.

use fdeflate::decompress_to_vec_bounded;

use super::ihdr::{Color, Ihdr, MOST_INFLATION, SIGNATURE};
use super::reason::Reason;
use crate::codec::error::Irregular;

/// Pillow refuses text and profiles from this size on.
const MOST_TEXT: usize = 1 << 20;
/// A file with more text than this is left to Pillow; it refuses much more.
const MOST_TEXT_IN_ALL: usize = 16 << 20;
/// Keywords under which Pillow keeps what changes the pixels.
const RESERVED: [&[u8]; 6] =
    [b"transparency", b"interlace", b"bbox", b"default_image", b"disposal", b"blend"];

/// A file, as far as pixels are concerned.
#[derive(Debug)]
pub(super) struct Layout<'a> {
    pub(super) ihdr: Ihdr,
    /// Triples; empty if there is none.
    pub(super) palette: &'a [u8],
    /// The file from the first chunk of pixels on.
    pub(super) pixels: Chunks<'a>,
}

/// One chunk.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chunk<'a> {
    pub(super) kind: &'a [u8],
    pub(super) data: &'a [u8],
    /// Kind and data, to which the checksum belongs.
    summed: &'a [u8],
    checksum: u32,
}

impl Chunk<'_> {
    fn check(&self) -> Result<(), Irregular> {
        if crc32fast::hash(self.summed) == self.checksum { Ok(()) } else { Err(Reason::Checksum.into()) }
    }
}

/// Chunks one after the other.
#[derive(Clone, Debug)]
pub(super) struct Chunks<'a> {
    rest: &'a [u8],
}

impl<'a> Chunks<'a> {
    /// The next chunk.
    ///
    /// # Errors
    /// [`Irregular`] if it does not end in the file.
    pub(super) fn next(&mut self) -> Result<Chunk<'a>, Irregular> {
        let (length, rest) = self.rest.split_first_chunk::<4>().ok_or(Reason::Truncated)?;
        let summed = 4 + u32::from_be_bytes(*length) as usize;
        let (summed, rest) = rest.split_at_checked(summed).ok_or(Reason::Truncated)?;
        let (checksum, rest) = rest.split_first_chunk::<4>().ok_or(Reason::Truncated)?;
        self.rest = rest;
        let (kind, data) = summed.split_at(4);
        Ok(Chunk { kind, data, summed, checksum: u32::from_be_bytes(*checksum) })
    }
}

/// Reads a file up to its pixels, without a look at checksums and text.
///
/// # Errors
/// [`Irregular`] if Pillow should decode the file, as far as this tells.
pub(super) fn look(data: &[u8]) -> Result<Layout<'_>, Irregular> {
    Judge::default().up_to_pixels(data)
}

/// Reads all of a file but its pixels.
///
/// # Errors
/// [`Irregular`] if Pillow should decode the file, or might.
pub(super) fn judge(data: &[u8]) -> Result<Layout<'_>, Irregular> {
    let mut judge = Judge { closely: true, ..Judge::default() };
    let layout = judge.up_to_pixels(data)?;
    let mut chunks = layout.pixels.clone();
    let mut chunk = chunks.next()?;
    while chunk.kind == b"IDAT" {
        chunk = chunks.next()?;
    }
    while chunk.kind != b"IEND" {
        judge.pass_over(&chunk)?;
        chunk = chunks.next()?;
    }
    chunk.check()?;
    // Pillow reads no further.
    if chunk.data.is_empty() { Ok(layout) } else { Err(Reason::Content.into()) }
}

/// Checks that Pillow's image of a file is what is decoded here, and not only that image converted to RGB, if a
/// palette is left alone; and that all that Pillow tells of the file stands before its pixels.
///
/// # Errors
/// [`Irregular`] if it is not, or if Pillow should decode the file.
pub(super) fn check_plain(data: &[u8]) -> Result<Ihdr, Irregular> {
    let mut judge = Judge::default();
    let Layout { ihdr, pixels: mut chunks, .. } = judge.up_to_pixels(data)?;
    let is_of_bytes = match ihdr.color {
        // Of one bit Pillow makes an image of another kind.
        Color::Gray => matches!(ihdr.depth, 2 | 4 | 8),
        Color::Rgb => ihdr.depth == 8,
        Color::Palette => true,
        Color::GrayAlpha | Color::Rgba => false,
    };
    if !is_of_bytes || ihdr.interlaced {
        return Err(Reason::Kind.into());
    }
    if judge.transparency {
        return Err(Reason::Transparency.into());
    }
    let mut chunk = chunks.next()?;
    while chunk.kind == b"IDAT" {
        chunk = chunks.next()?;
    }
    if chunk.kind == b"IEND" { Ok(ihdr) } else { Err(Reason::Chunk.into()) }
}

/// Checks the checksums of all chunks, those of pixels as well: libpng stops where one is wrong.
///
/// # Errors
/// [`Irregular`] if one is.
pub(super) fn check_all(data: &[u8]) -> Result<(), Irregular> {
    let mut chunks = begin(data)?;
    loop {
        let chunk = chunks.next()?;
        chunk.check()?;
        if chunk.kind == b"IEND" {
            return Ok(());
        }
    }
}

fn begin(data: &[u8]) -> Result<Chunks<'_>, Irregular> {
    Ok(Chunks { rest: data.strip_prefix(SIGNATURE).ok_or(Reason::Truncated)? })
}

fn read_ihdr(chunk: &Chunk<'_>) -> Result<Ihdr, Irregular> {
    let (b"IHDR", Ok(content)) = (chunk.kind, <&[u8; 13]>::try_from(chunk.data)) else {
        return Err(Reason::Chunk.into());
    };
    chunk.check()?;
    let &[w0, w1, w2, w3, h0, h1, h2, h3, depth, color, compression, filter, interlacing] = content;
    let color = match (color, depth) {
        (0, 1 | 2 | 4 | 8 | 16) => Color::Gray,
        (2, 8 | 16) => Color::Rgb,
        (3, 1 | 2 | 4 | 8) => Color::Palette,
        (4, 8 | 16) => Color::GrayAlpha,
        (6, 8 | 16) => Color::Rgba,
        _ => return Err(Reason::Kind.into()),
    };
    let width = u32::from_be_bytes([w0, w1, w2, w3]) as usize;
    let height = u32::from_be_bytes([h0, h1, h2, h3]) as usize;
    if width == 0 || height == 0 || (compression, filter) != (0, 0) || interlacing > 1 {
        return Err(Reason::Kind.into());
    }
    Ok(Ihdr { width, height, color, depth: usize::from(depth), interlaced: interlacing == 1 })
}

/// What was met so far.
#[derive(Debug, Default)]
struct Judge<'a> {
    palette: Option<&'a [u8]>,
    transparency: bool,
    /// Whether checksums and text are looked at.
    closely: bool,
    text: usize,
}

impl<'a> Judge<'a> {
    fn up_to_pixels(&mut self, data: &'a [u8]) -> Result<Layout<'a>, Irregular> {
        let mut chunks = begin(data)?;
        let ihdr = read_ihdr(&chunks.next()?)?;
        if !ihdr.fits(data.len()) {
            return Err(Reason::Limit.into());
        }
        loop {
            let pixels = chunks.clone();
            let chunk = chunks.next()?;
            match chunk.kind {
                b"IDAT" => return self.layout(ihdr, pixels),
                b"PLTE" => self.add_palette(&chunk)?,
                b"tRNS" => self.add_transparency(ihdr, &chunk)?,
                _ => self.pass_over(&chunk)?,
            }
        }
    }

    /// Passes over a chunk that changes no pixel.
    fn pass_over(&mut self, chunk: &Chunk<'_>) -> Result<(), Irregular> {
        let length = match chunk.kind {
            b"acTL" | b"fcTL" | b"fdAT" => return Err(Reason::Animation.into()),
            b"gAMA" => 4,
            b"cHRM" => 32,
            b"sRGB" => 1,
            b"pHYs" => 9,
            // It changes what Pillow makes of the pixels, even behind them.
            b"tRNS" => return Err(Reason::Chunk.into()),
            kind if kind.iter().all(u8::is_ascii_alphabetic) && kind[0].is_ascii_lowercase() => {
                chunk.data.len()
            }
            _ => return Err(Reason::Chunk.into()),
        };
        if chunk.data.len() != length {
            return Err(Reason::Content.into());
        }
        if self.closely {
            chunk.check()?;
            self.text += text_bytes(chunk)?;
            if self.text > MOST_TEXT_IN_ALL {
                return Err(Reason::Text.into());
            }
        }
        Ok(())
    }

    fn add_palette(&mut self, chunk: &Chunk<'a>) -> Result<(), Irregular> {
        let length = chunk.data.len();
        if self.palette.is_some()
            || self.transparency
            || !matches!(length, 3..=768)
            || !length.is_multiple_of(3)
        {
            return Err(Reason::Content.into());
        }
        self.palette = Some(chunk.data);
        if self.closely { chunk.check() } else { Ok(()) }
    }

    fn add_transparency(&mut self, ihdr: Ihdr, chunk: &Chunk<'_>) -> Result<(), Irregular> {
        if self.transparency {
            return Err(Reason::Content.into());
        }
        self.transparency = true;
        self.check_transparency(ihdr, chunk.data)?;
        if self.closely { chunk.check() } else { Ok(()) }
    }

    /// Transparency changes no pixel of the RGB image; but Pillow converts it, and may warn.
    fn check_transparency(&self, ihdr: Ihdr, alphas: &[u8]) -> Result<(), Irregular> {
        let length = match ihdr.color {
            Color::Gray => 2,
            Color::Rgb => 6,
            Color::Palette => {
                let known = alphas.len() <= self.palette.unwrap_or_default().len() / 3;
                // One entry that cannot be seen at all, and others that are opaque: else Pillow warns.
                let opaque = |alphas: &[u8]| alphas.iter().all(|&alpha| alpha == 255);
                let plain = alphas
                    .iter()
                    .position(|&alpha| alpha != 255)
                    .is_some_and(|at| alphas[at] == 0 && opaque(&alphas[at + 1..]));
                return if known && plain { Ok(()) } else { Err(Reason::Transparency.into()) };
            }
            Color::GrayAlpha | Color::Rgba => return Err(Reason::Chunk.into()),
        };
        if alphas.len() == length { Ok(()) } else { Err(Reason::Content.into()) }
    }

    fn layout(&self, ihdr: Ihdr, pixels: Chunks<'a>) -> Result<Layout<'a>, Irregular> {
        let palette = match (ihdr.color, self.palette) {
            (Color::Palette, None) => return Err(Reason::Palette.into()),
            (Color::Palette, Some(palette)) => palette,
            _ => &[],
        };
        Ok(Layout { ihdr, palette, pixels })
    }
}

/// Returns how much text Pillow keeps of a chunk.
fn text_bytes(chunk: &Chunk<'_>) -> Result<usize, Irregular> {
    let kind = chunk.kind;
    if !matches!(kind, b"tEXt" | b"zTXt" | b"iTXt" | b"iCCP") {
        return Ok(0);
    }
    let (keyword, rest) = match chunk.data.iter().position(|&byte| byte == 0) {
        Some(end) => (&chunk.data[..end], &chunk.data[end + 1..]),
        None => (chunk.data, &[][..]),
    };
    if kind != b"iCCP" && RESERVED.contains(&keyword) {
        return Err(Reason::Content.into());
    }
    match (kind, rest) {
        (b"tEXt", _) => Ok(chunk.data.len()),
        (b"zTXt" | b"iCCP", [0, stream @ ..]) => inflated_bytes(stream),
        (b"iTXt", [0, _, text @ ..]) => Ok(text.len()),
        (b"iTXt", [_, 0, text @ ..]) => {
            // Behind the language and the translated keyword.
            let Some(stream) = text.splitn(3, |&byte| byte == 0).nth(2) else {
                return Err(Reason::Content.into());
            };
            inflated_bytes(stream)
        }
        _ => Err(Reason::Content.into()),
    }
}

/// Returns an upper bound of a stream's length.
fn inflated_bytes(stream: &[u8]) -> Result<usize, Irregular> {
    let bound = stream.len() * MOST_INFLATION as usize;
    if bound < MOST_TEXT {
        // Too little for Pillow to mind, even if it is damaged.
        return Ok(bound);
    }
    match decompress_to_vec_bounded(stream, MOST_TEXT) {
        Ok(text) if text.len() < MOST_TEXT => Ok(text.len()),
        _ => Err(Reason::Text.into()),
    }
}
