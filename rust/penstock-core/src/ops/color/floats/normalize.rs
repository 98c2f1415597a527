//! `Normalize` of numbers that were converted before they were changed; elsewhere it is part of the plan's table.

use penstock_jpeg::simd::Level;

use super::dispatch;
use crate::image::Planes;
use crate::ops::kinds::{FloatPixels, Put, Take, Wire};

/// Channels of an image at most.
const CHANNELS: usize = 3;

/// Subtracts a mean and divides by a deviation, channel by channel; both are there for each.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NormalizeFloats {
    /// Of each channel.
    pub mean: [f32; CHANNELS],
    /// Of each channel.
    pub deviation: [f32; CHANNELS],
}

impl FloatPixels for NormalizeFloats {
    fn change(&self, level: Level, planes: &mut Planes) {
        let Self { mean, deviation } = *self;
        dispatch::change(
            level,
            planes,
            #[inline(always)]
            |planes| {
                let plane = (planes.rows() * planes.columns()).max(1);
                let of_channels = mean.into_iter().zip(deviation);
                for (numbers, (mean, deviation)) in planes.numbers_mut().chunks_mut(plane).zip(of_channels) {
                    for number in numbers {
                        *number = ((f32::from_ne_bytes(*number) - mean) / deviation).to_ne_bytes();
                    }
                }
            },
        );
    }
}

impl Wire for NormalizeFloats {
    fn put(&self, to: &mut impl Put) {
        to.doubles(self.mean.map(f64::from));
        to.doubles(self.deviation.map(f64::from));
    }

    fn take(from: &mut impl Take) -> Option<Self> {
        let [mean, deviation] = [from.doubles()?, from.doubles()?];
        Some(Self { mean: mean.map(|x: f64| x as f32), deviation: deviation.map(|x: f64| x as f32) })
    }
}
