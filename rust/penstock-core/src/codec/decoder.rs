//! A decoder with the memory that it needs from one file to the next.

use penstock_jpeg::{Check, Limits, Target};

use super::{Format, Header, Irregular, Region, png, ppm};
use crate::source::array::Picture;

/// Memory that a decoder keeps for the next picture. A progressive one of 12 megapixels takes 70 MB; it should not
/// stay with each thread for the rest of the process.
const KEPT_BYTES: usize = 16 << 20;
/// Memory that one picture may take.
const LIMITS: Limits = Limits { pixels: 178_956_970, bytes: 512 << 20 };

/// Decodes files one after the other, without allocating for each. An unused one takes no memory.
#[derive(Debug, Default)]
pub struct Decoder {
    jpeg: Option<penstock_jpeg::Decoder>,
    png: png::Decoder,
    pixels: Vec<u8>,
}

impl Decoder {
    /// Decodes a rectangle of a file into memory of exactly its size, rows of pixels without gaps.
    ///
    /// The whole file is looked at, as Pillow looks at it, so that damage is found wherever it is.
    ///
    /// # Errors
    /// [`Irregular`] if Pillow should decode it, or if rectangle or memory do not fit; `out` then holds anything.
    pub fn decode_into(
        &mut self,
        data: &[u8],
        header: Header,
        region: Region,
        out: &mut [u8],
    ) -> Result<(), Irregular> {
        match header.format {
            Format::Jpeg => {
                let jpeg = self.jpeg.get_or_insert_with(|| penstock_jpeg::Decoder::new().with_limits(LIMITS));
                let target = Target::Interleaved { pixels: out, stride: region.width * header.channels };
                let decoded = jpeg.decode_region(data, region, Check::Whole, target);
                if jpeg.memory() > KEPT_BYTES {
                    jpeg.shrink();
                }
                Ok(decoded?)
            }
            Format::Png => {
                let decoded = self.png.decode(data, region, out);
                if self.png.memory() > KEPT_BYTES {
                    self.png.shrink();
                }
                decoded
            }
            Format::Ppm => ppm::decode(data, region, out),
        }
    }

    /// Decodes a rectangle of a file to a picture of three channels; those of a gray file are one and the same.
    ///
    /// # Errors
    /// As [`Decoder::decode_into`].
    pub fn decode(&mut self, data: &[u8], header: Header, region: Region) -> Result<Picture<'_>, Irregular> {
        let Header { channels, .. } = header;
        let row = region.width * channels;
        let mut pixels = std::mem::take(&mut self.pixels);
        if pixels.capacity() > KEPT_BYTES {
            pixels = Vec::new();
        }
        pixels.resize(row * region.height, 0);
        let decoded = self.decode_into(data, header, region, &mut pixels);
        self.pixels = pixels;
        decoded?;
        let steps = [row as isize, channels as isize, isize::from(channels == 3)];
        let picture = Picture::from_strided(&self.pixels, 0, [region.height, region.width, 3], steps);
        picture.ok_or(Irregular::Request)
    }
}
