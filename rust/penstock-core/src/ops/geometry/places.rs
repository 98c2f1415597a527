//! Where the pixels of a row come from, as offsets in a part of the source.

use std::ops::Range;

use crate::ops::kinds::Size;

/// Where a texture lies in the image that it is a part of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Frame {
    /// Of the image.
    pub(crate) size: Size,
    /// Row and column of the texture's first pixel, which may lie before the image's.
    pub(crate) first: [i32; 2],
    /// Bytes from row to row, and from pixel to pixel.
    pub(crate) strides: [usize; 2],
    /// The place of pixels from outside of the image; negative if there is none.
    pub(crate) outside: i32,
}

/// Places are found in groups of so many.
const GROUP: usize = 8;

/// The places of a row's pixels.
#[derive(Debug, Default)]
pub(crate) struct Places {
    /// Of the first byte that counts, in the texture; negative where a pixel lies outside of the image.
    pub(super) offsets: Vec<i32>,
    /// How far a place is behind the centre of the pixel before it, by columns and by rows, in pixels.
    pub(super) fractions: [Vec<f64>; 2],
    count: usize,
}

impl Places {
    pub(super) fn resize(&mut self, count: usize) {
        let groups = count.next_multiple_of(GROUP);
        self.count = count;
        self.offsets.resize(groups, -1);
        for fractions in &mut self.fractions {
            fractions.resize(groups, 0.0);
        }
    }

    /// The offsets of all pixels.
    pub(crate) fn offsets(&self) -> &[i32] {
        self.offsets.get(..self.count).unwrap_or(&[])
    }

    /// Whether all pixels lie in the image.
    pub(crate) fn are_inside(&self) -> bool {
        // All are looked at, for the sake of vectors.
        self.offsets().iter().fold(0, |all, offset| all | offset) >= 0
    }

    /// Some pixels, all of which lie in the image.
    pub(crate) fn run(&self, pixels: Range<usize>) -> Option<Run<'_>> {
        let [across, down] = &self.fractions;
        Some(Run {
            begin: pixels.start,
            offsets: self.offsets.get(pixels.clone())?,
            fractions: [across.get(pixels.clone())?, down.get(pixels)?],
        })
    }

    /// The next stretch of pixels that lie in the image, as long as can be.
    pub(crate) fn next_run(&self, after: usize) -> Option<Run<'_>> {
        let begin = after + find(self.offsets().get(after..)?, false)?;
        let behind = find(self.offsets().get(begin..)?, true);
        self.run(begin..behind.map_or(self.count, |count| begin + count))
    }
}

/// The first offset that is negative, or that is not.
fn find(offsets: &[i32], negative: bool) -> Option<usize> {
    let is = |offset: &i32| (*offset < 0) == negative;
    // A group is looked at as a whole, for the sake of vectors.
    let group =
        offsets.chunks(2 * GROUP).position(|group| group.iter().filter(|&offset| is(offset)).count() > 0)?;
    let first = group * 2 * GROUP;
    Some(first + offsets.get(first..)?.iter().position(is)?)
}

/// Neighbouring pixels that lie in the image.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Run<'p> {
    /// The first one.
    pub(crate) begin: usize,
    /// See [`Places`].
    pub(crate) offsets: &'p [i32],
    /// See [`Places`].
    pub(crate) fractions: [&'p [f64]; 2],
}
