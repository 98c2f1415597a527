//! Sharpness: an image is blended with a smoothed one.
//!
//! Smoothing weighs the pixel itself by 5 and its eight neighbours by 1. Pillow does so in single precision, torchvision
//! by a convolution; both give the integer `(2 * sum + 13) / 26`, since no sum is near enough to a tie for their errors.

use penstock_jpeg::simd::Level;

use super::neighbours::{self, Neighbours};
use super::rows::{BLOCK, Rows};
use crate::image::{ImageView, Region};
use crate::ops::chance::ByChance;
use crate::ops::choice::Choice;
use crate::ops::kinds::{Area, Put, Size, Take, Wire};
use crate::ops::truncated::byte_of_single;

/// `RandomAdjustSharpness`.
pub type RandomAdjustSharpness = ByChance<Sharpness>;

/// In whose arithmetic the two images are blended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blend {
    /// Pillow's.
    Pillow,
    /// That of torchvision's first generation on uint8 tensors. The outermost pixels are blended with themselves.
    Torch1,
    /// That of its second generation, where torch rounds products.
    Torch2,
    /// That of its second generation, where torch has fused multiplications and additions.
    Torch2Fused,
}

impl Choice for Blend {
    const ALL: &[(Self, &str)] = &[
        (Blend::Pillow, "pillow"),
        (Blend::Torch1, "torch1"),
        (Blend::Torch2, "torch2"),
        (Blend::Torch2Fused, "torch2_fused"),
    ];
}

/// Blends. Operands: the factor, 1 for the image as it is; the arithmetic, a [`Blend`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sharpness {
    /// How much there is of the image, the rest being of the smoothed one. It is finite.
    pub factor: f64,
    /// Whose blend.
    pub blend: Blend,
}

impl Sharpness {
    /// The blend of a byte with what its surroundings are smoothed to, as numbers.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "it is compiled for each level's vectors")]
    #[expect(clippy::suboptimal_flops, reason = "each library's own roundings")]
    fn blended(blend: Blend, [factor, rest]: [f32; 2], byte: u8, smooth: u16) -> u8 {
        let less = f32::from(i16::from(byte) - smooth as i16);
        let (own, smooth) = (f32::from(byte), f32::from(smooth));
        let value = match blend {
            Blend::Pillow => smooth + factor * less,
            Blend::Torch1 => factor * own + rest * smooth,
            Blend::Torch2 => own + -less * rest,
            Blend::Torch2Fused => (-less).mul_add(rest, own),
        };
        byte_of_single(value)
    }

    /// The factor, and what the smoothed image is multiplied by.
    fn factors(&self) -> [f32; 2] {
        [self.factor as f32, (1.0 - self.factor) as f32]
    }

    /// [`Rows::make`] with a blend that the compiler knows.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "it is compiled for each level's vectors")]
    fn blocks(blend: Blend, factors: [f32; 2], rows: &[&[u8]; 3], step: usize, count: usize, out: &mut [u8]) {
        for (at, out) in (0..count).step_by(BLOCK).zip(out.chunks_mut(BLOCK)) {
            let mut sums = [0_u16; BLOCK];
            let mut own = [0; BLOCK];
            for (i, row) in rows.iter().enumerate() {
                for j in 0..3 {
                    let Some(bytes) = row.get(at + j * step..).and_then(<[u8]>::first_chunk::<BLOCK>) else {
                        return;
                    };
                    let weight = if (i, j) == (1, 1) { 5 } else { 1 };
                    for (sum, byte) in sums.iter_mut().zip(bytes) {
                        *sum += u16::from(*byte) * weight;
                    }
                    if (i, j) == (1, 1) {
                        own = *bytes;
                    }
                }
            }
            for sum in &mut sums {
                *sum = smooth(*sum);
            }
            let mut made = [0; BLOCK];
            for ((made, smooth), byte) in made.iter_mut().zip(&sums).zip(&own) {
                *made = Self::blended(blend, factors, *byte, *smooth);
            }
            for (byte, made) in out.iter_mut().zip(&made) {
                *byte = *made;
            }
        }
    }
}

/// What a sum is multiplied by for a division by 26, worth 2^-20.
const RECIPROCAL: u32 = 40_330;

/// `(2 * sum + 13) / 26`, for sums of up to 13 bytes.
#[inline(always)]
#[expect(clippy::inline_always, reason = "it is compiled for each level's vectors")]
fn smooth(sum: u16) -> u16 {
    ((u32::from(2 * sum + 13) * RECIPROCAL) >> 16) as u16 >> 4
}

impl Rows<3> for Sharpness {
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "it is compiled for each level's vectors")]
    fn make(&self, rows: &[&[u8]; 3], step: usize, count: usize, out: &mut [u8]) {
        let factors = self.factors();
        match self.blend {
            Blend::Pillow => Self::blocks(Blend::Pillow, factors, rows, step, count, out),
            Blend::Torch1 => Self::blocks(Blend::Torch1, factors, rows, step, count, out),
            Blend::Torch2 => Self::blocks(Blend::Torch2, factors, rows, step, count, out),
            Blend::Torch2Fused => Self::blocks(Blend::Torch2Fused, factors, rows, step, count, out),
        }
    }

    fn border(&self, bytes: &mut [u8]) {
        if self.blend == Blend::Torch1 {
            for byte in bytes {
                *byte = Sharpness::blended(Blend::Torch1, self.factors(), *byte, (*byte).into());
            }
        }
    }
}

impl Area for Sharpness {
    type Memory = Neighbours;

    fn support(&self, size: Size, wanted: &Region) -> Region {
        neighbours::support::<3>(size, wanted)
    }

    fn make<'m>(
        &self,
        level: Level,
        source: &ImageView<'m>,
        size: Size,
        wanted: &Region,
        memory: &'m mut Neighbours,
    ) -> Option<ImageView<'m>> {
        memory.filter(level, source, size, wanted, self)
    }
}

impl Wire for Sharpness {
    fn put(&self, to: &mut impl Put) {
        to.double(self.factor);
        to.choice(self.blend);
    }

    fn take(from: &mut impl Take) -> Option<Self> {
        let factor = from.double().filter(|factor| factor.is_finite())?;
        Some(Sharpness { factor, blend: from.choice()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sum_is_divided_exactly() {
        for sum in 0..=13 * 255_u16 {
            assert_eq!(smooth(sum), (2 * sum + 13) / 26);
        }
    }
}
