//! torchvision's transforms of uint8 tensors that look between pixels, or by a perspective: torch's `grid_sample`.
//!
//! Places are numbers between -1 and 1 in single precision, of products of matrices as for [`super::AffineGrid`]. What
//! lies outside is 0, and where there is a fill, a channel of ones is looked at along with the others: what it comes to is
//! how much of a pixel is inside. The order of multiplications and additions is that of `ATen/native/cpu/GridSamplerKernel.cpp`.

use super::sample::Interpolation;
use super::torch_grid::{Places, gridded, is_small};
use crate::ops::generation::Generation;
use crate::ops::kinds::{Put, Size, Take, Wire};

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
    pub fill: Option<[f32; 3]>,
}

impl Looking {
    fn put(&self, to: &mut impl Put) {
        to.choice(self.generation);
        to.choice(self.places);
        to.choice(self.interpolation);
        to.word(self.fill.is_some().into());
        to.doubles(self.fill.unwrap_or_default().map(f64::from));
    }

    fn take(from: &mut impl Take) -> Option<Self> {
        let (generation, places, interpolation) = (from.choice()?, from.choice()?, from.choice()?);
        let (filled, fill) = (from.flag()?, from.doubles()?);
        let fill = filled.then_some(fill.map(|number: f64| number as f32));
        Some(Looking { generation, places, interpolation, fill })
    }
}

/// Takes pixels from where a matrix says that they come from. Operands: whether it is a perspective; the eight numbers of the
/// matrix, of which an affine one has six, and zeros; height and width of the output; those of [`Looking`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SampledGrid {
    perspective: bool,
    // In the precision in which torch has them.
    matrix: [f32; 8],
    pub(super) size: Size,
    pub(super) looking: Looking,
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
        let matrix = matrix.map(|number| number as f32);
        let finite = |numbers: &[f32]| numbers.iter().all(|number| number.is_finite());
        let fits = |length: u32| length > 0 && i32::try_from(length).is_ok();
        let known = looking.places != Places::Pillow && looking.interpolation != Interpolation::Bicubic;
        let known = known && finite(&matrix) && finite(&looking.fill.unwrap_or_default());
        (known && fits(size.0) && fits(size.1)).then_some(SampledGrid { perspective, matrix, size, looking })
    }

    /// What places of the output are multiplied by, and what they are divided by, for a source of `size`.
    fn rows(&self, (height, width): Size) -> ([Row; 2], Row) {
        let [a, b, c, d, e, f, g, h] = self.matrix;
        let (height, width) = if self.perspective { self.size } else { (height, width) };
        let halves = [width, height].map(|length| 0.5 * length as f32);
        let [across, down] = [[a, b, c].map(|of| of / halves[0]), [d, e, f].map(|of| of / halves[1])];
        ([across, down], [g, h, 1.0])
    }

    /// Makes pixels of a row of the output, from one column on, of `CHANNELS` bytes each.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "it is compiled for each level's vectors")]
    pub(crate) fn row<const CHANNELS: usize>(
        &self,
        texels: &Texels<'_>,
        row: u32,
        first: u32,
        out: &mut [u8],
    ) {
        for (index, out) in out.chunks_mut(GROUP * CHANNELS).enumerate() {
            let places = self.places(texels.size, row, first.wrapping_add((index * GROUP) as u32));
            let pixels = out.as_chunks_mut::<CHANNELS>().0;
            if self.looking.interpolation == Interpolation::Nearest {
                self.nearest(texels, &places, pixels);
            } else {
                self.between(texels, &places, pixels);
            }
        }
    }

    /// Columns and rows of the source where pixels of a row of the output come from, from one on.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "it is compiled for each level's vectors")]
    pub(super) fn places(&self, source: Size, row: u32, first: u32) -> [[f32; GROUP]; 2] {
        let fused = self.looking.places == Places::Fused && !is_small(self.size);
        let (theta, depth) = self.rows(source);
        let middle = |length: u32| if self.perspective { 0.5 } else { (length as f32 - 1.0) * -0.5 };
        let (left, y) = (middle(self.size.1) + first as f32, middle(self.size.0) + row as f32);
        let [width, height] = [source.1, source.0].map(|length| length as f32 / 2.0);
        let [mut across, mut down] = [[0.0; GROUP]; 2];
        for (i, (x_out, y_out)) in across.iter_mut().zip(&mut down).enumerate() {
            let place = [left + i as i32 as f32, y];
            let mut found = gridded(&theta, place, fused);
            if self.perspective {
                let [depth, _] = gridded(&[depth, depth], place, fused);
                found = found.map(|numerator| numerator / depth - 1.0);
            }
            *x_out = (found[0] + 1.0).mul_add(width, -0.5);
            *y_out = (found[1] + 1.0).mul_add(height, -0.5);
        }
        [across, down]
    }

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "it is compiled for each level's vectors")]
    fn nearest<const CHANNELS: usize>(
        &self,
        texels: &Texels<'_>,
        [across, down]: &[[f32; GROUP]; 2],
        out: &mut [[u8; CHANNELS]],
    ) {
        let fill = self.looking.fill.map(|fill| fill.map(|number| number.round_ties_even() as u8));
        for ((out, x), y) in out.iter_mut().zip(across).zip(down) {
            let texel = texels.at(texels.offset(x.round_ties_even(), y.round_ties_even()));
            let [colours @ .., inside] = &texel;
            let shown = if let Some(fill) = fill.as_ref().filter(|_| *inside == 0) { fill } else { colours };
            out.copy_from_slice(&shown[..CHANNELS]);
        }
    }

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "it is compiled for each level's vectors")]
    #[expect(clippy::suboptimal_flops, reason = "torch's own roundings")]
    fn between<const CHANNELS: usize>(
        &self,
        texels: &Texels<'_>,
        [across, down]: &[[f32; GROUP]; 2],
        out: &mut [[u8; CHANNELS]],
    ) {
        let mut offsets = [0; GROUP];
        let mut weights = [[0.0; GROUP]; 4];
        let [of_first, of_second, of_third, of_fourth] = &mut weights;
        let all = of_first.iter_mut().zip(of_second).zip(of_third.iter_mut().zip(of_fourth));
        for (((((first, second), (third, fourth)), offset), x), y) in
            all.zip(&mut offsets).zip(across).zip(down)
        {
            let (left, upper) = (x.floor(), y.floor());
            let (west, north) = (x - left, y - upper);
            let (east, south) = (1.0 - west, 1.0 - north);
            (*first, *second, *third, *fourth) = (south * east, south * west, north * east, north * west);
            *offset = texels.offset(left, upper);
        }
        let fill = self.looking.fill;
        let first = self.looking.generation == Generation::V1;
        for (i, (out, offset)) in out.iter_mut().zip(offsets).enumerate() {
            let corners = [offset, offset + 1, offset + texels.stride, offset + texels.stride + 1];
            let mut sums = [0.0; 4];
            for (sum, byte) in sums.iter_mut().zip(texels.at(corners[0])) {
                *sum = f32::from(byte) * weights[0][i];
            }
            for (corner, weights) in corners.iter().zip(&weights).skip(1) {
                for (sum, byte) in sums.iter_mut().zip(texels.at(*corner)) {
                    *sum = f32::from(byte).mul_add(weights[i], *sum);
                }
            }
            let [colours @ .., inside] = &mut sums;
            if let Some(fill) = &fill {
                for (value, fill) in colours.iter_mut().zip(fill) {
                    *value = if first {
                        *value * *inside + (1.0 - *inside) * fill
                    } else {
                        (*value - fill) * *inside + fill
                    };
                }
            }
            for (out, value) in out.iter_mut().zip(colours) {
                *out = value.round_ties_even() as u8;
            }
        }
    }
}

/// Pixels whose places are found at a time.
pub(super) const GROUP: usize = 32;
/// Pixels of nothing around a source: as many as a place's left and upper neighbours can be outside, and its others.
pub(super) const BORDER: usize = 2;

/// A source: three channels, of which one of a single channel has the first, and a one; around it are zeros.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Texels<'t> {
    pub(super) pixels: &'t [[u8; 4]],
    pub(super) stride: usize,
    pub(super) size: Size,
}

impl Texels<'_> {
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "it is compiled for each level's vectors")]
    fn at(&self, offset: usize) -> [u8; 4] {
        self.pixels.get(offset).copied().unwrap_or_default()
    }

    /// Where the pixel of a whole column and row lies; one that is far outside, or no number, lies in the border.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "it is compiled for each level's vectors")]
    fn offset(&self, x: f32, y: f32) -> usize {
        let least = -(BORDER as f32);
        let within = |at: f32, length: u32| {
            let at = if at > least { at } else { least };
            let most = length as f32;
            (if at < most { at } else { most } - least) as u32 as usize
        };
        within(y, self.size.0) * self.stride + within(x, self.size.1)
    }
}

impl Wire for SampledGrid {
    fn put(&self, to: &mut impl Put) {
        to.word(self.perspective.into());
        to.doubles(self.matrix.map(f64::from));
        to.words([self.size.0, self.size.1]);
        self.looking.put(to);
    }

    fn take(from: &mut impl Take) -> Option<Self> {
        let (perspective, matrix, size) = (from.flag()?, from.doubles()?, from.size()?);
        SampledGrid::new(perspective, matrix, size, Looking::take(from)?)
    }
}
