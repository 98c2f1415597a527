//! What the kernels of the last pass are given: the windows of an output line, and where their codes go.

use super::table::MAX_CHANNELS;
use crate::image::lines::Lines;

/// The most lanes of a window; also how far a store may reach beyond the end of a plane.
pub(crate) const MAX_LANES: usize = 64;

/// Planes of codes, one per channel, each followed by room for a store that reaches too far.
#[derive(Debug)]
pub(crate) struct Strip<'s> {
    bytes: &'s mut [u8],
    stride: usize,
}

impl<'s> Strip<'s> {
    /// `channels` planes of up to `codes` codes, in `memory`.
    pub(crate) fn new(memory: &'s mut Vec<u8>, channels: usize, codes: usize) -> Self {
        let stride = codes + MAX_LANES;
        if memory.len() < channels * stride {
            memory.resize(channels * stride, 0);
        }
        Strip { bytes: memory, stride }
    }

    /// The first `count` codes of a plane.
    pub(crate) fn codes(&self, channel: usize, count: usize) -> &[u8] {
        self.bytes.get(channel * self.stride..).and_then(|plane| plane.get(..count)).unwrap_or(&[])
    }

    /// The first planes, each with the room behind it.
    pub(crate) fn planes_mut<const N: usize>(&mut self) -> [&mut [u8]; N] {
        let mut planes = self.bytes.chunks_exact_mut(self.stride);
        std::array::from_fn(|_| planes.next().unwrap_or_default())
    }

    /// A plane and the room behind it.
    pub(crate) fn plane_mut(&mut self, channel: usize) -> &mut [u8] {
        self.bytes.get_mut(channel * self.stride..(channel + 1) * self.stride).unwrap_or(&mut [])
    }
}

/// One vector of an output line, and where its lanes come from.
#[derive(Clone, Debug)]
#[repr(align(64))]
pub(crate) struct Window {
    /// Per channel and lane: the byte to take, counted from `at`, or the code of the fill.
    pub(crate) lanes: [[u8; MAX_LANES]; MAX_CHANNELS],
    /// Output pixel of lane 0.
    pub(crate) out: usize,
    /// First byte of the source line that is needed.
    pub(crate) at: usize,
    /// Number of bytes needed.
    pub(crate) bytes: usize,
    /// Lanes that come from the source; the others are fills.
    pub(crate) keep: u64,
}

impl Default for Window {
    fn default() -> Self {
        Window { lanes: [[0; MAX_LANES]; MAX_CHANNELS], out: 0, at: 0, bytes: 0, keep: 0 }
    }
}

/// What a vector kernel needs for its part of a strip: some output lines which all come from the source.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Block<'a> {
    pub(crate) lines: &'a Lines<'a>,
    pub(crate) windows: &'a [Window],
    /// Index of the first source line.
    pub(crate) first: usize,
    /// From a source line to the next.
    pub(crate) step: isize,
    /// Number of lines.
    pub(crate) count: usize,
    /// Where in each plane the first output line begins.
    pub(crate) out: usize,
    /// Output pixels of a line.
    pub(crate) width: usize,
    /// Channels of the output.
    pub(crate) channels: usize,
}

/// One vector of the output: one or two rows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Group {
    /// Where in a plane of the source its bytes begin.
    pub(crate) at: u32,
    /// Whether they begin with the second row's, so that the second lanes are to be used.
    pub(crate) late: bool,
    /// Lanes that come from the source; the others are fills.
    pub(crate) keep: u64,
}

/// For each lane of a vector the byte to take, counted from the group's first.
#[derive(Clone, Debug)]
#[repr(align(64))]
pub(crate) struct Lanes(pub(crate) [u8; MAX_LANES]);

/// A small image that is made straight from its source, see `straight`.
#[derive(Debug)]
pub(crate) struct Straight<'a> {
    pub(crate) lines: Lines<'a>,
    pub(crate) groups: &'a [Group],
    /// Of groups that begin with their first row, and of those that begin with the second; the first channel's, if
    /// channels are interleaved.
    pub(crate) lanes: &'a [Lanes; 2],
    /// The only fill.
    pub(crate) fill: u16,
}

/// Bits `from..from + len`, of which there is at least one, within 64.
pub(crate) fn lane_mask(from: usize, len: usize) -> u64 {
    (u64::MAX >> (64 - len.clamp(1, 64))) << from
}

/// Transposes `source`, whose lines are `source_stride` apart, to `out` of `shape` (rows, columns):
/// `out[y][x] = source[x][y]`.
pub(crate) fn transpose(source: &[u8], source_stride: usize, shape: [usize; 2], out: &mut [u8]) {
    let [rows, columns] = shape;
    for (y, line) in out.chunks_exact_mut(columns).take(rows).enumerate() {
        for (x, byte) in line.iter_mut().enumerate() {
            *byte = source.get(x * source_stride + y).copied().unwrap_or(0);
        }
    }
}
