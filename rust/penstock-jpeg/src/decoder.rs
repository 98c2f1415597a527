//! The decoder: header, plan, scans, rows.

use crate::bits::{Reader, ScanData};
use crate::error::{Irregular, Reason, give_up};
use crate::idct::Quant;
use crate::index::{Entry, Index};
use crate::level::Level;
use crate::markers::{MAX_COMPONENTS, MAX_MCU_BLOCKS, Parser, Scan, Stop, Tables, Transform};
use crate::progressive::{BandDecoder, Coefficients, Progress};
use crate::region::{Geometry, Plane, Region, Window};
use crate::render::{Renderer, Strips, Target};
use crate::sequential::{BATCH, BATCH_BLOCKS, Batch, Job, Predictors, ScanTables};
use crate::simd;

/// What a picture may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Pixels of the whole picture.
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

/// Whether a picture has colours.
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
    /// Whether the picture comes in scans of growing precision.
    pub progressive: bool,
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

/// A decoded picture.
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

/// Decodes pictures; keeps its memory from one to the next.
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
    batch: Box<Batch>,
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
            batch: Box::new(Batch { blocks: [[0; 64]; BATCH_BLOCKS], extents: [0; BATCH_BLOCKS] }),
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

    /// Bytes of memory that are kept for the next picture.
    #[must_use]
    pub fn memory(&self) -> usize {
        let blocks: usize = self.coefficients.iter().map(|kept| kept.blocks.capacity()).sum();
        let fixed = size_of::<ScanTables>() + size_of::<Batch>();
        fixed + self.data.memory() + self.strips.memory() + blocks * size_of::<crate::idct::Block>()
    }

    /// Gives the memory back that depends on the pictures' size.
    pub fn shrink(&mut self) {
        self.data = ScanData::default();
        self.strips = Strips::default();
        self.coefficients = std::array::from_fn(|_| Coefficients::default());
    }

    /// Decodes a whole picture.
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

    /// Decodes a rectangle of a picture into the caller's memory.
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

    /// Decodes a rectangle, steps through all of the file, and remembers where its rows begin.
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

    /// Steps through all of a file and remembers where its rows begin.
    ///
    /// # Errors
    /// [`Irregular`] if libjpeg should decode it.
    pub fn index(&mut self, data: &[u8]) -> Result<Index, Irregular> {
        let mut index = Index::default();
        self.run(data, Opening::new(data)?, None, Check::Whole, None, Some(&mut index))?;
        Ok(index)
    }

    /// Decodes a rectangle of a file that was indexed, beginning at its first row.
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
        let window = match &wanted {
            Some((region, _)) => Some(geometry.window(*region)?),
            None => None,
        };
        let interleaved = scan.components().len() == geometry.planes().count();
        let mut needed = file.len();
        if let Some(window) = &window {
            needed = needed.saturating_add(Strips::needed(&geometry, window));
        }
        if progressive || !interleaved {
            let blocks: usize = geometry.planes().map(|plane| Coefficients::needed(&geometry, plane)).sum();
            needed = needed.saturating_add(blocks.saturating_mul(size_of::<crate::idct::Block>()));
        }
        if needed > self.limits.bytes {
            give_up!(Limit);
        }
        if progressive || !interleaved {
            let quants = self.read_scans(file, &mut parser, &geometry, progressive, scan)?;
            if let (Some(window), Some((_, target))) = (&window, wanted) {
                self.render_coefficients(&geometry, window, transform, &quants, target)?;
            }
            if let Some(index) = index {
                *index = Index { length: file.len(), rows: Vec::new() };
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
        pass.run(file, data, scan.data_at, renderer.as_mut(), all, known, index)?;
        if all {
            parser.seek(data.behind);
            let Stop::End = parser.next()? else { give_up!(Marker) };
        }
        Ok(())
    }

    /// Reads every scan into coefficients.
    fn read_scans(
        &mut self,
        file: &[u8],
        parser: &mut Parser<'_>,
        geometry: &Geometry,
        progressive: bool,
        first: Scan,
    ) -> Result<[Option<Quant>; MAX_COMPONENTS], Irregular> {
        for (plane, coefficients) in geometry.planes().zip(&mut self.coefficients) {
            coefficients.reset(geometry, plane);
        }
        self.batch.blocks.fill([0; 64]);
        let mut quants = [const { None }; MAX_COMPONENTS];
        let mut progress = Progress::new();
        let mut scan = first;
        loop {
            progress.enter(&scan, progressive)?;
            // A component keeps the table that held at its first scan.
            for part in scan.components() {
                let (Some(quant), Some(plane)) = (quants.get_mut(part.index), geometry.plane(part.index))
                else {
                    give_up!(Components)
                };
                if quant.is_none() {
                    *quant = Some(latch_quant(&parser.tables, plane.quant_slot)?);
                }
            }
            self.read_scan(file, &parser.tables, geometry, progressive, &scan)?;
            parser.seek(self.data.behind);
            scan = match parser.next()? {
                Stop::Scan(next) => next,
                Stop::End => break,
            };
        }
        if !progress.complete(geometry.planes().count()) {
            give_up!(Progression);
        }
        Ok(quants)
    }

    fn read_scan(
        &mut self,
        file: &[u8],
        tables: &Tables,
        geometry: &Geometry,
        progressive: bool,
        scan: &Scan,
    ) -> Result<(), Irregular> {
        let parts = scan.components();
        let (needs_dc, needs_ac) =
            if progressive { (scan.first == 0 && scan.high == 0, scan.first > 0) } else { (true, true) };
        for (at, part) in parts.iter().enumerate() {
            let (Some(dc), Some(ac)) = (self.tables.dc.get_mut(at), self.tables.ac.get_mut(at)) else {
                give_up!(Scan)
            };
            if needs_dc {
                dc.build(tables.dc.get(part.dc_slot).and_then(Option::as_ref), file)?;
            }
            if needs_ac && progressive {
                ac.build_codes(tables.ac.get(part.ac_slot).and_then(Option::as_ref), file)?;
            } else if needs_ac {
                ac.build(tables.ac.get(part.ac_slot).and_then(Option::as_ref), file)?;
            }
        }
        self.data.fill(file, scan.data_at, 0, false, self.level)?;
        let mut band = BandDecoder {
            tables: &self.tables,
            first: scan.first,
            last: scan.last,
            refine: scan.high != 0,
            low: scan.low,
            progressive,
            predictors: [0; MAX_COMPONENTS],
            end_run: 0,
        };
        let alone = match parts {
            [part] => geometry.plane(part.index),
            _ => None,
        };
        let (across, down) = match alone {
            Some(plane) => (plane.blocks_x, plane.blocks_y),
            None => (geometry.mcus_x, geometry.mcus_y),
        };
        let mut restarts = Restarts::new(tables.restart_interval, &self.data, across * down)?;
        let mut reader = self.data.reader(0, 0)?;
        for y in 0..down {
            for x in 0..across {
                if restarts.before_mcu(&self.data, &mut reader)? {
                    if band.end_run > 0 {
                        give_up!(Run);
                    }
                    band.restart();
                }
                for (component, part) in parts.iter().enumerate() {
                    let (Some(plane), Some(coefficients)) =
                        (geometry.plane(part.index), self.coefficients.get_mut(part.index))
                    else {
                        give_up!(Components)
                    };
                    let (h, v) = if alone.is_some() { (1, 1) } else { (plane.h, plane.v) };
                    let job = Job { component, dc: component, ac: component, ..Job::default() };
                    for row in 0..v {
                        for column in 0..h {
                            let at = (y * v + row) * coefficients.stride + x * h + column;
                            let Some(block) = coefficients.blocks.get_mut(at) else { give_up!(Scan) };
                            band.block(&mut reader, job, block, &mut self.batch)?;
                        }
                    }
                }
                reader.check()?;
            }
        }
        if band.end_run > 0 {
            give_up!(Run);
        }
        reader.finish()
    }

    /// Transforms a window of the coefficients.
    fn render_coefficients(
        &mut self,
        geometry: &Geometry,
        window: &Window,
        transform: Transform,
        quants: &[Option<Quant>; MAX_COMPONENTS],
        target: Target<'_>,
    ) -> Result<(), Irregular> {
        let extents = [63; 64];
        let mut renderer = Renderer::new(geometry, window, &mut self.strips, transform, self.level, target)?;
        for mcu_row in window.mcus_y.from..window.mcus_y.to {
            for (at, (plane, coefficients)) in geometry.planes().zip(&mut self.coefficients).enumerate() {
                let (Some(Some(quant)), Some(rows)) = (quants.get(at), window.rows.get(at)) else {
                    give_up!(Table)
                };
                for row in 0..plane.v {
                    let y = mcu_row * plane.v + row;
                    if !rows.contains(y) {
                        continue;
                    }
                    let start = y * coefficients.stride + window.mcus_x.from * plane.h;
                    let count = window.mcus_x.len() * plane.h;
                    let Some(blocks) = coefficients.blocks.get_mut(start..start + count) else {
                        give_up!(Scan)
                    };
                    for (i, run) in blocks.chunks_mut(extents.len()).enumerate() {
                        renderer.blocks(at, row, i * extents.len(), quant, run, &extents)?;
                    }
                }
            }
            renderer.finish(mcu_row)?;
        }
        Ok(())
    }
}

fn latch_quant(tables: &Tables, slot: usize) -> Result<Quant, Irregular> {
    match tables.quant.get(slot) {
        Some(Some(table)) => Ok(Quant::new(table)),
        _ => Err(Reason::Table.into()),
    }
}

fn latch_quants(tables: &Tables, geometry: &Geometry) -> Result<[Option<Quant>; MAX_COMPONENTS], Irregular> {
    let mut quants = [const { None }; MAX_COMPONENTS];
    for (quant, plane) in quants.iter_mut().zip(geometry.planes()) {
        *quant = Some(latch_quant(tables, plane.quant_slot)?);
    }
    Ok(quants)
}

/// The blocks of an MCU.
#[derive(Clone, Copy)]
struct Jobs {
    list: [Job; MAX_MCU_BLOCKS],
    count: usize,
}

/// Builds the tables of a scan that holds every component, and lists the blocks of its MCUs. Each row of a
/// component's blocks lies together in a batch.
fn sequential_jobs(
    tables: &Tables,
    geometry: &Geometry,
    scan: &Scan,
    built: &mut ScanTables,
    file: &[u8],
) -> Result<Jobs, Irregular> {
    if (scan.first, scan.last, scan.high, scan.low) != (0, 63, 0, 0) {
        give_up!(Scan);
    }
    let parts = scan.components();
    let mut list = [Job::default(); MAX_MCU_BLOCKS];
    let mut count = 0;
    let mut slot = 0;
    for (component, (part, plane)) in parts.iter().zip(geometry.planes()).enumerate() {
        // Components with the same table share it.
        let dc = parts.iter().position(|other| other.dc_slot == part.dc_slot).unwrap_or(component);
        let ac = parts.iter().position(|other| other.ac_slot == part.ac_slot).unwrap_or(component);
        if dc == component {
            let Some(table) = built.dc.get_mut(dc) else { give_up!(Scan) };
            table.build(tables.dc.get(part.dc_slot).and_then(Option::as_ref), file)?;
        }
        if ac == component {
            let Some(table) = built.ac.get_mut(ac) else { give_up!(Scan) };
            table.build(tables.ac.get(part.ac_slot).and_then(Option::as_ref), file)?;
        }
        let Plane { h, v, .. } = *plane;
        for _ in 0..v {
            for x in 0..h {
                let Some(job) = list.get_mut(count) else { give_up!(Sampling) };
                *job = Job { component, dc, ac, slot: slot + x, step: h, keep: false };
                count += 1;
            }
            slot += h * BATCH;
        }
    }
    Ok(Jobs { list, count })
}

/// Counts MCUs between restart markers.
#[derive(Debug)]
struct Restarts {
    interval: usize,
    /// MCUs until the next marker.
    left: usize,
    /// The segment at hand.
    segment: usize,
}

impl Restarts {
    /// Fails unless `mcus` MCUs take just the intervals that there are.
    fn new(interval: usize, data: &ScanData, mcus: usize) -> Result<Self, Irregular> {
        let expected = if interval == 0 { 1 } else { mcus.div_ceil(interval) };
        if data.intervals() != expected {
            give_up!(Restart);
        }
        Ok(Restarts { interval, left: interval, segment: 0 })
    }

    /// Goes to the next interval if it is time; true if it was.
    fn before_mcu<'a>(&mut self, data: &'a ScanData, reader: &mut Reader<'a>) -> Result<bool, Irregular> {
        let due = self.interval > 0 && self.left == 0;
        if due {
            reader.finish()?;
            self.segment += 1;
            self.left = self.interval;
            *reader = data.reader(self.segment, 0)?;
        }
        self.left = self.left.saturating_sub(1);
        Ok(due)
    }
}

/// Decodes the one scan of a sequential file as far as it is needed.
struct SequentialPass<'a> {
    level: Level,
    geometry: &'a Geometry,
    window: Option<&'a Window>,
    tables: &'a ScanTables,
    jobs: Jobs,
    quants: &'a [Option<Quant>; MAX_COMPONENTS],
    batch: &'a mut Batch,
    interval: usize,
}

/// The place in the scan.
struct Place<'a> {
    reader: Reader<'a>,
    predictors: Predictors,
    segment: usize,
    /// MCUs until the next restart marker.
    left: usize,
}

impl SequentialPass<'_> {
    #[expect(clippy::too_many_arguments, reason = "the one caller has them all at hand")]
    fn run(
        &mut self,
        file: &[u8],
        data: &mut ScanData,
        data_at: usize,
        mut renderer: Option<&mut Renderer<'_, '_>>,
        all: bool,
        known: Option<&Index>,
        index: Option<&mut Index>,
    ) -> Result<(), Irregular> {
        let Geometry { mcus_x, mcus_y, .. } = *self.geometry;
        let (across, down) = (mcus_x, mcus_y);
        let first_row = self.window.map_or(0, |window| window.mcus_y.from);
        let entry = known.and_then(|index| index.rows.get(first_row));
        let start = match entry {
            Some(entry) => {
                data.fill(file, entry.byte as usize, entry.restart, false, self.level)?;
                first_row
            }
            None => {
                data.fill(file, data_at, 0, index.is_some(), self.level)?;
                0
            }
        };
        let data = &*data;
        if entry.is_none() {
            Restarts::new(self.interval, data, across * down)?;
        }
        let mut place = match entry {
            Some(entry) => Place {
                reader: data.reader(0, usize::from(entry.bit))?,
                predictors: entry.predictors.map(i32::from),
                segment: 0,
                left: usize::from(entry.until_restart),
            },
            None => Place {
                reader: data.reader(0, 0)?,
                predictors: [0; MAX_COMPONENTS],
                segment: 0,
                left: self.interval,
            },
        };
        let mut positions = data.positions();
        let mut rows = Vec::new();
        for mcu_row in start..down {
            if index.is_some() {
                self.restart_if_due(data, &mut place)?;
                rows.push(place.entry(&mut positions));
            }
            let decoded = self.window.filter(|window| window.mcus_y.contains(mcu_row));
            match (decoded, renderer.as_deref_mut()) {
                (Some(window), Some(renderer)) => {
                    self.choose_blocks(window, mcu_row);
                    self.advance(data, &mut place, window.mcus_x.from, false)?;
                    for from in (window.mcus_x.from..window.mcus_x.to).step_by(BATCH) {
                        let count = BATCH.min(window.mcus_x.to - from);
                        self.advance(data, &mut place, count, true)?;
                        self.render_batch(renderer, from - window.mcus_x.from, count)?;
                    }
                    renderer.finish(mcu_row)?;
                    if !all && mcu_row + 1 == window.mcus_y.to {
                        return Ok(());
                    }
                    self.advance(data, &mut place, across - window.mcus_x.to, false)?;
                }
                _ => self.advance(data, &mut place, across, false)?,
            }
        }
        place.reader.finish()?;
        if let Some(index) = index {
            rows.shrink_to_fit();
            *index = Index { length: file.len(), rows };
        }
        Ok(())
    }

    /// Marks the blocks of this MCU row that the window needs.
    fn choose_blocks(&mut self, window: &Window, mcu_row: usize) {
        let mut jobs = self.jobs.list.iter_mut();
        for (plane, rows) in self.geometry.planes().zip(&window.rows) {
            let Plane { h, v, .. } = *plane;
            for row in 0..v {
                for job in jobs.by_ref().take(h) {
                    job.keep = rows.contains(mcu_row * v + row);
                }
            }
        }
    }

    /// Goes to the next interval if the last one is over.
    fn restart_if_due<'d>(&self, data: &'d ScanData, place: &mut Place<'d>) -> Result<(), Irregular> {
        if self.interval > 0 && place.left == 0 {
            place.reader.finish()?;
            place.segment += 1;
            place.left = self.interval;
            place.predictors = [0; MAX_COMPONENTS];
            place.reader = data.reader(place.segment, 0)?;
        }
        Ok(())
    }

    /// Decodes `count` MCUs into the batch, or only steps over them unless `keep` is set.
    fn advance<'d>(
        &mut self,
        data: &'d ScanData,
        place: &mut Place<'d>,
        count: usize,
        keep: bool,
    ) -> Result<(), Irregular> {
        let Jobs { mut list, count: blocks } = self.jobs;
        let Some(jobs) = list.get_mut(..blocks) else { give_up!(Sampling) };
        let mut left = count;
        while left > 0 {
            self.restart_if_due(data, place)?;
            let run = if self.interval > 0 { left.min(place.left) } else { left };
            let Place { reader, predictors, .. } = place;
            if keep {
                simd::decode_mcus(self.level, reader, self.tables, jobs, predictors, run, self.batch)?;
                for job in jobs.iter_mut() {
                    job.slot += job.step * run;
                }
            } else {
                simd::skip_mcus(self.level, reader, self.tables, jobs, predictors, run)?;
            }
            place.left = place.left.saturating_sub(run);
            left -= run;
        }
        Ok(())
    }

    /// Transforms the blocks of `count` MCUs; `from` is the first one's column in the window.
    fn render_batch(
        &mut self,
        renderer: &mut Renderer<'_, '_>,
        from: usize,
        count: usize,
    ) -> Result<(), Irregular> {
        let mut at = 0;
        for (index, plane) in self.geometry.planes().enumerate() {
            let Plane { h, v, .. } = *plane;
            let Some(Some(quant)) = self.quants.get(index) else { give_up!(Table) };
            for row in 0..v {
                let Some(job) = self.jobs.list.get(at) else { give_up!(Sampling) };
                at += h;
                if !job.keep {
                    continue;
                }
                let slots = job.slot..job.slot + count * h;
                let (Some(blocks), Some(extents)) =
                    (self.batch.blocks.get_mut(slots.clone()), self.batch.extents.get(slots))
                else {
                    give_up!(Sampling)
                };
                renderer.blocks(index, row, from * h, quant, blocks, extents)?;
            }
        }
        Ok(())
    }
}

impl Place<'_> {
    fn entry(&self, positions: &mut crate::bits::Positions<'_>) -> Entry {
        let bits = self.reader.position();
        Entry {
            byte: positions.in_file(bits / 8) as u32,
            bit: (bits % 8) as u8,
            restart: self.segment as u8 & 7,
            until_restart: self.left as u16,
            predictors: self.predictors.map(|value| value as i16),
        }
    }
}
