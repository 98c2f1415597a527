//! Images whose pixels come from anywhere: a field says where, an interpolation of what.

use std::ops::Range;

use penstock_jpeg::simd::Level;

use super::dispatch;
use super::field::Field;
use super::places::{Frame, Places};
use super::sample::{Interpolation, Pixels};
use super::texture::Texture;
use crate::image::sheet::Sheet;
use crate::image::{ImageView, Region};
use crate::ops::kinds::{Area, Put, Size, Take};
use crate::ops::layout::Lying;

/// Pixels whose places are found at a time for all planes: they are in the first-level cache when they are looked at.
const BAND: usize = 2048;

/// Memory of one thread.
#[derive(Debug, Default)]
pub struct Warper {
    /// One for each plane.
    textures: [Texture; 3],
    places: Places,
    out: Sheet,
}

/// A step that makes pixels of those at places which a field tells.
pub(crate) trait Warp {
    /// How its output is made.
    fn canvas(&self) -> &Canvas;

    /// Where the pixels of a region come from, in an image of `size`.
    fn field(&self, size: Size, wanted: &Region) -> Field;

    /// See [`Area::laid`].
    fn laid(&self, given: Lying, size: Size) -> Lying {
        given.made(size, given.layout)
    }
}

impl<W: Warp> Area for W {
    type Memory = Warper;

    fn size(&self, _size: Size) -> Option<Size> {
        Some(self.canvas().size)
    }

    fn laid(&self, given: Lying, size: Size) -> Lying {
        Warp::laid(self, given, size)
    }

    fn support(&self, size: Size, wanted: &Region) -> Region {
        self.field(size, wanted).support(size, wanted)
    }

    fn make<'m>(
        &self,
        level: Level,
        source: &ImageView<'m>,
        size: Size,
        wanted: &Region,
        memory: &'m mut Warper,
    ) -> Option<ImageView<'m>> {
        memory.warp(level, source, size, wanted, self.canvas(), &self.field(size, wanted))
    }
}

/// How an output is made, besides where its pixels come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Canvas {
    /// Its size.
    pub(crate) size: Size,
    /// How the source is looked at.
    pub(crate) interpolation: Interpolation,
    /// For each channel the byte of pixels that come from outside.
    pub(crate) fill: [u8; 3],
}

impl Canvas {
    pub(crate) fn put(&self, to: &mut impl Put) {
        to.words([self.size.0, self.size.1]);
        to.choice(self.interpolation);
        to.words(self.fill.map(u32::from));
    }

    pub(crate) fn take(from: &mut impl Take) -> Option<Self> {
        Canvas::new(from.size()?, from.choice()?, bytes(from)?)
    }

    /// `None` if there are no such images.
    pub(crate) fn new(size: Size, interpolation: Interpolation, fill: [u8; 3]) -> Option<Self> {
        let fits = |length: u32| length > 0 && i32::try_from(length).is_ok();
        (fits(size.0) && fits(size.1)).then_some(Canvas { size, interpolation, fill })
    }
}

/// Three operands that are bytes.
pub(super) fn bytes(from: &mut impl Take) -> Option<[u8; 3]> {
    let [red, green, blue] = from.words::<3>()?.map(|byte| u8::try_from(byte).ok());
    Some([red?, green?, blue?])
}

impl Warper {
    /// Makes a region of the output from `source`, which is exactly its support of an image of `size`.
    pub(crate) fn warp<'m>(
        &'m mut self,
        level: Level,
        source: &ImageView<'m>,
        size: Size,
        wanted: &Region,
        canvas: &Canvas,
        field: &Field,
    ) -> Option<ImageView<'m>> {
        let support = field.support(size, wanted);
        if source.height() != support.rows.len() || source.width() != support.columns.len() {
            return None;
        }
        let [first, ..] = canvas.fill;
        let gray = source.gray().filter(|_| canvas.fill == [first; 3]);
        if let Some(gray) = gray {
            let made = self.warp(level, &gray, size, wanted, canvas, field)?;
            return Some(made.with_channels(source.channels()));
        }
        let shifts = matches!(field, Field::Scaled(scaled) if scaled.is_shift());
        if canvas.interpolation == Interpolation::Nearest && !shifts && !support.is_empty() {
            return self.nearest(level, source, [&support, wanted], size, canvas, field);
        }
        let (height, width) = (wanted.rows.len(), wanted.columns.len());
        let Warper { textures: [texture, ..], places, out } = self;
        let margin = canvas.interpolation.margin();
        // An image without pixels has no lines: all is filled then.
        let lines = if support.is_empty() { None } else { Some(source.rows()?) };
        let (planes, step) = lines.map_or((source.channels(), 1), |lines| (lines.planes, lines.step));
        if !out.shape(planes, height, width, step) {
            return None;
        }
        for plane in 0..planes {
            let fills: &[u8] = if step == 3 { &canvas.fill } else { canvas.fill.get(plane..=plane)? };
            if let Some(lines) = lines.filter(|_| !shifts) {
                texture.copy(&lines, plane, margin as usize)?;
            }
            let pixels = texture.pixels();
            let first = |range: &Range<u32>| range.start as i32 - margin as i32;
            let frame = Frame {
                size,
                first: [first(&support.rows), first(&support.columns)],
                strides: [pixels.stride, pixels.step],
                outside: -1,
            };
            for (index, row) in wanted.rows.clone().enumerate() {
                let out = out.rows_mut(plane, index, 1).get_mut(..width * step)?;
                let Some(lines) = &lines else {
                    fill(out, fills);
                    continue;
                };
                if let Field::Scaled(scaled) = field
                    && let Some((shifted, from)) = scaled.shifted(row, &support)
                {
                    if shifted.len() < width {
                        fill(out, fills);
                    }
                    if let Some(from) = from {
                        let out = out.get_mut(shifted.start * step..shifted.end * step)?;
                        lines.line(plane, from)?.copy_to(out);
                    }
                    continue;
                }
                let line = Region { rows: row..row + 1, columns: wanted.columns.clone() };
                dispatch::places(level, field, &frame, &line, places);
                if places.are_inside() {
                    dispatch::sample(level, canvas.interpolation, &pixels, &places.run(0..width)?, out);
                    continue;
                }
                fill(out, fills);
                let mut after = 0;
                while let Some(run) = places.next_run(after) {
                    after = run.begin + run.offsets.len();
                    let out = out.get_mut(run.begin * step..after * step)?;
                    dispatch::sample(level, canvas.interpolation, &pixels, &run, out);
                }
            }
        }
        out.image()
    }

    /// The same of the nearest pixels, whose places all planes have in common; those outside of the image are that of one
    /// more pixel behind it.
    fn nearest<'m>(
        &'m mut self,
        level: Level,
        source: &ImageView<'m>,
        [support, wanted]: [&Region; 2],
        size: Size,
        canvas: &Canvas,
        field: &Field,
    ) -> Option<ImageView<'m>> {
        let (height, width) = (wanted.rows.len(), wanted.columns.len());
        let Warper { textures, places, out } = self;
        let lines = source.rows()?;
        // What is made of a small image next wants its rows to touch.
        if !out.shape_dense(lines.planes, height, width, lines.step) {
            return None;
        }
        let mut outside = 0;
        for plane in 0..lines.planes {
            let fills = if lines.step == 3 { &canvas.fill[..] } else { canvas.fill.get(plane..=plane)? };
            let texture = textures.get_mut(plane)?;
            texture.copy(&lines, plane, 0)?;
            outside = texture.put_behind(fills)?;
        }
        let Pixels { stride, step, .. } = textures[0].pixels();
        let first = [support.rows.start as i32, support.columns.start as i32];
        let frame = Frame { size, first, strides: [stride, step], outside };
        let band = (BAND / width.max(1)).max(1);
        for from in (0..height).step_by(band) {
            let count = band.min(height - from);
            let start = wanted.rows.start + from as u32;
            let band = Region { rows: start..start + count as u32, columns: wanted.columns.clone() };
            dispatch::places(level, field, &frame, &band, places);
            for (plane, texture) in textures.iter().enumerate().take(lines.planes) {
                let stride = out.stride();
                let out = out.rows_mut(plane, from, count);
                dispatch::nearest(level, &texture.pixels(), places.offsets(), width, out, stride);
            }
        }
        out.image()
    }
}

/// Fills pixels with a colour of as many channels as they have.
fn fill(out: &mut [u8], color: &[u8]) {
    match color {
        [first, rest @ ..] if rest.iter().all(|byte| byte == first) => out.fill(*first),
        _ => out.chunks_exact_mut(color.len()).for_each(|pixel| pixel.copy_from_slice(color)),
    }
}
