//! Contrast: every value mixed with the mean of the image's gray values.
//!
//! Operands: the factor, and whose arithmetic. Pillow rounds the mean to a whole number, torchvision keeps it in single
//! precision. torch's sum is exact in any order while it stays below 2^24; the sum of an image of up to 65,793 pixels
//! does.

use penstock_jpeg::simd::Level;

use super::blend::{self, Blend};
use super::dispatch;
use crate::ops::kinds::{BLOCK_PIXELS, Block, Measured, Put, Take, Wire};
use crate::ops::library::Library;
use crate::ops::statistics::Statistics;
use crate::ops::tables::Tables;

/// Mixes with the mean of gray.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Contrast {
    /// How much of the image there is in the mixture; finite in single precision.
    pub factor: f64,
    /// Whose arithmetic.
    pub library: Library,
}

impl Measured for Contrast {
    fn look(&self, level: Level, block: &Block, pixels: usize, seen: &mut Statistics) {
        let gray = if seen.channels == 1 { block[0] } else { dispatch::gray(level, self.library, block) };
        let gray = gray.iter().take(pixels.min(BLOCK_PIXELS));
        seen.gray += u64::from(gray.map(|&gray| u32::from(gray)).sum::<u32>());
        seen.pixels += pixels as u64;
    }

    fn tables(&self, seen: &Statistics) -> Tables {
        let (sum, pixels) = (seen.gray, seen.pixels.max(1));
        let mean = match self.library {
            Library::Pillow => (sum as f64 / pixels as f64 + 0.5).floor() as f32,
            _ => sum as f32 / pixels as f32,
        };
        let blend = Blend::new(self.factor, self.library);
        Tables::of_each(|byte| blend.byte(mean, byte))
    }
}

impl Wire for Contrast {
    fn put(&self, to: &mut impl Put) {
        blend::put(self.factor, self.library, to);
    }

    fn take(from: &mut impl Take) -> Option<Self> {
        blend::take(from).map(|(factor, library)| Contrast { factor, library })
    }
}
