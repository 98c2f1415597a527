//! A decoder with the memory that it needs from one file to the next.

use penstock_jpeg::{Check, Limits, Region, Target};

use super::error::Irregular;
use super::header::{Format, Header, Order};
use super::seen::{Key, seen};
use super::sniff::read_header;
use super::{png, ppm};
use crate::image::ImageView;
use crate::level;
use crate::system::scratch::Scratch;

/// Memory that a decoder keeps for the next image. A progressive one of 12 megapixels takes 70 MB; it should not
/// stay with each thread for the rest of the process.
const KEPT_BYTES: usize = 16 << 20;
/// Memory that one image may take.
const LIMITS: Limits = Limits { pixels: 178_956_970, bytes: 512 << 20 };

/// Decodes files one after the other, without allocating for each. An unused one takes no memory.
#[derive(Debug, Default)]
pub struct Decoder {
    jpeg: Option<penstock_jpeg::Decoder>,
    png: png::Decoder,
    pixels: Scratch,
}

/// A rectangle of a file.
#[derive(Debug)]
pub struct Decoded<'a> {
    /// Three channels; those of a gray file are one and the same.
    pub image: ImageView<'a>,
    /// Whether the file was seen before, so that no more was looked at than the rectangle needs.
    pub known: bool,
}

impl Decoder {
    /// Whether Pillow would get through a file without an exception, to an image of bytes with the header's channels;
    /// the header of one that it would. Damage of which libjpeg only warns may be left, and is found when the file is
    /// decoded.
    ///
    /// # Errors
    /// [`Irregular`] if Pillow should look at it itself.
    pub fn survey(&mut self, data: &[u8]) -> Result<Header, Irregular> {
        let header = read_header(data)?;
        match header.format {
            Format::Jpeg => {
                self.jpeg().survey(data)?;
                self.jpeg().shrink_to(KEPT_BYTES);
                Ok(header)
            }
            Format::Png => {
                let header = self.png.survey(data)?;
                self.png.shrink_to(KEPT_BYTES);
                Ok(header)
            }
            Format::Ppm | Format::Indices => Err(Irregular::Format),
        }
    }

    /// Whether no more of a file has to be looked at than a rectangle needs.
    pub(crate) fn knows(data: &[u8], header: Header) -> bool {
        header.format == Format::Jpeg && seen().is_in_use() && seen().get(Key::of(data)).is_some()
    }

    fn jpeg(&mut self) -> &mut penstock_jpeg::Decoder {
        let decoder = penstock_jpeg::Decoder::new;
        self.jpeg.get_or_insert_with(|| decoder().with_limits(LIMITS).with_level(level::in_use()))
    }

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
        self.decode_to(data, header, region, out, false).map(drop)
    }

    /// Decodes a whole JPEG into memory of exactly its size, whatever the channels of the file.
    ///
    /// # Errors
    /// [`Irregular`] if it is none, if libjpeg should decode it, or if the memory does not fit; `out` then holds
    /// anything.
    pub fn decode_jpeg(
        &mut self,
        data: &[u8],
        header: Header,
        order: Order,
        out: &mut [u8],
    ) -> Result<(), Irregular> {
        if header.format != Format::Jpeg {
            return Err(Irregular::Format);
        }
        let (pixels, stride) = (out, header.width * order.channels());
        let target = match order {
            Order::Rgb if header.channels == 3 => Target::Interleaved { pixels, stride },
            Order::Bgr | Order::Rgb => Target::Bgr { pixels, stride },
            Order::Gray => Target::Luminance { pixels, stride },
        };
        let jpeg = self.jpeg();
        let decoded = jpeg.decode_region(data, header.whole(), Check::Whole, target);
        jpeg.shrink_to(KEPT_BYTES);
        Ok(decoded?)
    }

    /// Decodes a rectangle of a file. The whole file is looked at if this process sees it for the first time.
    ///
    /// # Errors
    /// As [`Decoder::decode_into`].
    pub fn decode(&mut self, data: &[u8], header: Header, region: Region) -> Result<Decoded<'_>, Irregular> {
        let Header { channels, .. } = header;
        let row = region.width * channels;
        let mut pixels = std::mem::take(&mut self.pixels);
        if pixels.capacity() > KEPT_BYTES {
            pixels = Scratch::default();
        }
        if !pixels.fit(row * region.height, 0) {
            return Err(Irregular::Request);
        }
        let decoded = self.decode_to(data, header, region, &mut pixels, true);
        self.pixels = pixels;
        let known = decoded?;
        let steps = [row as isize, channels as isize, isize::from(channels == 3)];
        let image = ImageView::from_strided(&self.pixels, 0, [region.height, region.width, 3], steps);
        Ok(Decoded { image: image.ok_or(Irregular::Request)?, known })
    }

    /// Decodes a rectangle, with what is known of the file and learning it if `remembers` is set; returns whether it
    /// was known.
    fn decode_to(
        &mut self,
        data: &[u8],
        header: Header,
        region: Region,
        out: &mut [u8],
        remembers: bool,
    ) -> Result<bool, Irregular> {
        match header.format {
            Format::Jpeg => {
                let jpeg = self.jpeg();
                let target = Target::Interleaved { pixels: out, stride: region.width * header.channels };
                let decoded = if remembers {
                    decode_once_known(jpeg, data, region, target)
                } else {
                    jpeg.decode_region(data, region, Check::Whole, target).map(|()| false)
                };
                jpeg.shrink_to(KEPT_BYTES);
                Ok(decoded?)
            }
            Format::Png | Format::Indices => {
                let decoded = self.png.decode(data, header, region, out);
                self.png.shrink_to(KEPT_BYTES);
                decoded.map(|()| false)
            }
            Format::Ppm => ppm::decode(data, region, out).map(|()| false),
        }
    }
}

/// Decodes a rectangle with what is known of the file, or gets to know it; returns whether it was known.
fn decode_once_known(
    jpeg: &mut penstock_jpeg::Decoder,
    data: &[u8],
    region: Region,
    target: Target<'_>,
) -> Result<bool, penstock_jpeg::Irregular> {
    let seen = seen();
    if !seen.is_in_use() {
        return jpeg.decode_region(data, region, Check::Whole, target).map(|()| false);
    }
    let key = Key::of(data);
    if let Some(index) = seen.get(key) {
        return jpeg.decode_region_with(data, &index, region, target).map(|()| true);
    }
    let index = jpeg.decode_region_and_index(data, region, target)?;
    seen.put(key, index);
    Ok(false)
}
