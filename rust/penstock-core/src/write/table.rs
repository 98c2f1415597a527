//! What each byte becomes in the output.
//!
//! [`Table`] holds, per channel, the output element of each of the 256 bytes and of each constant pad, as
//! torch itself computed them when the plan was made; the bits are opaque here. Where a hint says how torch
//! computed a float32 table, vector arithmetic may take its place, but only after it has given the table's
//! bits for all 256 bytes of every channel.

use penstock_jpeg::simd::Level;

use crate::level;

/// The most channels that an image may have.
pub(crate) const MAX_CHANNELS: usize = 4;

/// How torch computed a channel of a float32 table: `x = u / 255` or `x = u * f32(1 / 255)`, and then perhaps
/// `(x - mean) / std`, all in float32.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Affine {
    /// True for the division by 255, false for the product with its reciprocal.
    pub divide: bool,
    /// Mean and standard deviation of the normalisation, if there is one.
    pub normalize: Option<(f32, f32)>,
}

/// Why a table could not be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TableError {
    /// Elements are of 1, 2, 4 or 8 bytes.
    #[error("elements of {0} bytes are not supported")]
    ElementBytes(usize),
    /// Images have 1 to 4 channels.
    #[error("images of {0} channels are not supported")]
    Channels(usize),
    /// Not `channels * (256 + fills)` elements.
    #[error("{0} bytes are no whole table")]
    Length(usize),
}

/// The quotient by a float32 divisor as a product with its reciprocal in two parts: `fma(x, high, x * low)`.
/// The second part is about 2^-24 of the first, so this rounds the exact quotient but for a relative error of
/// some 2^-48: correctly for nearly all arguments, and the table's check sees to the rest.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reciprocal {
    pub(crate) high: f32,
    pub(crate) low: f32,
}

impl Reciprocal {
    const ONE: Reciprocal = Reciprocal { high: 1.0, low: 0.0 };

    fn of(divisor: f32) -> Self {
        let exact = 1.0 / f64::from(divisor);
        let high = exact as f32;
        Reciprocal { high, low: (exact - f64::from(high)) as f32 }
    }

    fn product(self, x: f32) -> f32 {
        x.mul_add(self.high, x * self.low)
    }
}

/// The arithmetic of one channel: scale, subtract, scale. Steps that torch does not make are 1 and 0.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Coefficients {
    pub(crate) scale: Reciprocal,
    pub(crate) mean: f32,
    pub(crate) std: Reciprocal,
    /// A shorter way to the same bits, if there is one.
    pub(crate) repeated: Option<Repeated>,
}

/// The arithmetic of one channel that divides by 255, from a word that repeats the byte four times.
///
/// `u / 255` is the binary fraction whose bytes are all `u`. Its 24 leading bits end with zeros in front of the
/// next `u`, so rounding to nearest rounds up, as does rounding the word `0xuuuuuuuu`, its first 32 bits, towards
/// infinity: one conversion gives 2^32 times the quotient. All that follows is scaled by powers of two, which
/// changes no rounding.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Repeated {
    pub(crate) mean: f32,
    pub(crate) std: Reciprocal,
}

impl Repeated {
    const SCALE: f32 = 4_294_967_296.0;

    fn new(mean: f32, std: Reciprocal) -> Self {
        let std = Reciprocal { high: std.high / Self::SCALE, low: std.low / Self::SCALE };
        Repeated { mean: mean * Self::SCALE, std }
    }

    /// What the vector kernel computes, one value at a time.
    fn apply(&self, byte: u8) -> f32 {
        let word = u32::from_ne_bytes([byte; 4]);
        let nearest = word as f32;
        let up = if f64::from(nearest) < f64::from(word) { nearest.next_up() } else { nearest };
        self.std.product(up - self.mean)
    }
}

impl Coefficients {
    fn new(affine: Affine) -> Self {
        let scale = if affine.divide {
            Reciprocal::of(255.0)
        } else {
            Reciprocal { low: 0.0, ..Reciprocal::of(255.0) }
        };
        match affine.normalize {
            Some((mean, std)) => Coefficients { scale, mean, std: Reciprocal::of(std), repeated: None },
            None => Coefficients { scale, mean: 0.0, std: Reciprocal::ONE, repeated: None },
        }
    }

    /// What the vector kernels compute, one value at a time. Each step rounds as IEEE 754 says, so the result
    /// is the same at every level.
    fn apply(&self, byte: u8) -> f32 {
        self.std.product(self.scale.product(f32::from(byte)) - self.mean)
    }
}

/// How bytes become elements.
#[derive(Clone, Debug)]
pub(crate) enum Kernel {
    /// They are the elements.
    Copy,
    /// Per channel, arithmetic in vectors, which gives the table's bits.
    Arithmetic(Vec<Coefficients>),
    /// The table, looked up.
    Lookup,
}

/// Per channel, the output element of each byte and of each constant pad. See the module's text.
#[derive(Clone, Debug)]
pub struct Table {
    element_bytes: usize,
    channels: usize,
    fills: usize,
    /// (channels, 256 + fills) elements.
    entries: Vec<u8>,
    kernel: Kernel,
    /// (channels, bytes of an element, 256): the table's bytes sorted by their place in the element, as the
    /// byte shuffles want them.
    byte_planes: Vec<[u8; 256]>,
    /// (channels, fills): a byte that stands for the fill, if there is one.
    codes: Vec<Option<u8>>,
}

impl Table {
    /// A table of `channels` times `256 + fills` elements of `element_bytes` bytes (1, 2, 4 or 8). `hint`
    /// says how the 256 float32 elements of each channel were computed; it is only ever a matter of speed.
    ///
    /// # Errors
    /// If an element size or number of channels is not supported, or `entries` has no such length.
    pub fn new(
        element_bytes: usize,
        channels: usize,
        entries: &[u8],
        hint: Option<&[Affine]>,
    ) -> Result<Table, TableError> {
        if !matches!(element_bytes, 1 | 2 | 4 | 8) {
            return Err(TableError::ElementBytes(element_bytes));
        }
        if channels == 0 || channels > MAX_CHANNELS {
            return Err(TableError::Channels(channels));
        }
        let per_channel = entries.len() / (element_bytes * channels);
        let fills = per_channel.checked_sub(256).ok_or(TableError::Length(entries.len()))?;
        if per_channel * element_bytes * channels != entries.len() || fills > usize::from(u16::MAX) {
            return Err(TableError::Length(entries.len()));
        }
        let mut table = Table {
            element_bytes,
            channels,
            fills,
            entries: entries.to_vec(),
            kernel: Kernel::Lookup,
            byte_planes: Vec::new(),
            codes: Vec::new(),
        };
        table.byte_planes = (0..channels * element_bytes)
            .map(|i| {
                let mut plane = [0; 256];
                for (byte, entry) in plane.iter_mut().zip(table.elements(i / element_bytes)) {
                    *byte = entry.get(i % element_bytes).copied().unwrap_or(0);
                }
                plane
            })
            .collect();
        table.codes = (0..channels * fills).map(|i| table.find_code(i / fills, i % fills)).collect();
        table.kernel = table.choose_kernel(hint);
        Ok(table)
    }

    /// No table, but memory for one.
    pub(crate) fn empty() -> Table {
        Table {
            element_bytes: 1,
            channels: 0,
            fills: 0,
            entries: Vec::new(),
            kernel: Kernel::Lookup,
            byte_planes: Vec::new(),
            codes: Vec::new(),
        }
    }

    /// A table for values that go through `bytes` first: those of each channel, and those of the first constant pads,
    /// which were bytes then. False, and nothing of use, if one of these is not among the table's.
    pub(crate) fn compose(
        &self,
        bytes: &[[u8; 256]; MAX_CHANNELS],
        pads: &[[u8; MAX_CHANNELS]],
        out: &mut Table,
    ) -> bool {
        if pads.len() > self.fills {
            return false;
        }
        (out.element_bytes, out.channels, out.fills) = (self.element_bytes, self.channels, self.fills);
        out.kernel = Kernel::Lookup;
        out.byte_planes.clear();
        let planes = self.byte_planes.chunks_exact(self.element_bytes);
        for (bytes, planes) in bytes.iter().zip(planes) {
            out.byte_planes.extend(planes.iter().map(|plane| bytes.map(|byte| plane[usize::from(byte)])));
        }
        match self.element_bytes {
            1 => self.compose_elements::<1>(bytes, pads, out),
            2 => self.compose_elements::<2>(bytes, pads, out),
            4 => self.compose_elements::<4>(bytes, pads, out),
            _ => self.compose_elements::<8>(bytes, pads, out),
        }
        true
    }

    /// The part of [`Table::compose`] that is of whole elements.
    fn compose_elements<const N: usize>(
        &self,
        bytes: &[[u8; 256]; MAX_CHANNELS],
        pads: &[[u8; MAX_CHANNELS]],
        out: &mut Table,
    ) {
        out.entries.resize(self.entries.len(), 0);
        out.codes.clear();
        let composed = out.entries.as_chunks_mut::<N>().0.chunks_exact_mut(256 + self.fills);
        for (channel, (composed, bytes)) in composed.zip(bytes).enumerate() {
            let entries = self.channel(channel).as_chunks::<N>().0;
            let (Some((of_bytes, of_fills)), Some((places, fills))) =
                (entries.split_first_chunk::<256>(), composed.split_first_chunk_mut::<256>())
            else {
                return;
            };
            for (place, byte) in places.iter_mut().zip(bytes) {
                *place = of_bytes[usize::from(*byte)];
            }
            let padded = pads.iter().map(|pad| of_bytes[usize::from(pad[channel])]);
            let padded = padded.chain(of_fills.iter().copied().skip(pads.len()));
            for (fill, element) in fills.iter_mut().zip(padded) {
                *fill = element;
                out.codes.push(places.iter().position(|place| *place == element).map(|code| code as u8));
            }
        }
    }

    /// Bytes of one output element.
    #[must_use]
    pub fn element_bytes(&self) -> usize {
        self.element_bytes
    }

    /// Number of channels, of images and of samples.
    #[must_use]
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// Number of constant pads that the table has values for.
    #[must_use]
    pub fn fills(&self) -> usize {
        self.fills
    }

    /// How bytes become elements: `copy`, `arithmetic` or `lookup`. For people to read.
    #[must_use]
    pub fn kernel_name(&self) -> &'static str {
        match self.kernel {
            Kernel::Copy => "copy",
            // Without vectors the table is as fast, and is used.
            Kernel::Arithmetic(_) if level::in_use() != Level::SCALAR => "arithmetic",
            Kernel::Arithmetic(_) | Kernel::Lookup => "lookup",
        }
    }

    /// Whether bytes are the elements.
    pub(crate) fn is_copy(&self) -> bool {
        matches!(self.kernel, Kernel::Copy)
    }

    /// Whether all channels have the same elements.
    pub(crate) fn is_uniform(&self) -> bool {
        let mut channels = self.entries.chunks_exact(self.entries.len() / self.channels);
        let first = channels.next();
        channels.all(|channel| Some(channel) == first)
    }

    pub(crate) fn kernel(&self) -> &Kernel {
        &self.kernel
    }

    /// The table of one channel as elements of `N` bytes; `None` if there is no such channel.
    pub(crate) fn lookup<const N: usize>(&self, channel: usize) -> Option<&[[u8; N]; 256]> {
        let (elements, _) = self.channel(channel).as_chunks::<N>();
        elements.first_chunk()
    }

    /// The arithmetic that gives one channel of the table, if there is any.
    pub(crate) fn coefficients(&self, channel: usize) -> Option<&Coefficients> {
        match &self.kernel {
            Kernel::Arithmetic(coefficients) => coefficients.get(channel),
            Kernel::Copy | Kernel::Lookup => None,
        }
    }

    /// The byte planes of one channel; `None` if elements are not of `N` bytes.
    pub(crate) fn byte_planes<const N: usize>(&self, channel: usize) -> Option<&[[u8; 256]; N]> {
        let planes = self.byte_planes.chunks_exact(self.element_bytes).nth(channel)?;
        planes.try_into().ok()
    }

    /// The byte that stands for a fill while a sample is gathered; any byte if it is patched later.
    pub(crate) fn code(&self, channel: usize, fill: u16) -> u8 {
        self.codes.get(channel * self.fills + usize::from(fill)).copied().flatten().unwrap_or(0)
    }

    /// Whether any fill has to be written afterwards.
    pub(crate) fn has_patches(&self) -> bool {
        self.codes.contains(&None)
    }

    /// The element of a fill, if it has to be written afterwards.
    pub(crate) fn patch(&self, channel: usize, fill: u16) -> Option<&[u8]> {
        let code = self.codes.get(channel * self.fills + usize::from(fill))?;
        if code.is_some() { None } else { self.entry(channel, 256 + usize::from(fill)) }
    }

    /// The elements of a fill, one for each channel; `None` if there is no such fill.
    pub(crate) fn constant(&self, fill: u16) -> Option<Vec<u8>> {
        let of = |channel| self.entry(channel, 256 + usize::from(fill));
        let elements: Option<Vec<&[u8]>> = (0..self.channels).map(of).collect();
        Some(elements?.concat())
    }

    /// One element: of a byte, or of fill `entry - 256`.
    pub(crate) fn entry(&self, channel: usize, entry: usize) -> Option<&[u8]> {
        self.elements(channel).nth(entry)
    }

    /// All elements of a channel, as bytes.
    fn channel(&self, channel: usize) -> &[u8] {
        let bytes = (256 + self.fills) * self.element_bytes;
        self.entries.chunks_exact(bytes).nth(channel).unwrap_or(&[])
    }

    fn elements(&self, channel: usize) -> impl Iterator<Item = &[u8]> {
        self.channel(channel).chunks_exact(self.element_bytes)
    }

    fn find_code(&self, channel: usize, fill: usize) -> Option<u8> {
        let value = self.entry(channel, 256 + fill)?;
        self.elements(channel).take(256).position(|entry| entry == value).map(|code| code as u8)
    }

    fn choose_kernel(&self, hint: Option<&[Affine]>) -> Kernel {
        let holds = |expected: &dyn Fn(usize, u8) -> Vec<u8>| {
            (0..self.channels).all(|channel| {
                (0..=255u8).zip(self.elements(channel)).all(|(byte, entry)| entry == expected(channel, byte))
            })
        };
        if self.element_bytes == 1 && holds(&|_, byte| vec![byte]) {
            return Kernel::Copy;
        }
        if let Some(hint) = hint.filter(|hint| hint.len() == self.channels && self.element_bytes == 4) {
            let mut coefficients: Vec<_> = hint.iter().map(|&affine| Coefficients::new(affine)).collect();
            let computed = |channel: usize, byte| {
                coefficients.get(channel).map_or(Vec::new(), |c| c.apply(byte).to_ne_bytes().to_vec())
            };
            if holds(&computed) {
                let repeated = |c: &Coefficients| Repeated::new(c.mean, c.std);
                if hint.iter().all(|affine| affine.divide)
                    && holds(&|channel, byte| {
                        let value = coefficients.get(channel).map_or(0.0, |c| repeated(c).apply(byte));
                        value.to_ne_bytes().to_vec()
                    })
                {
                    for c in &mut coefficients {
                        c.repeated = Some(repeated(c));
                    }
                }
                return Kernel::Arithmetic(coefficients);
            }
        }
        Kernel::Lookup
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The float32 table that torch computes, by its own steps, and `fills` more entries from `fill`.
    pub(crate) fn float_table(hint: &[Affine], fills: &[f32]) -> Vec<u8> {
        let mut entries = Vec::new();
        for affine in hint {
            for byte in 0..=255u8 {
                let x = f32::from(byte);
                let x = if affine.divide { x / 255.0 } else { x * (1.0f32 / 255.0) };
                let x = affine.normalize.map_or(x, |(mean, std)| (x - mean) / std);
                entries.extend(x.to_ne_bytes());
            }
            entries.extend(fills.iter().flat_map(|f| f.to_ne_bytes()));
        }
        entries
    }

    #[test]
    fn the_usual_normalisations_are_arithmetic() {
        let constants = [
            (0.4914, 0.2470),
            (0.4822, 0.2435),
            (0.4465, 0.2616),
            (0.4465, 0.2010),
            (0.485, 0.229),
            (0.456, 0.224),
            (0.406, 0.225),
            (0.5, 0.5),
            (0.1307, 0.3081),
            (0.2860, 0.3530),
            (0.0, 1.0),
        ];
        for divide in [true, false] {
            for normalize in constants.iter().map(|&c| Some(c)).chain([None]) {
                let hint = [Affine { divide, normalize }];
                let table = Table::new(4, 1, &float_table(&hint, &[]), Some(&hint)).unwrap();
                let coefficients = table.coefficients(0).unwrap();
                assert_eq!(coefficients.repeated.is_some(), divide, "{hint:?}");
            }
        }
    }

    #[test]
    fn a_wrong_hint_is_seen() {
        let hint = [Affine { divide: true, normalize: Some((0.5, 0.25)) }];
        let mut entries = float_table(&hint, &[]);
        entries[4 * 77] ^= 1;
        let table = Table::new(4, 1, &entries, Some(&hint)).unwrap();
        assert_eq!(table.kernel_name(), "lookup");
        let wild = [Affine { divide: true, normalize: Some((0.5, 0.0)) }];
        let table = Table::new(4, 1, &float_table(&wild, &[]), Some(&wild)).unwrap();
        assert_eq!(table.kernel_name(), "lookup");
    }

    #[test]
    fn fills_that_are_some_bytes_value_need_no_patch() {
        let hint = [Affine { divide: true, normalize: None }];
        let table = Table::new(4, 1, &float_table(&hint, &[1.0, 2.0]), Some(&hint)).unwrap();
        assert_eq!((table.fills(), table.code(0, 0)), (2, 255));
        assert_eq!(table.patch(0, 0), None);
        assert_eq!(table.patch(0, 1), Some(2.0f32.to_ne_bytes().as_slice()));
        assert!(table.has_patches());
    }

    #[test]
    fn tables_of_no_whole_size_are_refused() {
        assert_eq!(Table::new(3, 1, &[], None).unwrap_err(), TableError::ElementBytes(3));
        assert_eq!(Table::new(1, 5, &[], None).unwrap_err(), TableError::Channels(5));
        assert_eq!(Table::new(1, 1, &[0; 255], None).unwrap_err(), TableError::Length(255));
        assert_eq!(Table::new(2, 1, &[0; 513], None).unwrap_err(), TableError::Length(513));
        let identity: Vec<u8> = (0..=255).collect();
        assert_eq!(Table::new(1, 1, &identity, None).unwrap().kernel_name(), "copy");
    }
}
