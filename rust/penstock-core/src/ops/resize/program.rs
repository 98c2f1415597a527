//! The horizontal pass as a program for vectors.
//!
//! A row of output is made in [`Group`]s of as many pixels as a vector has sums. Pixels that are close in the
//! output are close in the source, so one load of a *window* of the row has what several sums need: a
//! [`Chunk`] is a load, a byte shuffle that brings the next few source pixels of each sum to its lane, and the
//! weights of those. What lies beyond the window is left to the next chunk. All rows go through the same
//! program, so it is worth building for each size; three interleaved channels differ in their shuffles only.
//!
//! With AVX-512 (and VNNI) a lane takes four pixels at a time; a weight is three signed bytes, worth 2^16, 2^8
//! and 1, so three products of bytes give the exact sum. With AVX2 it takes two; a weight is two halves of 11
//! bits, and two products of 16-bit numbers give it. Small weights have one part less ([`Shape::of_bytes`]).

use std::ops::Range;

use super::filter::Taps;

/// How a level's vectors are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shape {
    /// Sums per vector.
    lanes: usize,
    /// Bytes of a window.
    pub(crate) window: usize,
    /// Source pixels that a chunk adds to a sum.
    taps: usize,
    /// Parts of a weight, each of which takes a product.
    pub(crate) parts: usize,
}

/// One more than the magnitudes of which two and three signed bytes have every number.
const TWO_BYTES: u32 = 0x7f80;
const THREE_BYTES: u32 = 0x7f_7f80;
/// The same of one and two words.
const ONE_WORD: u32 = 0x8000;
const TWO_WORDS: u32 = ONE_WORD << WORD_BITS;
/// What the upper of two words is worth.
pub(crate) const WORD_BITS: u32 = 11;

impl Shape {
    /// A window of 64 bytes for 16 sums.
    const BYTES: Shape = Shape { lanes: 16, window: 64, taps: 4, parts: 3 };
    /// A window of 16 bytes, in both halves of the vector, for 8 sums.
    const WORDS: Shape = Shape { lanes: 8, window: 16, taps: 2, parts: 2 };

    /// For bytes, with weights of up to a magnitude; `None` if they are too large.
    pub(crate) fn of_bytes(largest: u32) -> Option<Shape> {
        match largest {
            ..TWO_BYTES => Some(Shape { parts: 2, ..Shape::BYTES }),
            TWO_BYTES..THREE_BYTES => Some(Shape::BYTES),
            _ => None,
        }
    }

    /// For words, with weights of up to a magnitude; `None` if they are too large.
    pub(crate) fn of_words(largest: u32) -> Option<Shape> {
        match largest {
            ..ONE_WORD => Some(Shape { parts: 1, ..Shape::WORDS }),
            ONE_WORD..TWO_WORDS => Some(Shape::WORDS),
            _ => None,
        }
    }

    /// Whether it makes rows of so many bytes: only AVX-512 can cut a load short.
    pub(crate) fn takes(self, bytes: usize) -> bool {
        self.taps == Shape::BYTES.taps || bytes >= self.window
    }

    /// Output pixels of a vector, and the lane of each. A pixel of three channels does not lie across halves.
    fn pixels(self, step: usize) -> (usize, usize) {
        match (step, self.lanes) {
            (1, lanes) => (lanes, 1),
            (_, 8) => (2, 4),
            (step, lanes) => (lanes / step, step),
        }
    }
}

/// Chunks whose tables stay in the first-level cache beside the rows.
const TILE_CHUNKS: usize = 64;

/// One load, one shuffle, one set of products.
#[derive(Debug, Clone)]
#[repr(align(64))]
pub(crate) struct Chunk {
    /// For each lane the places in the window of the bytes that it takes.
    pub(crate) places: [u32; 16],
    /// For each lane the parts of their weights, the highest first.
    pub(crate) weights: [[u32; 16]; 3],
}

impl Chunk {
    const EMPTY: Chunk = Chunk { places: [0; 16], weights: [[0; 16]; 3] };
}

/// Neighbouring pixels of the output.
#[derive(Debug, Clone)]
pub(crate) struct Group {
    /// Their chunks.
    pub(crate) chunks: Range<usize>,
    /// Where in the row of output they go.
    pub(crate) out: usize,
}

/// See the module's text. Memory is reused.
#[derive(Debug, Default)]
pub(crate) struct Program {
    groups: Vec<Group>,
    chunks: Vec<Chunk>,
    /// Where in the row the window of each chunk begins.
    starts: Vec<usize>,
    /// Fractional bits of the weights.
    pub(crate) bits: u32,
}

/// A row of the source, or a part of it, as the program meets it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RowOf {
    /// Number of the first pixel that it has.
    pub(crate) first: u32,
    /// Its size in bytes.
    pub(crate) bytes: usize,
    /// Bytes from pixel to pixel: 1 or 3.
    pub(crate) step: usize,
}

impl Program {
    /// Builds the program that makes all outputs of `taps` from such rows.
    pub(crate) fn build(&mut self, shape: Shape, taps: &Taps, row: RowOf) {
        self.groups.clear();
        self.chunks.clear();
        self.starts.clear();
        self.bits = taps.bits();
        let (pixels, _) = shape.pixels(row.step);
        for first in (0..taps.len()).step_by(pixels) {
            let begin = self.chunks.len();
            self.add_group(shape, taps, row, first..taps.len().min(first + pixels));
            self.groups.push(Group { chunks: begin..self.chunks.len(), out: first * row.step });
        }
    }

    /// The groups, in the order of the output, in tiles: all rows may go through one tile before they go
    /// through the next.
    pub(crate) fn tiles(&self) -> impl Iterator<Item = &[Group]> {
        let groups = TILE_CHUNKS * self.groups.len() / self.chunks.len().max(1);
        self.groups.chunks(groups.max(1))
    }

    /// A group's chunks, with the places in the row where their windows begin.
    pub(crate) fn chunks(&self, group: &Group) -> impl Iterator<Item = (&Chunk, usize)> {
        let chunks = self.chunks.get(group.chunks.clone()).unwrap_or(&[]);
        chunks.iter().zip(self.starts.get(group.chunks.clone()).unwrap_or(&[]).iter().copied())
    }

    /// Adds the chunks of one group.
    fn add_group(&mut self, shape: Shape, taps: &Taps, row: RowOf, outputs: Range<usize>) {
        let (_, lanes) = shape.pixels(row.step);
        // For each pixel of the group the source pixels that are not added yet, and all weights.
        let mut left = [const { (0..0, &[] as &[i32]) }; 16];
        for (output, left) in outputs.clone().zip(&mut left) {
            let span = taps.span(output);
            *left =
                ((span.start - row.first) as usize..(span.end - row.first) as usize, taps.weights(output));
        }
        let left = left.get_mut(..outputs.len()).unwrap_or(&mut []);
        while let Some(low) = left.iter().filter(|(pixels, _)| !pixels.is_empty()).map(|(p, _)| p.start).min()
        {
            // A window does not reach beyond the row, if that is as long as a window.
            let start = (low * row.step).min(row.bytes.saturating_sub(shape.window));
            let end = (start + shape.window) / row.step;
            let mut chunk = Chunk::EMPTY;
            for (pixel, (pixels, weights)) in left.iter_mut().enumerate() {
                let count = shape.taps.min(pixels.len()).min(end.saturating_sub(pixels.start));
                let Some((now, later)) = weights.split_at_checked(count).filter(|_| count > 0) else {
                    continue;
                };
                let place = pixels.start * row.step - start;
                match (shape.taps, shape.parts) {
                    (4, 2) => chunk.set_bytes::<2>(pixel * lanes, row.step, place, now),
                    (4, _) => chunk.set_bytes::<3>(pixel * lanes, row.step, place, now),
                    (_, 1) => chunk.set_words::<1>(pixel * lanes, row.step, place, now),
                    _ => chunk.set_words::<2>(pixel * lanes, row.step, place, now),
                }
                pixels.start += count;
                *weights = later;
            }
            self.chunks.push(chunk);
            self.starts.push(start);
        }
    }
}

impl Chunk {
    /// Gives the lanes of one pixel, one for each of its channels, up to four source pixels.
    fn set_bytes<const PARTS: usize>(&mut self, lane: usize, step: usize, place: usize, weights: &[i32]) {
        let parts = byte_weights::<PARTS>(weights);
        let places = place as u32 * 0x0101_0101 + step as u32 * 0x0302_0100;
        for channel in 0..step {
            // Places of pixels that are not taken may lie anywhere: the shuffle looks at six bits, and their
            // weights are zero.
            self.set(lane + channel, places.wrapping_add(channel as u32 * 0x0101_0101), parts);
        }
    }

    /// Gives the lanes of one pixel, one for each of its channels, up to two source pixels.
    fn set_words<const PARTS: usize>(&mut self, lane: usize, step: usize, place: usize, weights: &[i32]) {
        let parts = word_weights::<PARTS>(weights);
        let place = place as u32;
        for channel in 0..step as u32 {
            // The top bit of a place gives a zero.
            let first = (place + channel) | 0x8000;
            let second = if weights.len() > 1 { (place + channel + step as u32) | 0x8000 } else { 0x8080 };
            self.set(lane + channel as usize, first | second << 16, parts);
        }
    }

    fn set<const PARTS: usize>(&mut self, lane: usize, places: u32, weights: [u32; PARTS]) {
        if let Some(slot) = self.places.get_mut(lane) {
            *slot = places;
        }
        for (slots, weight) in self.weights.iter_mut().zip(weights) {
            if let Some(slot) = slots.get_mut(lane) {
                *slot = weight;
            }
        }
    }
}

/// Up to four weights as signed bytes, each worth 2^8 times the next, the bytes of one worth in a word.
///
/// Adding 128 to each digit makes them the bytes of a plain sum.
#[inline]
pub(crate) fn byte_weights<const PARTS: usize>(weights: &[i32]) -> [u32; PARTS] {
    let mut words = [0; PARTS];
    for (i, &weight) in weights.iter().enumerate().take(4) {
        let digits = weight.wrapping_add(0x0080_8080) ^ 0x0080_8080;
        for (part, word) in words.iter_mut().rev().enumerate() {
            *word |= ((digits as u32 >> (8 * part)) & 0xff) << (8 * i);
        }
    }
    words
}

/// Up to two weights as words, the upper one worth 2^11 if there are two of each.
#[inline]
pub(crate) fn word_weights<const PARTS: usize>(weights: &[i32]) -> [u32; PARTS] {
    let mut words = [0; PARTS];
    for (i, &weight) in weights.iter().enumerate().take(2) {
        match words.as_mut_slice() {
            [high, low] => {
                *high |= ((weight >> WORD_BITS) as u32 & 0xffff) << (16 * i);
                *low |= (weight as u32 & ((1 << WORD_BITS) - 1)) << (16 * i);
            }
            [whole] => *whole |= (weight as u32 & 0xffff) << (16 * i),
            _ => {}
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::super::filter::{Filter, Precision, Scaling};
    use super::*;

    #[test]
    fn weights_are_the_sum_of_their_parts() {
        for weight in (-0x0080_0000..0x007f_7f80).step_by(997).chain([0, 1, -1, 0x7f, 0x80, -0x80, 1 << 22]) {
            let weights = [3, weight, -weight / 2, 0];
            let digit = |word: u32, i: usize| i32::from((word >> (8 * i)) as i8);
            let word = |word: u32, i: usize| i32::from((word >> (16 * i)) as i16);
            let [high, middle, low] = byte_weights(&weights);
            for (i, expected) in weights.into_iter().enumerate() {
                assert_eq!((digit(high, i) << 16) + (digit(middle, i) << 8) + digit(low, i), expected);
            }
            let [high, low] = word_weights(&weights[..2]);
            assert_eq!((word(high, 1) << 11) + word(low, 1), weight);

            let small = weight % TWO_BYTES as i32;
            let [high, low] = byte_weights(&[small, 3]);
            assert_eq!(((digit(high, 0) << 8) + digit(low, 0), digit(high, 1), digit(low, 1)), (small, 0, 3));
            let [whole] = word_weights(&[3, weight % ONE_WORD as i32]);
            assert_eq!((word(whole, 0), word(whole, 1)), (3, weight % ONE_WORD as i32));
        }
    }

    /// Every way of the vectors that has room for the weights.
    fn shapes(taps: &Taps) -> impl Iterator<Item = Shape> {
        let limits = [(TWO_BYTES, 2, Shape::BYTES), (THREE_BYTES, 3, Shape::BYTES)];
        let limits = limits.into_iter().chain([(ONE_WORD, 1, Shape::WORDS), (TWO_WORDS, 2, Shape::WORDS)]);
        let largest = taps.largest();
        limits.filter_map(move |(limit, parts, shape)| (largest < limit).then_some(Shape { parts, ..shape }))
    }

    /// What the kernels do, one lane at a time.
    fn run(program: &Program, shape: Shape, step: usize, row: &[u8]) -> Vec<i64> {
        let mut out = Vec::new();
        for group in program.tiles().flatten() {
            out.truncate(group.out);
            let mut sums = [0i64; 16];
            for (chunk, start) in program.chunks(group) {
                for (lane, sum) in sums.iter_mut().enumerate().take(shape.lanes) {
                    let window = &row[start..];
                    for tap in 0..shape.taps {
                        let parts = chunk.weights.iter().take(shape.parts).map(|part| part[lane]);
                        let (byte, weight) = if shape.taps == 4 {
                            let place = (chunk.places[lane] >> (8 * tap)) as u8 & 63;
                            let byte = window.get(usize::from(place)).copied().unwrap_or(77);
                            let digits = parts.map(|part| i64::from((part >> (8 * tap)) as i8));
                            (byte, digits.fold(0, |weight, digit| (weight << 8) + digit))
                        } else {
                            let place = (chunk.places[lane] >> (16 * tap)) as u8;
                            let byte = if place > 127 { 0 } else { window[usize::from(place & 15)] };
                            let digits = parts.map(|part| i64::from((part >> (16 * tap)) as i16));
                            (byte, digits.fold(0, |weight, digit| (weight << 11) + digit))
                        };
                        *sum += weight * i64::from(byte);
                    }
                }
            }
            // Half a vector of AVX2 has a lane to spare after three channels.
            let used = |lane: usize| shape.lanes > 8 || step == 1 || lane % 4 < 3;
            out.extend((0..16).filter(|&lane| used(lane)).map(|lane| sums[lane]));
        }
        out
    }

    #[test]
    fn every_program_computes_every_sum() {
        for (from, to) in [(500, 224), (37, 224), (224, 500), (16, 3), (3, 16), (400, 7), (64, 63), (21, 22)]
        {
            for filter in [Filter::Nearest, Filter::Bilinear, Filter::Lanczos] {
                for (precision, step) in [Precision::Fixed, Precision::Fitted].into_iter().zip([1, 3]) {
                    let scaling = Scaling { from, to, filter, precision };
                    every_shape_computes_every_sum(scaling, 4 - step);
                    every_shape_computes_every_sum(scaling, step);
                }
            }
        }
    }

    fn every_shape_computes_every_sum(scaling: Scaling, step: usize) {
        let outputs = scaling.to / 4..scaling.to;
        let mut taps = Taps::default();
        assert!(taps.prepare(&scaling, &outputs));
        let support = scaling.support(&outputs);
        let bytes = support.len() * step;
        if bytes < 16 {
            return;
        }
        let row: Vec<u8> = (0..bytes).map(|i| (i * i * 31 + i * 7) as u8).collect();
        for shape in shapes(&taps) {
            let mut program = Program::default();
            program.build(shape, &taps, RowOf { first: support.start, bytes, step });
            let sums = run(&program, shape, step, &row);
            for output in 0..taps.len() {
                for channel in 0..step {
                    let span = taps.span(output);
                    let products = span.clone().zip(taps.weights(output)).map(|(x, &weight)| {
                        i64::from(row[(x - support.start) as usize * step + channel]) * i64::from(weight)
                    });
                    let lane = output * step + channel;
                    assert_eq!(sums[lane], products.sum::<i64>(), "{scaling:?} {shape:?} {step}");
                }
            }
        }
    }
}
