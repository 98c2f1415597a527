//! Marker segments: what stands between the scans.
//!
//! [`Parser`] walks from marker to marker and accepts only what libjpeg takes without a word and Pillow's own
//! header parser, which runs before libjpeg, takes without an exception or a warning. It copies nothing but quantisation
//! tables; Huffman tables are kept as offsets into the data.

use std::ops::Range;

use crate::error::{Irregular, Reason, give_up};
use crate::exif;

/// Most components that are decoded.
pub(crate) const MAX_COMPONENTS: usize = 3;
/// Most blocks in an interleaved MCU, by the standard.
pub(crate) const MAX_MCU_BLOCKS: usize = 10;
/// libjpeg's greatest width and height.
const MAX_DIMENSION: usize = 65_500;

/// Row-major position of the coefficients in the order of the file.
pub(crate) const ZIGZAG: [u8; 64] = [
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7,
    14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39,
    46, 53, 60, 61, 54, 47, 55, 62, 63,
];

/// A component as the frame header declares it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Component {
    pub(crate) id: u8,
    /// Horizontal and vertical sampling factors, 1 to 4.
    pub(crate) h: usize,
    pub(crate) v: usize,
    pub(crate) quant_slot: usize,
}

/// The frame header.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) progressive: bool,
    components: [Component; MAX_COMPONENTS],
    count: usize,
}

impl Frame {
    pub(crate) fn components(&self) -> &[Component] {
        self.components.get(..self.count).unwrap_or(&[])
    }
}

/// How the components become colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transform {
    Gray,
    YCbCr,
    Rgb,
}

/// A quantisation table in row-major order.
pub(crate) type QuantTable = [u16; 64];

/// A Huffman table as the file gives it: codes per length, and where its symbols begin.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HuffmanSpec {
    pub(crate) counts: [u8; 16],
    pub(crate) symbols_at: usize,
}

/// The tables that hold at the current place.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tables {
    pub(crate) quant: [Option<QuantTable>; 4],
    pub(crate) dc: [Option<HuffmanSpec>; 4],
    pub(crate) ac: [Option<HuffmanSpec>; 4],
    /// MCUs between restart markers; 0 for none.
    pub(crate) restart_interval: usize,
}

/// A component's part in a scan.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ScanComponent {
    /// Position in the frame.
    pub(crate) index: usize,
    pub(crate) dc_slot: usize,
    pub(crate) ac_slot: usize,
}

/// A scan header.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scan {
    components: [ScanComponent; MAX_COMPONENTS],
    count: usize,
    /// First and last coefficient of the band.
    pub(crate) first: usize,
    pub(crate) last: usize,
    /// Bit positions of successive approximation: of the scan before, and of this one.
    pub(crate) high: u8,
    pub(crate) low: u8,
    /// Where the entropy-coded data begin.
    pub(crate) data_at: usize,
}

impl Scan {
    pub(crate) fn components(&self) -> &[ScanComponent] {
        self.components.get(..self.count).unwrap_or(&[])
    }
}

/// What the parser stopped at.
#[derive(Debug)]
pub(crate) enum Stop {
    /// A scan; its data follow.
    Scan(Scan),
    /// The end of the image.
    End,
}

/// Walks the markers of a file.
#[derive(Debug)]
pub(crate) struct Parser<'a> {
    data: &'a [u8],
    pos: usize,
    pub(crate) tables: Tables,
    pub(crate) frame: Option<Frame>,
    jfif: bool,
    /// Whether a JFIF segment gives a resolution, so that Pillow does not look for one.
    resolution: bool,
    /// Whether the Exif segment, if there is one, is read without a warning.
    exif: Option<bool>,
    adobe_transform: Option<u8>,
    /// Where APP1 segments are, from their markers on.
    pub(crate) metadata: Vec<Range<usize>>,
}

impl<'a> Parser<'a> {
    /// Begins behind the SOI marker.
    pub(crate) fn new(data: &'a [u8]) -> Result<Self, Irregular> {
        if !data.starts_with(&[0xFF, 0xD8, 0xFF]) {
            give_up!(NotJpeg);
        }
        let tables = Tables::default();
        let (jfif, resolution, exif, adobe_transform) = (false, false, None, None);
        let metadata = Vec::new();
        Ok(Parser { data, pos: 2, tables, frame: None, jfif, resolution, exif, adobe_transform, metadata })
    }

    /// Goes on behind a scan's data.
    pub(crate) fn seek(&mut self, pos: usize) {
        self.pos = pos;
    }

    /// Walks to the next scan, or to the end.
    pub(crate) fn next(&mut self) -> Result<Stop, Irregular> {
        loop {
            match self.marker()? {
                0xC0 | 0xC1 => self.frame_header(false)?,
                0xC2 => self.frame_header(true)?,
                0xC3 | 0xC5..=0xC7 | 0xC9..=0xCF => give_up!(Process),
                0xC4 => self.huffman_tables()?,
                0xD9 => return Ok(Stop::End),
                0xDA => return Ok(Stop::Scan(self.scan_header()?)),
                0xDB => self.quant_tables()?,
                0xDD => self.restart_interval()?,
                marker @ (0xE0..=0xEF | 0xFE) => {
                    let segment = self.segment()?;
                    self.application(marker, segment)?;
                }
                _ => give_up!(Marker),
            }
        }
    }

    /// Fails if Pillow would warn of the metadata before the first scan.
    pub(crate) fn check_metadata(&self) -> Result<(), Irregular> {
        if self.resolution || self.exif != Some(false) { Ok(()) } else { give_up!(Segment) }
    }

    /// How libjpeg would read the colours, given what precedes the first scan.
    pub(crate) fn transform(&self) -> Result<Transform, Irregular> {
        let Some(frame) = &self.frame else { give_up!(Marker) };
        let [a, b, c] = frame.components;
        if frame.count == 1 {
            return Ok(Transform::Gray);
        }
        Ok(match (self.jfif, self.adobe_transform) {
            (true, _) | (false, Some(1)) => Transform::YCbCr,
            (false, Some(0)) => Transform::Rgb,
            (false, Some(_)) => give_up!(Color),
            (false, None) if [a.id, b.id, c.id] == *b"RGB" => Transform::Rgb,
            (false, None) => Transform::YCbCr,
        })
    }

    /// The next marker's code. Fill bytes are legal, anything else between segments is not.
    fn marker(&mut self) -> Result<u8, Irregular> {
        let rest = self.data.get(self.pos..).unwrap_or(&[]);
        let Some(fill) = rest.iter().position(|&byte| byte != 0xFF) else { give_up!(Truncated) };
        match rest.get(fill) {
            Some(&code) if fill > 0 && code != 0 => {
                self.pos += fill + 1;
                Ok(code)
            }
            _ => Err(Reason::Marker.into()),
        }
    }

    /// The content of the segment at hand, behind its length.
    fn segment(&mut self) -> Result<&'a [u8], Irregular> {
        let Some(&[high, low]) = self.data.get(self.pos..self.pos + 2) else { give_up!(Truncated) };
        let length = usize::from(u16::from_be_bytes([high, low]));
        if length < 2 {
            give_up!(Segment);
        }
        let Some(segment) = self.data.get(self.pos + 2..self.pos + length) else { give_up!(Truncated) };
        self.pos += length;
        Ok(segment)
    }

    fn frame_header(&mut self, progressive: bool) -> Result<(), Irregular> {
        let segment = self.segment()?;
        let Some((&[precision, h1, h0, w1, w0, count], rest)) = segment.split_first_chunk() else {
            give_up!(Segment)
        };
        if self.frame.is_some() {
            give_up!(Marker);
        }
        let count = usize::from(count);
        if precision != 8 {
            give_up!(Precision);
        }
        if count != 1 && count != MAX_COMPONENTS {
            give_up!(Components);
        }
        let (specs, surplus) = rest.as_chunks::<3>();
        if specs.len() != count || !surplus.is_empty() {
            give_up!(Segment);
        }
        let width = usize::from(u16::from_be_bytes([w1, w0]));
        let height = usize::from(u16::from_be_bytes([h1, h0]));
        if width == 0 || height == 0 || width > MAX_DIMENSION || height > MAX_DIMENSION {
            give_up!(Segment);
        }
        let mut components = [Component::default(); MAX_COMPONENTS];
        for (component, &[id, sampling, slot]) in components.iter_mut().zip(specs) {
            let (h, v) = (usize::from(sampling >> 4), usize::from(sampling & 15));
            if !(1..=4).contains(&h) || !(1..=4).contains(&v) {
                give_up!(Sampling);
            }
            *component = Component { id, h, v, quant_slot: usize::from(slot) };
        }
        let [a, b, c] = components;
        if count == MAX_COMPONENTS && (a.id == b.id || b.id == c.id || a.id == c.id) {
            give_up!(Components);
        }
        self.frame = Some(Frame { width, height, progressive, components, count });
        Ok(())
    }

    fn quant_tables(&mut self) -> Result<(), Irregular> {
        let mut rest = self.segment()?;
        while let Some((&head, values)) = rest.split_first() {
            let size = match head >> 4 {
                0 => 64,
                1 => 128,
                _ => give_up!(Table),
            };
            let Some((values, behind)) = values.split_at_checked(size) else { give_up!(Segment) };
            let mut table = [0; 64];
            for (i, &place) in ZIGZAG.iter().enumerate() {
                let value = match values {
                    values if size == 64 => values.get(i).map(|&value| u16::from(value)),
                    values => values.as_chunks().0.get(i).map(|&pair| u16::from_be_bytes(pair)),
                };
                // An encoder never divides by zero.
                let Some(value @ 1..) = value else { give_up!(Table) };
                table[usize::from(place & 63)] = value;
            }
            let Some(slot) = self.tables.quant.get_mut(usize::from(head & 15)) else { give_up!(Table) };
            *slot = Some(table);
            rest = behind;
        }
        Ok(())
    }

    fn huffman_tables(&mut self) -> Result<(), Irregular> {
        let mut rest = self.segment()?;
        let end = self.pos;
        while !rest.is_empty() {
            let Some((&[head], behind)) = rest.split_first_chunk() else { give_up!(Segment) };
            let Some((&counts, symbols)) = behind.split_first_chunk::<16>() else { give_up!(Segment) };
            let total = counts.iter().map(|&count| usize::from(count)).sum();
            let Some(behind) = symbols.get(total..).filter(|_| total <= 256) else { give_up!(Table) };
            let spec = HuffmanSpec { counts, symbols_at: end - symbols.len() };
            let slots = match head >> 4 {
                0 => &mut self.tables.dc,
                1 => &mut self.tables.ac,
                _ => give_up!(Table),
            };
            let Some(slot) = slots.get_mut(usize::from(head & 15)) else { give_up!(Table) };
            *slot = Some(spec);
            rest = behind;
        }
        Ok(())
    }

    fn restart_interval(&mut self) -> Result<(), Irregular> {
        let &[high, low] = self.segment()? else { give_up!(Segment) };
        self.tables.restart_interval = usize::from(u16::from_be_bytes([high, low]));
        Ok(())
    }

    fn scan_header(&mut self) -> Result<Scan, Irregular> {
        let segment = self.segment()?;
        let Some(frame) = &self.frame else { give_up!(Marker) };
        let Some((&count, rest)) = segment.split_first() else { give_up!(Segment) };
        let count = usize::from(count);
        if count == 0 || count > frame.count || rest.len() != 2 * count + 3 {
            give_up!(Scan);
        }
        let (specs, parameters) = rest.split_at(2 * count);
        let &[first, last, approximation] = parameters else { give_up!(Segment) };
        let mut components = [ScanComponent::default(); MAX_COMPONENTS];
        let mut from = 0;
        for (component, &[id, slots]) in components.iter_mut().zip(specs.as_chunks::<2>().0) {
            // The standard wants the frame's order.
            let found = frame.components().iter().skip(from).position(|component| component.id == id);
            let Some(index) = found.map(|at| from + at) else { give_up!(Scan) };
            from = index + 1;
            let (dc_slot, ac_slot) = (usize::from(slots >> 4), usize::from(slots & 15));
            *component = ScanComponent { index, dc_slot, ac_slot };
        }
        let (first, last) = (usize::from(first), usize::from(last));
        let (high, low) = (approximation >> 4, approximation & 15);
        Ok(Scan { components, count, first, last, high, low, data_at: self.pos })
    }

    /// Looks at what libjpeg or Pillow look at in an application segment.
    fn application(&mut self, marker: u8, segment: &[u8]) -> Result<(), Irregular> {
        if marker == 0xE1 {
            self.metadata.push(self.pos - segment.len() - 4..self.pos);
        }
        match marker {
            0xE0 if segment.starts_with(b"JFIF") => {
                // Pillow wants a version, libjpeg warns of major versions other than 1.
                let Some(&[zero, major]) = segment.get(4..6).filter(|_| segment.len() >= 14) else {
                    give_up!(Segment)
                };
                if zero != 0 || major != 1 {
                    give_up!(Segment);
                }
                self.jfif = true;
                self.resolution |= matches!(segment.get(7), Some(1 | 2));
            }
            0xE1 if segment.starts_with(b"Exif\0\0") => {
                let silent = segment.get(6..).is_some_and(exif::is_silent);
                // Several are read as one: that is left to Pillow.
                self.exif = Some(silent && self.exif.is_none());
            }
            0xE2 if segment.starts_with(b"MPF\0") => give_up!(MultiImage),
            0xE2 if segment.starts_with(b"ICC_PROFILE\0") && segment.len() < 14 => give_up!(Segment),
            0xED if segment.starts_with(b"Photoshop 3.0\0") => check_photoshop(segment)?,
            0xEE if segment.starts_with(b"Adobe") => {
                let Some(&transform) = segment.get(11) else { give_up!(Segment) };
                self.adobe_transform = Some(transform);
            }
            _ => {}
        }
        Ok(())
    }
}

/// Pillow raises if an image resource ends within its name; other shortages it forgives.
fn check_photoshop(segment: &[u8]) -> Result<(), Irregular> {
    let mut at = 14_usize;
    while segment.get(at..at.saturating_add(4)).is_some_and(|signature| signature == b"8BIM") {
        at += 6;
        if segment.len() < at {
            break;
        }
        let Some(&name_length) = segment.get(at) else { give_up!(Segment) };
        at += 1 + usize::from(name_length);
        at += at & 1;
        let Some(&size) = segment.get(at..).and_then(<[u8]>::first_chunk) else { break };
        at = at.saturating_add(4).saturating_add(u32::from_be_bytes(size) as usize);
        at = at.saturating_add(at & 1);
    }
    Ok(())
}
