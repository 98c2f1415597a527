//! torchvision's transforms of uint8 tensors that look between pixels, or by a perspective: torch's `grid_sample`.
//!
//! Places are numbers between -1 and 1 in single precision, of products of matrices as for [`super::AffineGrid`]. What
//! lies outside is 0, and where there is a fill, a channel of ones is looked at along with the others: what it comes to is
//! how much of a pixel is inside. The order of multiplications and additions is that of `ATen/native/cpu/GridSamplerKernel.cpp`.

use penstock_jpeg::simd::Level;

use super::affine_grid::is_small;
use super::field::gridded;
use super::sample::Interpolation;
use super::sampling::Places;
use crate::image::sheet::Sheet;
use crate::image::{Picture, Region};
use crate::ops::generation::Generation;
use crate::ops::kinds::{Area, Put, Size, Take, Wire};

/// How a grid is looked at. Operands: the generation; `rounded` or `fused`, see [`Places`]; the [`Interpolation`], which is
/// not bicubic; whether there is a fill; for each of three channels the number that it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Looking {
    /// The two mix fills in different orders.
    pub generation: Generation,
    /// In which arithmetic places are found.
    pub places: Places,
    /// What a pixel is made of.
    pub interpolation: Interpolation,
    /// For each channel what comes from outside, if it is not 0 without a look at how much is inside.
    pub fill: Option<[f64; 3]>,
}

impl Looking {
    fn put(&self, to: &mut impl Put) {
        to.choice(self.generation);
        to.choice(self.places);
        to.choice(self.interpolation);
        to.word(self.fill.is_some().into());
        to.doubles(self.fill.unwrap_or_default());
    }

    fn take(from: &mut impl Take) -> Option<Self> {
        let (generation, places, interpolation) = (from.choice()?, from.choice()?, from.choice()?);
        let (filled, fill) = (from.flag()?, from.doubles()?);
        Some(Looking { generation, places, interpolation, fill: filled.then_some(fill) })
    }
}

/// Takes pixels from where a matrix says that they come from. Operands: whether it is a perspective; the eight numbers of the
/// matrix, of which an affine one has six, and zeros; height and width of the output; those of [`Looking`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SampledGrid {
    perspective: bool,
    matrix: [f64; 8],
    size: Size,
    looking: Looking,
}

/// What x, y and 1 are multiplied by.
type Row = [f32; 3];

impl SampledGrid {
    /// Of a matrix that is counted from the middles of output and source; `None` if that cannot be.
    #[must_use]
    pub fn affine([a, b, c, d, e, f]: [f64; 6], size: Size, looking: Looking) -> Option<Self> {
        Self::new(false, [a, b, c, d, e, f, 0.0, 0.0], size, looking)
    }

    /// Of the coefficients of a perspective; `None` if that cannot be.
    #[must_use]
    pub fn perspective(matrix: [f64; 8], size: Size, looking: Looking) -> Option<Self> {
        Self::new(true, matrix, size, looking)
    }

    fn new(perspective: bool, matrix: [f64; 8], size: Size, looking: Looking) -> Option<Self> {
        let finite = |numbers: &[f64]| numbers.iter().all(|&number| (number as f32).is_finite());
        let fits = |length: u32| length > 0 && i32::try_from(length).is_ok();
        let known = looking.places != Places::Pillow && looking.interpolation != Interpolation::Bicubic;
        let known = known && finite(&matrix) && finite(&looking.fill.unwrap_or_default());
        (known && fits(size.0) && fits(size.1)).then_some(SampledGrid { perspective, matrix, size, looking })
    }

    /// What places of the output are multiplied by, and what they are divided by, for a source of `size`.
    fn rows(&self, (height, width): Size) -> ([Row; 2], Row) {
        let [a, b, c, d, e, f, g, h] = self.matrix.map(|number| number as f32);
        let (height, width) = if self.perspective { self.size } else { (height, width) };
        let halves = [width, height].map(|length| 0.5 * length as f32);
        let [across, down] = [[a, b, c].map(|of| of / halves[0]), [d, e, f].map(|of| of / halves[1])];
        ([across, down], [g, h, 1.0])
    }

    /// The pixels of a row of the output, plane by plane.
    fn row(
        &self,
        source: &Source<'_>,
        row: u32,
        columns: std::ops::Range<u32>,
        out: &mut Sheet,
        index: usize,
    ) -> Option<()> {
        let fused = self.looking.places == Places::Fused && !is_small(self.size);
        let (theta, depth) = self.rows(source.size);
        let middle = |length: u32| if self.perspective { 0.5 } else { (length as f32 - 1.0) * -0.5 };
        let first = [middle(self.size.1), middle(self.size.0)];
        let lengths = [source.size.1, source.size.0].map(|length| length as f32);
        let fill = self.looking.fill.map(|fill| fill.map(|number| number as f32));
        for (at, column) in columns.enumerate() {
            let place = [first[0] + column as f32, first[1] + row as f32];
            let mut found = gridded(&theta, place, fused);
            if self.perspective {
                let [depth, _] = gridded(&[depth, depth], place, fused);
                found = found.map(|numerator| numerator / depth - 1.0);
            }
            let [x, y] = [0, 1].map(|axis| (found[axis] + 1.0).mul_add(lengths[axis] / 2.0, -0.5));
            let corners = match self.looking.interpolation {
                Interpolation::Nearest => source.nearest(x, y),
                _ => source.corners(x, y),
            };
            let inside = corners.mix(|place| if place.is_some() { 1.0 } else { 0.0 });
            for channel in 0..source.channels {
                let value = corners.mix(|place| place.map_or(0.0, |place| source.value(channel, place)));
                let value = fill.map_or(value, |fill| self.filled(value, inside, fill[channel.min(2)]));
                *out.rows_mut(channel, index, 1).get_mut(at)? = value.round_ties_even() as u8;
            }
        }
        Some(())
    }

    /// What a value is with the fill around it.
    fn filled(&self, value: f32, inside: f32, fill: f32) -> f32 {
        match (self.looking.interpolation, self.looking.generation) {
            (Interpolation::Nearest, _) => {
                if inside < 0.5 {
                    fill
                } else {
                    value
                }
            }
            (_, Generation::V1) => value * inside + (1.0 - inside) * fill,
            (_, Generation::V2) => (value - fill) * inside + fill,
        }
    }
}

/// The planes that are looked at.
#[derive(Debug)]
struct Source<'s> {
    bytes: &'s [u8],
    channels: usize,
    size: Size,
}

impl Source<'_> {
    fn value(&self, channel: usize, place: usize) -> f32 {
        let plane = self.size.0 as usize * self.size.1 as usize;
        f32::from(self.bytes.get(channel * plane + place).copied().unwrap_or_default())
    }

    /// The place of a pixel in its plane, if there is such a pixel.
    fn place(&self, x: f32, y: f32) -> Option<usize> {
        let inside = |at: f32, length: u32| (0.0..length as f32).contains(&at);
        (inside(x, self.size.1) && inside(y, self.size.0))
            .then(|| y as usize * self.size.1 as usize + x as usize)
    }

    fn nearest(&self, x: f32, y: f32) -> Corners {
        Corners::One(self.place(x.round_ties_even(), y.round_ties_even()))
    }

    /// The four pixels around a place, and how much there is of each.
    fn corners(&self, x: f32, y: f32) -> Corners {
        let (left, upper) = (x.floor(), y.floor());
        let (west, north) = (x - left, y - upper);
        let (east, south) = (1.0 - west, 1.0 - north);
        Corners::Four([
            (self.place(left, upper), south * east),
            (self.place(left + 1.0, upper), south * west),
            (self.place(left, upper + 1.0), north * east),
            (self.place(left + 1.0, upper + 1.0), north * west),
        ])
    }
}

/// The pixels that one is made of.
#[derive(Debug, Clone, Copy)]
enum Corners {
    One(Option<usize>),
    Four([(Option<usize>, f32); 4]),
}

impl Corners {
    /// What some values of the pixels come to.
    fn mix(&self, value: impl Fn(Option<usize>) -> f32) -> f32 {
        match self {
            Corners::One(place) => value(*place),
            Corners::Four([first, others @ ..]) => others
                .iter()
                .fold(value(first.0) * first.1, |sum, (place, weight)| value(*place).mul_add(*weight, sum)),
        }
    }
}

/// Memory of one thread.
#[derive(Debug, Default)]
pub struct Sampler {
    source: Vec<u8>,
    out: Sheet,
}

impl Area for SampledGrid {
    type Memory = Sampler;

    fn size(&self, _size: Size) -> Option<Size> {
        Some(self.size)
    }

    fn support(&self, size: Size, wanted: &Region) -> Region {
        if wanted.is_empty() { Region::default() } else { Region { rows: 0..size.0, columns: 0..size.1 } }
    }

    fn make<'m>(
        &self,
        _level: Level,
        source: &Picture<'m>,
        size: Size,
        wanted: &Region,
        memory: &'m mut Sampler,
    ) -> Option<Picture<'m>> {
        let (channels, height, width) = (source.channels(), source.height(), source.width());
        if (height, width) != (size.0 as usize, size.1 as usize) {
            return None;
        }
        let count = channels.checked_mul(height)?.checked_mul(width)?;
        memory.source.clear();
        memory.source.try_reserve_exact(count).ok()?;
        memory.source.resize(count, 0);
        for (index, line) in memory.source.chunks_exact_mut(width.max(1)).enumerate() {
            source.read(index % height, 0, 1, index / height, line);
        }
        if !memory.out.shape(channels, wanted.rows.len(), wanted.columns.len(), 1) {
            return None;
        }
        let planes = Source { bytes: &memory.source, channels, size };
        for (index, row) in wanted.rows.clone().enumerate() {
            self.row(&planes, row, wanted.columns.clone(), &mut memory.out, index)?;
        }
        memory.out.picture()
    }
}

impl Wire for SampledGrid {
    fn put(&self, to: &mut impl Put) {
        to.word(self.perspective.into());
        to.doubles(self.matrix);
        to.words([self.size.0, self.size.1]);
        self.looking.put(to);
    }

    fn take(from: &mut impl Take) -> Option<Self> {
        let (perspective, matrix, size) = (from.flag()?, from.doubles()?, from.size()?);
        SampledGrid::new(perspective, matrix, size, Looking::take(from)?)
    }
}
