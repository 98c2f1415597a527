//! From blocks to the caller's rows: strips of samples, upsampling, colour.
//!
//! A [`Strip`] holds one MCU row of one component, below the last row of the MCU row before. The lowest row of
//! pixels may need the next MCU row's samples; it is made when those are there.

use crate::error::{Irregular, give_up};
use crate::kernels::idct::{Block, Quant};
use crate::kernels::{dispatch, upsample};
use crate::markers::{MAX_COMPONENTS, Transform};
use crate::region::{Geometry, Plane, Span, Upsampling, Window};
use crate::simd::Level;

/// Bytes before and behind a row of samples that vector code may touch.
const BEFORE: usize = 32;
const BEHIND: usize = 96;
/// Samples that vector code takes at a time.
const CHUNK: usize = 32;

/// Where the pixels go. Rows are `stride` bytes apart.
#[derive(Debug)]
pub enum Target<'a> {
    /// Gray values, or red, green, blue for each pixel.
    Interleaved {
        /// The rows.
        pixels: &'a mut [u8],
        /// Bytes from one row to the next.
        stride: usize,
    },
    /// Blue, green, red for each pixel, also of gray images, where they are alike.
    Bgr {
        /// The rows.
        pixels: &'a mut [u8],
        /// Bytes from one row to the next.
        stride: usize,
    },
    /// Gray values: what libjpeg gives of an image in `YCbCr` if it is asked for gray. There are none of one in RGB.
    Luminance {
        /// The rows.
        pixels: &'a mut [u8],
        /// Bytes from one row to the next.
        stride: usize,
    },
    /// Rows of red, green and blue apart; for gray images only the first is written.
    Planar {
        /// The rows of each colour.
        planes: [&'a mut [u8]; 3],
        /// Bytes from one row to the next.
        stride: usize,
    },
}

impl Target<'_> {
    /// What is made of an image's components, of all or only of the first.
    pub(crate) fn transform(&self, transform: Transform) -> Result<Transform, Irregular> {
        match (self, transform) {
            (Target::Luminance { .. }, Transform::Rgb) => give_up!(Color),
            (Target::Luminance { .. }, _) => Ok(Transform::Gray),
            _ => Ok(transform),
        }
    }

    /// Fails unless every row of `width` pixels lies within the memory and apart from the others.
    fn check(&self, width: usize, height: usize, channels: usize) -> Result<(), Irregular> {
        let fits = |bytes: usize, row: usize, stride: usize| {
            let needed = stride.checked_mul(height - 1).and_then(|above| above.checked_add(row));
            stride >= row && needed.is_some_and(|needed| needed <= bytes)
        };
        let good = match self {
            Target::Interleaved { pixels, stride } => fits(pixels.len(), width * channels, *stride),
            Target::Bgr { pixels, stride } => fits(pixels.len(), width * 3, *stride),
            Target::Luminance { pixels, stride } => fits(pixels.len(), width, *stride),
            Target::Planar { planes, stride } => {
                planes.iter().take(channels).all(|plane| fits(plane.len(), width, *stride))
            }
        };
        if good { Ok(()) } else { give_up!(Request) }
    }
}

/// An MCU row of a component.
#[derive(Debug, Default)]
struct Strip {
    samples: Vec<u8>,
    stride: usize,
    /// A widened row, or one made of two.
    wide: Vec<u8>,
}

/// Memory that images share.
#[derive(Debug, Default)]
pub(crate) struct Strips([Strip; MAX_COMPONENTS]);

impl Strips {
    pub(crate) fn memory(&self) -> usize {
        self.0.iter().map(|strip| strip.samples.capacity() + strip.wide.capacity()).sum()
    }

    /// Bytes that a window takes.
    pub(crate) fn needed(geometry: &Geometry, window: &Window) -> usize {
        let columns = |plane: &Plane| 8 * plane.h * window.mcus_x.len() + BEFORE + BEHIND;
        let wide = window.region.width + 2 * CHUNK + BEHIND;
        geometry.planes().map(|plane| columns(plane) * (8 * plane.v + 1) + wide).sum()
    }
}

/// Renders the MCU rows of a window, from top to bottom.
#[derive(Debug)]
pub(crate) struct Renderer<'a, 't> {
    geometry: &'a Geometry,
    window: &'a Window,
    strips: &'a mut Strips,
    transform: Transform,
    level: Level,
    target: Target<'t>,
    /// The next row of the image to be written.
    next: usize,
}

impl<'a, 't> Renderer<'a, 't> {
    pub(crate) fn new(
        geometry: &'a Geometry,
        window: &'a Window,
        strips: &'a mut Strips,
        transform: Transform,
        level: Level,
        target: Target<'t>,
    ) -> Result<Self, Irregular> {
        let region = window.region;
        let channels = if transform == Transform::Gray { 1 } else { 3 };
        target.check(region.width, region.height, channels)?;
        for (plane, strip) in geometry.planes().zip(&mut strips.0) {
            strip.stride = 8 * plane.h * window.mcus_x.len() + BEFORE + BEHIND;
            strip.samples.clear();
            strip.samples.resize(strip.stride * (8 * plane.v + 1), 0);
            strip.wide.clear();
            strip.wide.resize(region.width + 2 * CHUNK + BEHIND, 0);
        }
        Ok(Renderer { geometry, window, strips, transform, level, target, next: region.top })
    }

    /// Transforms a run of neighbouring blocks and zeroes them. `row` is counted in the MCU row, `column` from
    /// the window's first MCU.
    pub(crate) fn blocks(
        &mut self,
        plane: usize,
        row: usize,
        column: usize,
        quant: &Quant,
        blocks: &mut [Block],
        extents: &[u8],
    ) -> Result<(), Irregular> {
        let Some(strip) = self.strips.0.get_mut(plane) else { give_up!(Components) };
        let at = (1 + 8 * row) * strip.stride + BEFORE + 8 * column;
        let Some(out) = strip.samples.get_mut(at..) else { give_up!(Limit) };
        if !dispatch::blocks_to_samples(self.level, blocks, extents, quant, out, strip.stride) {
            give_up!(Coefficient);
        }
        Ok(())
    }

    /// Writes the rows of pixels that MCU row `mcu_row` completes.
    pub(crate) fn finish(&mut self, mcu_row: usize) -> Result<(), Irregular> {
        self.extend_edges();
        let Geometry { max_v, mcus_y, height, .. } = *self.geometry;
        let region = self.window.region;
        let waits = usize::from(self.geometry.planes().any(Plane::triangle_y));
        let ready = if mcu_row + 1 == mcus_y { height } else { 8 * max_v * (mcu_row + 1) - waits };
        for y in self.next..ready.min(region.top + region.height) {
            self.row(mcu_row, y)?;
            self.next = y + 1;
        }
        for (plane, strip) in self.geometry.planes().zip(&mut self.strips.0) {
            strip.samples.copy_within(8 * plane.v * strip.stride.., 0);
        }
        Ok(())
    }

    /// Repeats the image's first and last column where upsampling looks beyond them.
    fn extend_edges(&mut self) {
        let first = 8 * self.window.mcus_x.from;
        for (plane, strip) in self.geometry.planes().zip(&mut self.strips.0) {
            if !plane.triangle_x() {
                continue;
            }
            let from = first * plane.h;
            let columns = Span { from, to: from + 8 * plane.h * self.window.mcus_x.len() };
            for row in strip.samples.chunks_exact_mut(strip.stride.max(1)).skip(1) {
                if from == 0 {
                    row.copy_within(BEFORE..=BEFORE, BEFORE - 1);
                }
                if columns.contains(plane.width - 1) {
                    let last = BEFORE + plane.width - 1 - from;
                    row.copy_within(last..=last, last + 1);
                }
            }
        }
    }

    /// Writes row `y` of the image.
    fn row(&mut self, mcu_row: usize, y: usize) -> Result<(), Irregular> {
        let region = self.window.region;
        let mut rows: [&[u8]; MAX_COMPONENTS] = [&[]; MAX_COMPONENTS];
        let used = if self.transform == Transform::Gray { 1 } else { MAX_COMPONENTS };
        for ((plane, strip), row) in self.geometry.planes().zip(&mut self.strips.0).zip(&mut rows).take(used)
        {
            let first = 8 * plane.h * self.window.mcus_x.from;
            let Some(ready) =
                strip.row(plane, self.geometry.max_v, mcu_row, y, first, self.window, self.level)
            else {
                give_up!(Limit)
            };
            *row = ready;
        }
        let line = y - region.top;
        let width = region.width;
        match (&mut self.target, self.transform) {
            (Target::Interleaved { pixels, stride } | Target::Luminance { pixels, stride }, transform) => {
                let channels = if transform == Transform::Gray { 1 } else { 3 };
                let at = line * *stride;
                let Some(out) = pixels.get_mut(at..at + width * channels) else { give_up!(Request) };
                match transform {
                    Transform::Gray => copy(rows[0], out),
                    Transform::YCbCr => dispatch::ycc_to_pixels::<false>(self.level, rows, out),
                    Transform::Rgb => dispatch::rgb_to_pixels(self.level, rows, out),
                }
            }
            (Target::Bgr { pixels, stride }, transform) => {
                let at = line * *stride;
                let Some(out) = pixels.get_mut(at..at + width * 3) else { give_up!(Request) };
                let [first, second, third] = rows;
                match transform {
                    Transform::Gray => dispatch::rgb_to_pixels(self.level, [first; 3], out),
                    Transform::YCbCr => dispatch::ycc_to_pixels::<true>(self.level, rows, out),
                    Transform::Rgb => dispatch::rgb_to_pixels(self.level, [third, second, first], out),
                }
            }
            (Target::Planar { planes, stride }, transform) => {
                let at = line * *stride;
                let [red, green, blue] = planes.each_mut().map(|plane| plane.get_mut(at..at + width));
                match (transform, red, green, blue) {
                    (Transform::Gray, Some(gray), ..) => copy(rows[0], gray),
                    (Transform::YCbCr, Some(red), Some(green), Some(blue)) => {
                        dispatch::ycc_to_planes(self.level, rows, [red, green, blue]);
                    }
                    (Transform::Rgb, Some(red), Some(green), Some(blue)) => {
                        for (row, out) in rows.into_iter().zip([red, green, blue]) {
                            copy(row, out);
                        }
                    }
                    _ => give_up!(Request),
                }
            }
        }
        Ok(())
    }
}

/// The beginning of a row.
fn copy(row: &[u8], out: &mut [u8]) {
    for (out, &sample) in out.iter_mut().zip(row) {
        *out = sample;
    }
}

impl Strip {
    /// The samples under row `y` of the image, from the region's left edge on. `first` is the column that the
    /// strip begins with.
    #[expect(clippy::too_many_arguments, reason = "all of them are coordinates of one sample")]
    fn row(
        &mut self,
        plane: &Plane,
        max_v: usize,
        mcu_row: usize,
        y: usize,
        first: usize,
        window: &Window,
        level: Level,
    ) -> Option<&[u8]> {
        let ratio = max_v / plane.v;
        let near = y / ratio;
        let next =
            if y.is_multiple_of(2) { near.saturating_sub(1) } else { (near + 1).min(plane.height - 1) };
        let stride = self.stride;
        // The strip's first row is the last one of the MCU row above.
        let start =
            |row: usize| (row + 1).checked_sub(8 * plane.v * mcu_row).map(|row| row * stride + BEFORE);
        let region = window.region;
        let (left, right) = (region.left, region.left + region.width);
        let samples = self.samples.as_slice();
        match plane.upsampling {
            Upsampling::Full => samples.get(start(near)? + left - first..),
            Upsampling::H1V2 => {
                let columns = region.width.next_multiple_of(CHUNK);
                let take = |row: usize| {
                    let at = start(row)? + left - first;
                    samples.get(at..at + columns)
                };
                let bias = if y.is_multiple_of(2) { 1 } else { 2 };
                dispatch::h1v2(level, take(near)?, take(next)?, bias, self.wide.get_mut(..columns)?);
                Some(&self.wide)
            }
            Upsampling::H2V1 | Upsampling::H2V2 => {
                let from = left / 2;
                let columns = ((right - 1) / 2 + 1 - from).next_multiple_of(CHUNK);
                let take = |row: usize| {
                    let at = start(row)? + from - first - 1;
                    samples.get(at..at + columns + 2)
                };
                let wide = self.wide.get_mut(..2 * columns)?;
                if plane.upsampling == Upsampling::H2V1 {
                    dispatch::h2v1(level, take(near)?, wide);
                } else {
                    dispatch::h2v2(level, take(near)?, take(next)?, wide);
                }
                self.wide.get(left - 2 * from..)
            }
            Upsampling::Box(across, _) => {
                let row = samples.get(start(near)?..)?;
                let wide = self.wide.get_mut(..region.width)?;
                upsample::repeat(row, left - first * across, across, wide);
                Some(&self.wide)
            }
        }
    }
}
