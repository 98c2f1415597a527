//! Pillow's resampling filters: which source pixels an output pixel is made of, and with what weights.
//!
//! Pillow evaluates its filters in double precision, normalises them so that they add up to one, and rounds
//! them to 22-bit fixed point. Every operation is repeated here in the same order, since the last bit of a
//! weight decides about pixels. `NEAREST` is written as a filter of one tap with the weight one: the position
//! is accumulated, as Pillow does it, and not multiplied.

use std::f64::consts::PI;
use std::ops::Range;

/// Fractional bits of a weight: 32, less eight for the pixel and two for overshoot.
pub(crate) const PRECISION: u32 = 22;
/// Half of the last place, which every sum of products begins with.
pub(crate) const HALF: i32 = 1 << (PRECISION - 1);
/// Almost two: weights below it in magnitude are three signed bytes.
const SMALL: u32 = 0x7f << 16;
/// Weights are stored in groups of so many, zeros at the end.
pub(crate) const GROUP: usize = 4;

/// A resampling filter of Pillow's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filter {
    /// The pixel under the centre.
    Nearest,
    /// The mean of the pixels under the output pixel.
    Box,
    /// Linear interpolation, widened when shrinking.
    Bilinear,
    /// Sharper than bilinear, without ringing.
    Hamming,
    /// Cubic interpolation with a = -0.5, widened when shrinking.
    Bicubic,
    /// Windowed sinc of three lobes.
    Lanczos,
}

impl Filter {
    /// Half the width of the filter, in output pixels when shrinking, in source pixels otherwise.
    fn support(self) -> f64 {
        match self {
            Filter::Nearest | Filter::Box => 0.5,
            Filter::Bilinear | Filter::Hamming => 1.0,
            Filter::Bicubic => 2.0,
            Filter::Lanczos => 3.0,
        }
    }

    /// The weight at a distance, not yet normalised.
    fn weight(self, x: f64) -> f64 {
        match self {
            Filter::Nearest | Filter::Box => f64::from(x > -0.5 && x <= 0.5),
            Filter::Bilinear => {
                let x = x.abs();
                if x < 1.0 { 1.0 - x } else { 0.0 }
            }
            Filter::Hamming => hamming(x.abs()),
            Filter::Bicubic => bicubic(x.abs()),
            Filter::Lanczos => {
                if (-3.0..3.0).contains(&x) {
                    sinc(x) * sinc(x / 3.0)
                } else {
                    0.0
                }
            }
        }
    }
}

fn hamming(x: f64) -> f64 {
    if x == 0.0 {
        return 1.0;
    }
    if x >= 1.0 {
        return 0.0;
    }
    let x = x * PI;
    // Pillow's constants are single precision.
    x.sin() / x * (f64::from(0.54_f32) + f64::from(0.46_f32) * x.cos())
}

#[expect(clippy::suboptimal_flops, reason = "Pillow rounds after each operation")]
fn bicubic(x: f64) -> f64 {
    const A: f64 = -0.5;
    if x < 1.0 {
        return ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0;
    }
    if x < 2.0 {
        return (((x - 5.0) * x + 8.0) * x - 4.0) * A;
    }
    0.0
}

fn sinc(x: f64) -> f64 {
    if x == 0.0 {
        return 1.0;
    }
    let x = x * PI;
    x.sin() / x
}

/// One axis of a resize: so many pixels become so many, by a filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scaling {
    /// Pixels of the source, at least one.
    pub from: u32,
    /// Pixels of the output, at least one.
    pub to: u32,
    /// How they are made.
    pub filter: Filter,
}

impl Scaling {
    /// Whether nothing changes: Pillow skips the pass of such an axis.
    #[must_use]
    pub fn is_identity(&self) -> bool {
        self.from == self.to
    }

    /// The source pixels that the outputs of a range are made of; none for none.
    #[must_use]
    pub fn support(&self, outputs: &Range<u32>) -> Range<u32> {
        let Some(last) = outputs.end.checked_sub(1).filter(|_| !outputs.is_empty()) else { return 0..0 };
        if self.is_identity() {
            return outputs.clone();
        }
        if self.filter == Filter::Nearest {
            let mut places = self.nearest().skip(outputs.start as usize).take(outputs.len());
            let first = places.next().unwrap_or(0);
            return first..places.last().unwrap_or(first) + 1;
        }
        let geometry = Geometry::new(self);
        geometry.span(outputs.start).start..geometry.span(last).end
    }

    /// The source pixel of each output pixel of the filter `NEAREST`.
    fn nearest(self) -> impl Iterator<Item = u32> {
        let (scale, last) = (self.scale(), self.from.saturating_sub(1));
        let mut position = scale * 0.5;
        (0..self.to).map(move |_| {
            let place = position as u32;
            position += scale;
            place.min(last)
        })
    }

    /// Source pixels per output pixel. Pillow keeps the box that it resizes in single precision.
    fn scale(self) -> f64 {
        f64::from(self.from as f32) / f64::from(self.to)
    }
}

/// The numbers that the spans of all outputs share.
struct Geometry {
    scale: f64,
    support: f64,
    inverse: f64,
    from: u32,
    filter: Filter,
}

impl Geometry {
    fn new(scaling: &Scaling) -> Self {
        let scale = scaling.scale();
        let widening = scale.max(1.0);
        Geometry {
            scale,
            support: scaling.filter.support() * widening,
            inverse: 1.0 / widening,
            from: scaling.from,
            filter: scaling.filter,
        }
    }

    fn center(&self, output: u32) -> f64 {
        (f64::from(output) + 0.5) * self.scale
    }

    /// The source pixels of an output. Conversion to an integer drops the fraction, and takes what is negative
    /// to zero.
    fn span(&self, output: u32) -> Range<u32> {
        let center = self.center(output);
        let first = (center - self.support + 0.5) as u32;
        let end = ((center + self.support + 0.5) as u32).min(self.from);
        first.min(end)..end
    }

    /// The most source pixels of an output.
    fn most(&self) -> usize {
        self.support.ceil() as usize * 2 + 1
    }
}

/// What a range of outputs is made of: for each the first source pixel, and the weights of it and those after
/// it. Memory is reused.
#[derive(Debug, Default)]
pub(crate) struct Taps {
    spans: Vec<Range<u32>>,
    /// `stride` for each output, zeros behind the last.
    weights: Vec<i32>,
    stride: usize,
    /// The weights of one output, before they are rounded.
    exact: Vec<f64>,
    /// Whether all weights are below [`SMALL`], as those of every filter at every size are known to be.
    small: bool,
    choice: bool,
}

impl Taps {
    /// Computes the taps of some outputs. False if there is no memory for them.
    pub(crate) fn prepare(&mut self, scaling: &Scaling, outputs: &Range<u32>) -> bool {
        let geometry = Geometry::new(scaling);
        let nearest = scaling.filter == Filter::Nearest;
        self.choice = nearest;
        let most = if nearest { 1 } else { geometry.most() };
        self.stride = most.next_multiple_of(GROUP);
        self.spans.clear();
        self.weights.clear();
        self.exact.clear();
        let Some(total) = self.stride.checked_mul(outputs.len()) else { return false };
        if self.spans.try_reserve(outputs.len()).is_err()
            || self.weights.try_reserve(total).is_err()
            || self.exact.try_reserve(self.stride).is_err()
        {
            return false;
        }
        self.weights.resize(total, 0);
        if nearest {
            let places = scaling.nearest().skip(outputs.start as usize).take(outputs.len());
            self.spans.extend(places.map(|place| place..place + 1));
            for weight in self.weights.iter_mut().step_by(self.stride) {
                *weight = 1 << PRECISION;
            }
            self.small = true;
            return true;
        }
        let mut largest = 0;
        for (output, weights) in outputs.clone().zip(self.weights.chunks_exact_mut(self.stride)) {
            let (span, center) = (geometry.span(output), geometry.center(output));
            self.exact.clear();
            let filter = geometry.filter;
            self.exact.extend(
                span.clone().map(|x| filter.weight((f64::from(x) - center + 0.5) * geometry.inverse)),
            );
            let sum: f64 = self.exact.iter().fold(0.0, |sum, weight| sum + weight);
            let divisor = if sum == 0.0 { 1.0 } else { sum };
            for (weight, exact) in weights.iter_mut().zip(&self.exact) {
                let exact = exact / divisor * f64::from(1 << PRECISION);
                *weight = if exact < 0.0 { exact - 0.5 } else { exact + 0.5 } as i32;
                largest = largest.max(weight.unsigned_abs());
            }
            self.spans.push(span);
        }
        self.small = largest < SMALL;
        true
    }

    /// Whether every output is one source pixel.
    pub(crate) fn is_choice(&self) -> bool {
        self.choice
    }

    /// Number of outputs.
    pub(crate) fn len(&self) -> usize {
        self.spans.len()
    }

    /// Whether every weight is below [`SMALL`] in magnitude.
    pub(crate) fn is_small(&self) -> bool {
        self.small
    }

    /// The source pixels of output `index`; none if there is no such output.
    pub(crate) fn span(&self, index: usize) -> Range<u32> {
        self.spans.get(index).cloned().unwrap_or_default()
    }

    /// The weights of output `index`, padded with zeros to whole groups.
    pub(crate) fn weights(&self, index: usize) -> &[i32] {
        let count = self.span(index).len().next_multiple_of(GROUP);
        self.weights.get(index * self.stride..).and_then(|weights| weights.get(..count)).unwrap_or(&[])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILTERS: [Filter; 6] =
        [Filter::Nearest, Filter::Box, Filter::Bilinear, Filter::Hamming, Filter::Bicubic, Filter::Lanczos];

    /// Every size up to 48 to every size up to 48, and some larger ones.
    fn scalings() -> impl Iterator<Item = Scaling> {
        let small = (1..49).flat_map(|from| (1..49).map(move |to| (from, to)));
        let large = [(500, 224), (375, 224), (4000, 224), (7, 1000), (1, 300), (300, 1), (1999, 3)];
        small
            .chain(large)
            .flat_map(|(from, to)| FILTERS.into_iter().map(move |filter| Scaling { from, to, filter }))
    }

    #[test]
    fn the_weights_of_every_output_add_up_to_one_and_are_small() {
        for scaling in scalings() {
            let mut taps = Taps::default();
            assert!(taps.prepare(&scaling, &(0..scaling.to)));
            assert!(taps.is_small(), "{scaling:?}");
            for index in 0..taps.len() {
                let span = taps.span(index);
                assert!(!span.is_empty() && span.end <= scaling.from, "{scaling:?} {span:?}");
                let sum: i64 = taps.weights(index).iter().map(|&weight| i64::from(weight)).sum();
                // Each weight is off by half of the last place at most.
                assert!((sum - (1 << PRECISION)).unsigned_abs() <= span.len() as u64, "{scaling:?} {sum}");
                assert!(taps.weights(index).iter().skip(span.len()).all(|&weight| weight == 0));
            }
        }
    }

    #[test]
    fn a_range_of_outputs_has_the_taps_and_the_support_of_the_whole() {
        for scaling in scalings() {
            let (mut whole, mut part) = (Taps::default(), Taps::default());
            assert!(whole.prepare(&scaling, &(0..scaling.to)));
            let range = scaling.to / 3..scaling.to.div_ceil(2).max(scaling.to / 3 + 1);
            assert!(part.prepare(&scaling, &range));
            for index in 0..part.len() {
                let of_whole = index + range.start as usize;
                assert_eq!(part.span(index), whole.span(of_whole));
                assert_eq!(part.weights(index), whole.weights(of_whole));
            }
            let spans = || (0..part.len()).map(|index| part.span(index));
            let support = spans().map(|s| s.start).min().unwrap()..spans().map(|s| s.end).max().unwrap();
            if !scaling.is_identity() {
                assert_eq!(scaling.support(&range), support, "{scaling:?}");
            }
        }
    }

    #[test]
    fn known_weights() {
        // Two pixels to one, bilinear: the triangle from -2 to 2 around the middle, cut at the edges.
        let mut taps = Taps::default();
        assert!(taps.prepare(&Scaling { from: 2, to: 1, filter: Filter::Bilinear }, &(0..1)));
        assert_eq!(taps.weights(0), [1 << 21, 1 << 21, 0, 0]);
        assert!(taps.prepare(&Scaling { from: 2, to: 4, filter: Filter::Bilinear }, &(1..2)));
        assert_eq!(taps.weights(0), [3 << 20, 1 << 20, 0, 0]);
        assert_eq!(Scaling { from: 5, to: 5, filter: Filter::Box }.support(&(2..4)), 2..4);
        assert_eq!(Scaling { from: 5, to: 9, filter: Filter::Box }.support(&(4..4)), 0..0);
    }

    #[test]
    fn nearest_accumulates_its_position() {
        // Some outputs would come from other pixels if the position were a product.
        let differs = (1..400).any(|from| {
            (1..400).any(|to| {
                let scaling = Scaling { from, to, filter: Filter::Nearest };
                let scale = f64::from(from) / f64::from(to);
                scaling.nearest().zip(0..).any(|(at, x)| at != ((f64::from(x) + 0.5) * scale) as u32)
            })
        });
        assert!(differs);
    }
}
