//! `ImageFilter.Kernel`, of 3 by 3 or 5 by 5 weights: SMOOTH, SHARPEN, EMBOSS and the like, in Pillow's single precision.

use std::sync::Arc;

use penstock_jpeg::simd::Level;

use super::neighbours::{self, Neighbours};
use super::rows::{BLOCK, Rows};
use crate::image::{ImageView, Region};
use crate::ops::kinds::{Area, Put, Size, Take, Wire};
use crate::ops::truncated::byte_of_single;

/// Weighs a square of `SIDE` by `SIDE` pixels. Operands: the weights, row by row, as the user gave them; the number that
/// each is divided by; what is added to the sum.
#[derive(Debug, Clone, PartialEq)]
pub struct Kernel<const SIDE: usize> {
    numbers: Arc<Numbers<SIDE>>,
}

#[derive(Debug, PartialEq)]
struct Numbers<const SIDE: usize> {
    weights: [[f32; SIDE]; SIDE],
    scale: f32,
    offset: f32,
}

/// 3 by 3.
pub type Kernel3 = Kernel<3>;
/// 5 by 5.
pub type Kernel5 = Kernel<5>;

impl<const SIDE: usize> Kernel<SIDE> {
    /// `None` if a weight, or the offset, is not finite.
    #[must_use]
    pub fn new(weights: [[f32; SIDE]; SIDE], scale: f32, offset: f32) -> Option<Self> {
        let numbers = Numbers { weights, scale, offset };
        let finite = numbers.divided().as_flattened().iter().all(|weight| weight.is_finite());
        (finite && offset.is_finite()).then(|| Kernel { numbers: Arc::new(numbers) })
    }
}

impl<const SIDE: usize> Numbers<SIDE> {
    fn divided(&self) -> [[f32; SIDE]; SIDE] {
        self.weights.map(|row| row.map(|weight| weight / self.scale))
    }
}

/// What a row is made by.
struct Weights<const SIDE: usize> {
    /// For the lowest row first, as Pillow turns kernels upside down.
    rows: [[f32; SIDE]; SIDE],
    /// What sums begin with, so that they are rounded when their fraction is dropped.
    begin: f32,
}

impl<const SIDE: usize> Rows<SIDE> for Weights<SIDE> {
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "it is compiled for each level's vectors")]
    fn make(&self, rows: &[&[u8]; SIDE], step: usize, count: usize, out: &mut [u8]) {
        for (at, out) in (0..count).step_by(BLOCK).zip(out.chunks_mut(BLOCK)) {
            let mut sums = [self.begin; BLOCK];
            for (row, weights) in rows.iter().rev().zip(&self.rows) {
                let mut of_row = [0.0; BLOCK];
                for (i, weight) in weights.iter().enumerate() {
                    let Some(bytes) = row.get(at + i * step..).and_then(<[u8]>::first_chunk::<BLOCK>) else {
                        return;
                    };
                    for (sum, byte) in of_row.iter_mut().zip(bytes) {
                        let product = f32::from(*byte) * weight;
                        *sum = if i == 0 { product } else { *sum + product };
                    }
                }
                for (sum, of_row) in sums.iter_mut().zip(&of_row) {
                    *sum += of_row;
                }
            }
            for (byte, sum) in out.iter_mut().zip(&sums) {
                *byte = byte_of_single(*sum);
            }
        }
    }
}

impl<const SIDE: usize> Area for Kernel<SIDE> {
    type Memory = Neighbours;

    fn support(&self, size: Size, wanted: &Region) -> Region {
        neighbours::support::<SIDE>(size, wanted)
    }

    fn make<'m>(
        &self,
        level: Level,
        source: &ImageView<'m>,
        size: Size,
        wanted: &Region,
        memory: &'m mut Neighbours,
    ) -> Option<ImageView<'m>> {
        let begin = (f64::from(self.numbers.offset) + 0.5) as f32;
        memory.filter(level, source, size, wanted, &Weights { rows: self.numbers.divided(), begin })
    }
}

impl<const SIDE: usize> Wire for Kernel<SIDE> {
    fn put(&self, to: &mut impl Put) {
        let Numbers { weights, scale, offset } = &*self.numbers;
        let numbers = weights.as_flattened().iter().chain([scale, offset]);
        numbers.for_each(|&number| to.double(number.into()));
    }

    fn take(from: &mut impl Take) -> Option<Self> {
        let mut weights = [[0.0; SIDE]; SIDE];
        for weight in weights.as_flattened_mut() {
            *weight = from.double()? as f32;
        }
        Kernel::new(weights, from.double()? as f32, from.double()? as f32)
    }
}
