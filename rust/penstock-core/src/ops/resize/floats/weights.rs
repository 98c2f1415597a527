//! Weights in single precision, in torch's order of operations (`HelperInterpBase::_compute_index_ranges_weights` of
//! `aten/src/ATen/native/cpu/UpSampleKernel.cpp`). Where C's usual conversions make doubles, these do.

use std::ops::Range;

use crate::ops::resize::filter::Filter;

/// What happens to one side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Side {
    pub(super) from: u32,
    pub(super) to: u32,
    pub(super) filter: Filter,
}

/// What each output pixel of a range is made of.
#[derive(Debug, Default)]
pub(super) struct Taps {
    /// For each output pixel, its first source pixel and where its weights are.
    places: Vec<(u32, Range<usize>)>,
    weights: Vec<f32>,
}

impl Side {
    /// The source pixels of a range of output pixels.
    pub(super) fn support(&self, output: &Range<u32>) -> Range<u32> {
        let Some(last) = output.end.checked_sub(1).filter(|_| !output.is_empty()) else { return 0..0 };
        self.range(output.start).start..self.range(last).end
    }

    /// `area_pixel_compute_scale`.
    fn scale(&self) -> f32 {
        self.from as f32 / self.to as f32
    }

    fn centre(&self, output: u32) -> f32 {
        (f64::from(self.scale()) * (f64::from(output) + 0.5)) as f32
    }

    /// Half the width of the filter.
    fn reach(&self) -> f32 {
        let half = if self.filter == Filter::Bicubic { 2.0 } else { 1.0 };
        let scale = self.scale();
        if scale >= 1.0 { half * scale } else { half }
    }

    /// The source pixels of an output pixel.
    fn range(&self, output: u32) -> Range<u32> {
        if self.filter == Filter::Corner {
            // The pixel under the first corner, as of bytes.
            let first = ((output as f32 * self.scale()) as u32).min(self.from.saturating_sub(1));
            return first..first + 1;
        }
        let (centre, reach) = (self.centre(output), self.reach());
        let first = (f64::from(centre - reach) + 0.5).max(0.0) as u32;
        let end = ((f64::from(centre + reach) + 0.5) as u32).min(self.from);
        let most = reach.ceil() as u32 * 2 + 1;
        first..first + end.saturating_sub(first).min(most)
    }

    /// Fills in the taps of a range of output pixels, which count source pixels from `origin`.
    pub(super) fn taps(&self, output: &Range<u32>, origin: u32, taps: &mut Taps) {
        taps.places.clear();
        taps.weights.clear();
        let scale = self.scale();
        let inverse = if scale >= 1.0 { (1.0 / f64::from(scale)) as f32 } else { 1.0 };
        for output in output.clone() {
            let (range, start) = (self.range(output), taps.weights.len());
            let centre = self.centre(output);
            let mut total = 0.0f32;
            for source in range.clone() {
                let distance = (f64::from(source as f32 - centre) + 0.5) * f64::from(inverse);
                let weight = match self.filter {
                    Filter::Bicubic => cubic((distance as f32).abs()),
                    Filter::Corner => 1.0,
                    _ => linear((distance as f32).abs()),
                };
                taps.weights.push(weight);
                total += weight;
            }
            if total != 0.0 {
                taps.weights[start..].iter_mut().for_each(|weight| *weight /= total);
            }
            taps.places.push((range.start - origin, start..taps.weights.len()));
        }
    }
}

impl Taps {
    /// For each output pixel, its first source pixel, and the weights from that on.
    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, &[f32])> + Clone {
        self.places.iter().map(|(first, at)| (*first as usize, self.weights.get(at.clone()).unwrap_or(&[])))
    }

    /// Source pixels up to the last one that is needed.
    pub(super) fn end(&self) -> usize {
        self.iter().map(|(first, weights)| first + weights.len()).max().unwrap_or(0)
    }
}

fn linear(x: f32) -> f32 {
    if x < 1.0 { (1.0 - f64::from(x)) as f32 } else { 0.0 }
}

/// With a = -0.5, as the compiler has fused torch's products with the sums behind them.
fn cubic(x: f32) -> f32 {
    const A: f32 = -0.5;
    if x < 1.0 {
        let inner = (A + 2.0).mul_add(x, -(A + 3.0)) * x;
        return inner.mul_add(x, 1.0);
    }
    if x < 2.0 {
        return A.mul_add(x, -5.0 * A).mul_add(x, 8.0 * A).mul_add(x, -4.0 * A);
    }
    0.0
}
