//! The decoder: header, plan, scans, rows.

use crate::bits::ScanData;
use crate::error::{Irregular, give_up};
use crate::huffman::AcTable;
use crate::index::Index;
use crate::kernels::idct::Block;
use crate::markers::{MAX_COMPONENTS, Parser, Scan, Stop, Transform};
use crate::pass::{SequentialPass, latch_quants, sequential_jobs};
use crate::progressive::Coefficients;
use crate::region::{Geometry, Region};
use crate::render::{Renderer, Strips, Target};
use crate::scans::Scans;
use crate::sequential::{Batch, ScanTables};
use crate::simd::Level;

/// What an image may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Pixels of the whole image.
    pub pixels: u64,
    /// Bytes of memory that decoding takes, apart from the caller's.
    pub bytes: usize,
}

impl Default for Limits {
    /// Pillow's bound on pixels, and half a gigabyte.
    fn default() -> Self {
        Limits { pixels: 178_956_970, bytes: 512 << 20 }
    }
}

/// Whether an image has colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// One value for each pixel; Pillow's `L`.
    Gray,
    /// Red, green and blue.
    Rgb,
}

impl Mode {
    /// Values for each pixel.
    #[must_use]
    pub fn channels(self) -> usize {
        match self {
            Mode::Gray => 1,
            Mode::Rgb => 3,
        }
    }
}

/// What stands before the first scan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Components in the file: one or three.
    pub components: usize,
    /// What decoding gives.
    pub mode: Mode,
    /// Whether the image comes in scans of growing precision.
    pub progressive: bool,
}

impl Header {
    /// All of the image.
    #[must_use]
    pub fn whole(&self) -> Region {
        Region { left: 0, top: 0, width: self.width, height: self.height }
    }

    /// Whether a rectangle can be asked for: it lies in the image, and there is something in it.
    #[must_use]
    pub fn holds(&self, region: Region) -> bool {
        let Region { left, top, width, height } = region;
        let fits = |from: usize, size: usize, limit: usize| {
            size > 0 && from.checked_add(size).is_some_and(|end| end <= limit)
        };
        fits(left, width, self.width) && fits(top, height, self.height)
    }
}

/// How much of a file is looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Check {
    /// As far as the rectangle needs.
    Region,
    /// All of it, as libjpeg does: damage is found wherever it is.
    #[default]
    Whole,
}

/// A decoded image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Values for each pixel.
    pub mode: Mode,
    /// Rows of pixels, without gaps.
    pub pixels: Vec<u8>,
}

/// Reads the header of a file; looks at nothing behind the first scan header.
///
/// # Errors
/// [`Irregular`] if the file is not one that this crate decodes, as far as its header tells.
pub fn read_header(data: &[u8]) -> Result<Header, Irregular> {
    Opening::new(data).map(|opening| opening.header())
}

/// The APP1 segments before the first scan, one behind the other as they stand in the file: Exif and XMP metadata.
///
/// # Errors
/// As [`read_header`].
pub fn read_metadata(data: &[u8]) -> Result<Vec<u8>, Irregular> {
    let Opening { parser, .. } = Opening::new(data)?;
    Ok(parser.metadata.into_iter().filter_map(|segment| data.get(segment)).flatten().copied().collect())
}

/// A file up to its first scan.
struct Opening<'a> {
    parser: Parser<'a>,
    geometry: Geometry,
    transform: Transform,
    progressive: bool,
    scan: Scan,
}

impl<'a> Opening<'a> {
    fn new(data: &'a [u8]) -> Result<Self, Irregular> {
        let mut parser = Parser::new(data)?;
        let Stop::Scan(scan) = parser.next()? else { give_up!(Marker) };
        let Some(frame) = parser.frame else { give_up!(Marker) };
        let geometry = Geometry::new(&frame)?;
        let transform = parser.transform()?;
        parser.check_metadata()?;
        Ok(Opening { parser, geometry, transform, progressive: frame.progressive, scan })
    }

    fn header(&self) -> Header {
        let mode = if self.transform == Transform::Gray { Mode::Gray } else { Mode::Rgb };
        Header {
            width: self.geometry.width,
            height: self.geometry.height,
            components: self.geometry.planes().count(),
            mode,
            progressive: self.progressive,
        }
    }
}

/// Decodes images; keeps its memory from one to the next.
///
/// ```
/// # fn main() -> Result<(), penstock_jpeg::Irregular> {
/// use penstock_jpeg::{Check, Decoder, Region, Target, read_header};
///
/// # let file = include_bytes!("../tests/data/tiny.jpg");
/// let header = read_header(file)?;
/// let mut decoder = Decoder::new();
/// let whole = decoder.decode(file)?;
/// assert_eq!(whole.pixels.len(), header.width * header.height * header.mode.channels());
///
/// let region = Region { left: 3, top: 2, width: 5, height: 4 };
/// let mut pixels = vec![0; 5 * 4 * 3];
/// let target = Target::Interleaved { pixels: &mut pixels, stride: 5 * 3 };
/// decoder.decode_region(file, region, Check::Region, target)?;
/// assert_eq!(pixels[..15], whole.pixels[(2 * header.width + 3) * 3..][..15]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Decoder {
    level: Level,
    limits: Limits,
    tables: Box<ScanTables>,
    batch: Batch,
    data: ScanData,
    strips: Strips,
    coefficients: [Coefficients; MAX_COMPONENTS],
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new()
    }
}

impl Decoder {
    /// A decoder with the default limits, at the best level of this processor.
    #[must_use]
    pub fn new() -> Self {
        Decoder {
            level: Level::detect(),
            limits: Limits::default(),
            tables: ScanTables::new(),
            batch: Batch::new(),
            data: ScanData::default(),
            strips: Strips::default(),
            coefficients: std::array::from_fn(|_| Coefficients::default()),
        }
    }

    /// The same, with other limits.
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Self {
        Decoder { limits, ..self }
    }

    /// The same, at another level; for tests and measurements.
    #[must_use]
    pub fn with_level(self, level: Level) -> Self {
        Decoder { level, ..self }
    }

    /// Bytes of memory that are kept for the next image.
    #[must_use]
    pub fn memory(&self) -> usize {
        let blocks: usize = self.coefficients.iter().map(|kept| kept.blocks.capacity()).sum();
        let tables = size_of::<ScanTables>() + MAX_COMPONENTS * AcTable::HEAP_BYTES;
        let fixed = tables + Batch::BYTES;
        fixed + self.data.memory() + self.strips.memory() + blocks * size_of::<Block>()
    }

    /// Gives the memory back that depends on the images' size, if more than this many bytes are kept.
    pub fn shrink_to(&mut self, bytes: usize) {
        if self.memory() > bytes {
            self.shrink();
        }
    }

    /// Gives the memory back that depends on the images' size.
    pub fn shrink(&mut self) {
        self.data = ScanData::default();
        self.strips = Strips::default();
        self.coefficients = std::array::from_fn(|_| Coefficients::default());
    }

    /// Decodes a whole image.
    ///
    /// # Errors
    /// [`Irregular`] if libjpeg should decode it.
    pub fn decode(&mut self, data: &[u8]) -> Result<Image, Irregular> {
        let opening = Opening::new(data)?;
        let Header { width, height, mode, .. } = opening.header();
        self.check_pixels(&opening.geometry)?;
        let stride = width * mode.channels();
        if stride * height > self.limits.bytes {
            give_up!(Limit);
        }
        let mut pixels = vec![0; stride * height];
        let target = Target::Interleaved { pixels: &mut pixels, stride };
        let region = opening.geometry.whole();
        self.run(data, opening, Some((region, target)), Check::Whole, None, None)?;
        Ok(Image { width, height, mode, pixels })
    }

    /// Decodes a rectangle of an image into the caller's memory.
    ///
    /// # Errors
    /// [`Irregular`] if libjpeg should decode it; what `target` holds then is unspecified.
    pub fn decode_region(
        &mut self,
        data: &[u8],
        region: Region,
        check: Check,
        target: Target<'_>,
    ) -> Result<(), Irregular> {
        self.run(data, Opening::new(data)?, Some((region, target)), check, None, None)
    }

    /// Decodes a rectangle, steps through all of the file, and remembers where its MCUs begin.
    ///
    /// # Errors
    /// [`Irregular`] if libjpeg should decode it.
    pub fn decode_region_and_index(
        &mut self,
        data: &[u8],
        region: Region,
        target: Target<'_>,
    ) -> Result<Index, Irregular> {
        let mut index = Index::default();
        self.run(data, Opening::new(data)?, Some((region, target)), Check::Whole, None, Some(&mut index))?;
        Ok(index)
    }

    /// Steps through all of a file and remembers where its MCUs begin.
    ///
    /// # Errors
    /// [`Irregular`] if libjpeg should decode it.
    pub fn index(&mut self, data: &[u8]) -> Result<Index, Irregular> {
        let mut index = Index::default();
        self.run(data, Opening::new(data)?, None, Check::Whole, None, Some(&mut index))?;
        Ok(index)
    }

    /// Looks for everything at which libjpeg would stop with an error, without decoding an ordinary file's pixels:
    /// all segments, the tables, and in the entropy-coded data the markers. What is left is damage of which libjpeg
    /// warns, and goes on. Files of several scans are read as a whole.
    ///
    /// # Errors
    /// [`Irregular`] if libjpeg might fail.
    pub fn survey(&mut self, data: &[u8]) -> Result<Header, Irregular> {
        let mut opening = Opening::new(data)?;
        let header = opening.header();
        let Opening { parser, geometry, scan, .. } = &mut opening;
        if header.progressive || scan.components().len() < header.components {
            return self.index(data).map(|_| header);
        }
        self.check_pixels(geometry)?;
        sequential_jobs(&parser.tables, geometry, scan, &mut self.tables, data)?;
        latch_quants(&parser.tables, geometry)?;
        self.data.fill(data, scan.data_at, None, 0, false, self.level)?;
        self.data.expect_intervals(parser.tables.restart_interval, geometry.mcus_x * geometry.mcus_y)?;
        parser.seek(self.data.behind);
        let Stop::End = parser.next()? else { give_up!(Marker) };
        Ok(header)
    }

    /// Decodes a rectangle of a file that was indexed, taking little more than the rectangle's own data.
    ///
    /// # Errors
    /// [`Irregular`] if libjpeg should decode it, or if the index is another file's.
    pub fn decode_region_with(
        &mut self,
        data: &[u8],
        index: &Index,
        region: Region,
        target: Target<'_>,
    ) -> Result<(), Irregular> {
        if index.length != data.len() {
            give_up!(Index);
        }
        self.run(data, Opening::new(data)?, Some((region, target)), Check::Region, Some(index), None)
    }

    fn check_pixels(&self, geometry: &Geometry) -> Result<(), Irregular> {
        if geometry.width as u64 * geometry.height as u64 > self.limits.pixels {
            give_up!(Limit);
        }
        Ok(())
    }

    /// All ways to decode. Without a rectangle, the data are only stepped through.
    fn run(
        &mut self,
        file: &[u8],
        opening: Opening<'_>,
        wanted: Option<(Region, Target<'_>)>,
        check: Check,
        known: Option<&Index>,
        index: Option<&mut Index>,
    ) -> Result<(), Irregular> {
        let Opening { mut parser, geometry, transform, progressive, scan } = opening;
        self.check_pixels(&geometry)?;
        let (window, transform) = match &wanted {
            Some((region, target)) => {
                let (window, transform) = (geometry.window(*region)?, target.transform(transform)?);
                let of_first = transform == Transform::Gray;
                (Some(if of_first { window.of_first_component() } else { window }), transform)
            }
            None => (None, transform),
        };
        let interleaved = scan.components().len() == geometry.planes().count();
        let mut needed = file.len();
        if let Some(window) = &window {
            needed = needed.saturating_add(Strips::needed(&geometry, window));
        }
        if progressive || !interleaved {
            let blocks: usize = geometry.planes().map(|plane| Coefficients::needed(&geometry, plane)).sum();
            needed = needed.saturating_add(blocks.saturating_mul(size_of::<Block>()));
        }
        if needed > self.limits.bytes {
            give_up!(Limit);
        }
        if progressive || !interleaved {
            let Decoder { level, tables, batch, data, strips, coefficients, .. } = self;
            let (geometry, level) = (&geometry, *level);
            let mut scans = Scans { geometry, progressive, level, tables, batch, data, coefficients };
            let quants = scans.read(file, &mut parser, scan)?;
            if let (Some(window), Some((_, target))) = (&window, wanted) {
                scans.render(window, strips, transform, &quants, target)?;
            }
            if let Some(index) = index {
                *index = Index { length: file.len(), entries: Vec::new() };
            }
            return Ok(());
        }
        let Decoder { level, tables, batch, data, strips, .. } = self;
        let mut renderer = match (&window, wanted) {
            (Some(window), Some((_, target))) => {
                Some(Renderer::new(&geometry, window, strips, transform, *level, target)?)
            }
            _ => None,
        };
        let job_list = sequential_jobs(&parser.tables, &geometry, &scan, tables, file)?;
        let quants = latch_quants(&parser.tables, &geometry)?;
        // A batch that was left in the middle of an irregular file is not zero.
        batch.blocks.fill([0; 64]);
        let mut pass = SequentialPass {
            level: *level,
            geometry: &geometry,
            window: window.as_ref(),
            tables,
            jobs: job_list,
            quants: &quants,
            batch,
            interval: parser.tables.restart_interval,
        };
        let all = check == Check::Whole;
        if let (Some(known), Some(renderer)) = (known, renderer.as_mut()) {
            return pass.run_indexed(file, data, renderer, known);
        }
        pass.run(file, data, scan.data_at, renderer.as_mut(), all, index)?;
        if all {
            parser.seek(data.behind);
            let Stop::End = parser.next()? else { give_up!(Marker) };
        }
        Ok(())
    }
}
