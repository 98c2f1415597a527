//! Resampling filters: which source pixels an output pixel is made of, and with what weights.
//!
//! Pillow evaluates its filters in double precision, normalises them so that they add up to one, and rounds
//! them to fixed point; torch does the same to uint8 tensors, with fewer bits ([`Precision`]). Every operation
//! is repeated here in the same order, since the last bit of a weight decides about pixels. The nearest filters
//! are written as filters of one tap with the weight one; they differ in where they look ([`Filter`]).

use std::f64::consts::PI;
use std::ops::Range;

use crate::ops::choice::Choice;

/// Fractional bits of a weight at most: 32, less eight for the pixel and two for overshoot.
const MOST_BITS: u32 = 22;
/// Fractional bits of the weight one of a filter that chooses; any number would do, and few are quick.
const CHOICE_BITS: u32 = 14;
/// Weights are stored in groups of so many, zeros at the end.
pub(crate) const GROUP: usize = 4;

/// How weights are rounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precision {
    /// To 22 fractional bits, as Pillow has them.
    Fixed,
    /// To as many fractional bits, at most 22, as the largest weight of the whole axis leaves in 16, as torch
    /// has them.
    Fitted,
}

/// A resampling filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filter {
    /// The pixel under the centre. Its position is accumulated in double precision: Pillow's nearest.
    Nearest,
    /// The pixel under the first corner, by a product in single precision: torch's `nearest`.
    Corner,
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

/// The numbers are Pillow's, but for the last.
impl Choice for Filter {
    const ALL: &[(Self, &str)] = &[
        (Filter::Nearest, "nearest"),
        (Filter::Lanczos, "lanczos"),
        (Filter::Bilinear, "bilinear"),
        (Filter::Bicubic, "bicubic"),
        (Filter::Box, "box"),
        (Filter::Hamming, "hamming"),
        (Filter::Corner, "corner"),
    ];
}

impl Filter {
    /// Whether every output pixel is one source pixel.
    #[must_use]
    pub fn chooses(self) -> bool {
        matches!(self, Filter::Nearest | Filter::Corner)
    }

    /// Half the width of the filter, in output pixels when shrinking, in source pixels otherwise.
    fn support(self) -> f64 {
        match self {
            Filter::Nearest | Filter::Corner | Filter::Box => 0.5,
            Filter::Bilinear | Filter::Hamming => 1.0,
            Filter::Bicubic => 2.0,
            Filter::Lanczos => 3.0,
        }
    }

    /// The weight at a distance, not yet normalised.
    fn weight(self, x: f64) -> f64 {
        match self {
            Filter::Nearest | Filter::Corner | Filter::Box => f64::from(x > -0.5 && x <= 0.5),
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
    /// How its weights are rounded.
    pub precision: Precision,
}

impl Scaling {
    /// Whether nothing changes: Pillow and torch skip the pass of such an axis.
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
        if self.filter.chooses() {
            let mut places = self.chosen(outputs);
            let first = places.next().unwrap_or(0);
            return first..places.last().unwrap_or(first) + 1;
        }
        let geometry = Geometry::new(self);
        geometry.span(outputs.start).start..geometry.span(last).end
    }

    /// The source pixel of each output pixel of a range, for a filter that chooses.
    fn chosen(self, outputs: &Range<u32>) -> impl Iterator<Item = u32> {
        let (scale, last) = (self.scale(), self.from.saturating_sub(1));
        let single = self.from as f32 / self.to as f32;
        let mut accumulated = scale * 0.5;
        let places = (0..self.to).map(move |output| {
            let place = match self.filter {
                Filter::Corner => (output as f32 * single) as u32,
                _ => accumulated as u32,
            };
            accumulated += scale;
            place.min(last)
        });
        places.skip(outputs.start as usize).take(outputs.len())
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

    /// Writes the weights of an output's pixels and returns the largest; what comes behind them is left as it is.
    fn weigh(&self, output: u32, span: &Range<u32>, weights: &mut [f64]) -> f64 {
        let center = self.center(output);
        let mut sum = 0.0;
        for (weight, x) in weights.iter_mut().zip(span.clone()) {
            *weight = self.filter.weight((f64::from(x) - center + 0.5) * self.inverse);
            sum += *weight;
        }
        let divisor = if sum == 0.0 { 1.0 } else { sum };
        weights.iter_mut().zip(span.clone()).fold(0.0, |largest: f64, (weight, _)| {
            *weight /= divisor;
            largest.max(*weight)
        })
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
    /// The weights before they are rounded, in the same places.
    exact: Vec<f64>,
    /// Fractional bits of the weights.
    bits: u32,
    /// The magnitude of the largest weight.
    largest: u32,
    choice: bool,
}

impl Taps {
    /// Computes the taps of some outputs. False if there is no memory for them.
    pub(crate) fn prepare(&mut self, scaling: &Scaling, outputs: &Range<u32>) -> bool {
        let geometry = Geometry::new(scaling);
        self.choice = scaling.filter.chooses();
        let most = if self.choice { 1 } else { geometry.most() };
        self.stride = most.next_multiple_of(GROUP);
        self.spans.clear();
        self.weights.clear();
        self.exact.clear();
        let Some(total) = self.stride.checked_mul(outputs.len()) else { return false };
        if self.spans.try_reserve(outputs.len()).is_err()
            || self.weights.try_reserve(total).is_err()
            || self.exact.try_reserve(total + self.stride).is_err()
        {
            return false;
        }
        self.weights.resize(total, 0);
        if self.choice {
            self.spans.extend(scaling.chosen(outputs).map(|place| place..place + 1));
            (self.bits, self.largest) = (CHOICE_BITS, 1 << CHOICE_BITS);
            for weight in self.weights.iter_mut().step_by(self.stride) {
                *weight = 1 << CHOICE_BITS;
            }
            return true;
        }
        self.exact.resize(total + self.stride, 0.0);
        let (exact, other) = self.exact.split_at_mut(total);
        let mut heaviest: f64 = 0.0;
        for (output, exact) in outputs.clone().zip(exact.chunks_exact_mut(self.stride)) {
            let span = geometry.span(output);
            heaviest = heaviest.max(geometry.weigh(output, &span, exact));
            self.spans.push(span);
        }
        self.bits = MOST_BITS;
        if scaling.precision == Precision::Fitted {
            for output in (0..outputs.start).chain(outputs.end..scaling.to) {
                heaviest = heaviest.max(geometry.weigh(output, &geometry.span(output), other));
            }
            let too_many = |bits: &u32| 0.5 + heaviest * f64::from(2 << bits) >= f64::from(1 << 15);
            self.bits = (0..MOST_BITS).find(too_many).unwrap_or(MOST_BITS);
        }
        self.largest = 0;
        for (weight, exact) in self.weights.iter_mut().zip(&self.exact) {
            let exact = exact * f64::from(1 << self.bits);
            *weight = if exact < 0.0 { exact - 0.5 } else { exact + 0.5 } as i32;
            self.largest = self.largest.max(weight.unsigned_abs());
        }
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

    /// Fractional bits of the weights.
    pub(crate) fn bits(&self) -> u32 {
        self.bits
    }

    /// The magnitude of the largest weight.
    pub(crate) fn largest(&self) -> u32 {
        self.largest
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

    const FILTERS: [Filter; 7] = [
        Filter::Nearest,
        Filter::Corner,
        Filter::Box,
        Filter::Bilinear,
        Filter::Hamming,
        Filter::Bicubic,
        Filter::Lanczos,
    ];

    fn bilinear(from: u32, to: u32, precision: Precision) -> Scaling {
        Scaling { from, to, filter: Filter::Bilinear, precision }
    }

    /// Every size up to 48 to every size up to 48, and some larger ones.
    fn scalings() -> impl Iterator<Item = Scaling> {
        let small = (1..49).flat_map(|from| (1..49).map(move |to| (from, to)));
        let large = [(500, 224), (375, 224), (4000, 224), (7, 1000), (1, 300), (300, 1), (1999, 3)];
        small.chain(large).flat_map(|(from, to)| {
            let of = move |precision| FILTERS.map(|filter| Scaling { from, to, filter, precision });
            [Precision::Fixed, Precision::Fitted].into_iter().flat_map(of)
        })
    }

    #[test]
    fn the_weights_of_every_output_add_up_to_one_and_are_small() {
        for scaling in scalings() {
            let mut taps = Taps::default();
            assert!(taps.prepare(&scaling, &(0..scaling.to)));
            let least = if taps.is_choice() || taps.bits() == MOST_BITS { 0 } else { 1 << 14 };
            let most = if scaling.precision == Precision::Fixed { 0x7f << 16 } else { 1 << 15 };
            assert!((least..most).contains(&taps.largest()), "{scaling:?}");
            for index in 0..taps.len() {
                let span = taps.span(index);
                assert!(!span.is_empty() && span.end <= scaling.from, "{scaling:?} {span:?}");
                let sum: i64 = taps.weights(index).iter().map(|&weight| i64::from(weight)).sum();
                // Each weight is off by half of the last place at most.
                assert!((sum - (1 << taps.bits())).unsigned_abs() <= span.len() as u64, "{scaling:?} {sum}");
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
            assert_eq!(part.bits(), whole.bits(), "{scaling:?}");
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
        assert!(taps.prepare(&bilinear(2, 1, Precision::Fixed), &(0..1)));
        assert_eq!(taps.weights(0), [1 << 21, 1 << 21, 0, 0]);
        assert!(taps.prepare(&bilinear(2, 4, Precision::Fixed), &(1..2)));
        assert_eq!(taps.weights(0), [3 << 20, 1 << 20, 0, 0]);
        let boxed = |to| Scaling { filter: Filter::Box, ..bilinear(5, to, Precision::Fixed) };
        assert_eq!(boxed(5).support(&(2..4)), 2..4);
        assert_eq!(boxed(9).support(&(4..4)), 0..0);
    }

    #[test]
    fn fitted_weights_take_the_bits_that_the_largest_of_the_axis_leaves() {
        let mut taps = Taps::default();
        // Half is the largest weight: one bit more would make it 2^15.
        assert!(taps.prepare(&bilinear(2, 1, Precision::Fitted), &(0..1)));
        assert_eq!((taps.bits(), taps.weights(0)), (15, &[1 << 14, 1 << 14, 0, 0][..]));
        // The outputs at the edges, which are not asked for, are made of one pixel alone.
        assert!(taps.prepare(&bilinear(2, 4, Precision::Fitted), &(1..2)));
        assert_eq!((taps.bits(), taps.weights(0)), (14, &[3 << 12, 1 << 12, 0, 0][..]));
        assert!(taps.prepare(&bilinear(1 << 10, 1, Precision::Fitted), &(0..1)));
        assert_eq!(taps.bits(), MOST_BITS);
    }

    #[test]
    fn nearest_filters_look_at_different_places() {
        let chosen = |from, to, filter| {
            let scaling = Scaling { filter, ..bilinear(from, to, Precision::Fixed) };
            scaling.chosen(&(0..to)).collect::<Vec<_>>()
        };
        assert_eq!(chosen(3, 7, Filter::Nearest), [0, 0, 1, 1, 1, 2, 2]);
        assert_eq!(chosen(3, 7, Filter::Corner), [0, 0, 0, 1, 1, 2, 2]);
        // Now and then a position that is accumulated has another last bit than a product.
        let product = |from, to, x| (f64::from(from) / f64::from(to) * (f64::from(x) + 0.5)) as u32;
        let differs = |from, to| (0..to).map(|x| product(from, to, x)).ne(chosen(from, to, Filter::Nearest));
        assert!((1..400).any(|from| (1..400).any(|to| differs(from, to))));
    }
}
