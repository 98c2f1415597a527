//! What is done to a batch once all its images are there: `MixUp` and `CutMix`.
//!
//! torchvision's pair each image with the one before it in the batch, and the first with the last, as torch's
//! `roll(1, 0)` does. They work in place, from the last image to the first, so that the one before is still as it was
//! made. timm's pair each image with the one that is as far from the end, see [`mirrored`].

pub mod mirrored;

use std::ops::Range;

use mirrored::{Share, is_inside};

/// Bytes of an image that are mixed with the other images' before the next ones are: what is read of one image is
/// in the first-level cache when it is written a moment later.
const STRIPE: usize = 4096;

/// A mixing of a batch of images that lie channel after channel, one behind the other.
#[derive(Debug, Clone, PartialEq)]
pub enum Mix {
    /// Each value of float32, or of float64, becomes `before * rolled + own * value`: two products, rounded, and their sum, rounded.
    Up { rolled: f64, own: f64 },
    /// A rectangle becomes that of the image before.
    Cut { rows: Range<usize>, columns: Range<usize> },
    /// Of bytes: what each image gets of the one that is as far from the end as it is from the beginning.
    Mirrored(Vec<Share>),
}

impl Mix {
    /// Whether so many images of this shape (channels, height, width) and so many bytes an element can be mixed so.
    #[must_use]
    pub fn fits(&self, count: usize, shape: [usize; 3], element: usize) -> bool {
        match self {
            Mix::Up { .. } => matches!(element, 4 | 8),
            Mix::Cut { rows, columns } => is_inside(rows, columns, shape),
            Mix::Mirrored(shares) => {
                element == 1 && shares.len() == count && shares.iter().all(|share| share.fits(shape))
            }
        }
    }

    /// Mixes a batch of such images, which must fit.
    pub fn apply(&self, batch: &mut [u8], shape: [usize; 3], element: usize) {
        let size = shape.iter().product::<usize>() * element;
        if batch.is_empty() || size == 0 {
            return;
        }
        match self {
            Mix::Up { rolled, own } if element == 4 => {
                #[expect(
                    clippy::cast_possible_truncation,
                    reason = "torch rounds scalars to the tensor's type"
                )]
                let (rolled, own) = (*rolled as f32, *own as f32);
                stripes(batch, size, |values, before| {
                    blend(values, before, |value, before| {
                        (f32::from_ne_bytes(before) * rolled + f32::from_ne_bytes(value) * own).to_ne_bytes()
                    });
                });
            }
            Mix::Up { rolled, own } => stripes(batch, size, |values, before| {
                blend(values, before, |value, before| {
                    (f64::from_ne_bytes(before) * rolled + f64::from_ne_bytes(value) * own).to_ne_bytes()
                });
            }),
            Mix::Cut { rows, columns } => {
                let [channels, height, width] = shape;
                for row in
                    (0..channels).flat_map(|channel| rows.clone().map(move |row| channel * height + row))
                {
                    let (first, last) = (row * width + columns.start, row * width + columns.end);
                    each_pair(batch, size, first * element..last * element, <[u8]>::copy_from_slice);
                }
            }
            Mix::Mirrored(shares) => mirrored::apply(shares, batch, shape),
        }
    }
}

/// Calls `mix` for each image and the one before it, stripe by stripe.
fn stripes(batch: &mut [u8], size: usize, mut mix: impl FnMut(&mut [u8], &[u8])) {
    for start in (0..size).step_by(STRIPE) {
        each_pair(batch, size, start..size.min(start + STRIPE), &mut mix);
    }
}

/// Calls `mix` with the same part of each image, from the last one on, and of the one before it.
fn each_pair(batch: &mut [u8], size: usize, part: Range<usize>, mut mix: impl FnMut(&mut [u8], &[u8])) {
    let Some(start) = batch.len().checked_sub(size) else { return };
    let last = batch[start + part.start..start + part.end].to_vec();
    for start in (size..batch.len()).step_by(size).rev() {
        let (before, from_here) = batch.split_at_mut(start);
        mix(&mut from_here[part.clone()], &before[start - size + part.start..start - size + part.end]);
    }
    mix(&mut batch[part], &last);
}

fn blend<const N: usize>(values: &mut [u8], before: &[u8], mix: impl Fn([u8; N], [u8; N]) -> [u8; N]) {
    for (value, before) in values.as_chunks_mut().0.iter_mut().zip(before.as_chunks().0) {
        *value = mix(*value, *before);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(values: &[f32]) -> Vec<u8> {
        values.iter().flat_map(|value| value.to_ne_bytes()).collect()
    }

    #[test]
    fn each_image_is_mixed_with_the_one_before_as_that_was_made() {
        let values: Vec<f32> = (0..3 * 2 * 700).map(|k| (k as f32).sin()).collect();
        let (shape, size) = ([1, 2, 700], 1400);
        let mut batch = bytes(&values);
        Mix::Up { rolled: 0.3, own: 0.7 }.apply(&mut batch, shape, 4);
        let expected: Vec<f32> = (0..values.len())
            .map(|k| values[(k + values.len() - size) % values.len()] * 0.3 + values[k] * 0.7)
            .collect();
        assert_eq!(batch, bytes(&expected));
    }

    #[test]
    fn a_rectangle_is_that_of_the_image_before() {
        let (count, [channels, height, width]) = (4, [2, 5, 6]);
        let size = channels * height * width;
        let made: Vec<u8> = (0..count * size).map(|k| (k * 7 % 251) as u8).collect();
        let mut batch = made.clone();
        Mix::Cut { rows: 1..4, columns: 2..6 }.apply(&mut batch, [channels, height, width], 1);
        for (k, value) in batch.into_iter().enumerate() {
            let (row, column) = (k / width % height, k % width);
            let inside = (1..4).contains(&row) && (2..6).contains(&column);
            assert_eq!(value, made[if inside { (k + made.len() - size) % made.len() } else { k }], "{k}");
        }
    }

    #[test]
    fn one_image_is_mixed_with_itself_and_none_is_left_alone() {
        let mut batch = bytes(&[0.1, -7.5, 3e38]);
        Mix::Up { rolled: 0.25, own: 0.75 }.apply(&mut batch, [3, 1, 1], 4);
        assert_eq!(batch, bytes(&[0.1, -7.5, 3e38].map(|value| value * 0.25 + value * 0.75)));
        Mix::Up { rolled: 0.25, own: 0.75 }.apply(&mut [], [3, 1, 1], 4);
        Mix::Cut { rows: 0..0, columns: 0..1 }.apply(&mut batch, [3, 1, 1], 4);
    }

    #[test]
    fn what_does_not_fit_is_known() {
        assert!(!Mix::Up { rolled: 0.5, own: 0.5 }.fits(2, [3, 2, 2], 2));
        assert!(Mix::Cut { rows: 0..2, columns: 1..2 }.fits(2, [3, 2, 2], 1));
        assert!(!Mix::Cut { rows: 0..3, columns: 1..2 }.fits(2, [3, 2, 2], 1));
        assert!(!Mix::Cut { rows: 0..2, columns: 1..3 }.fits(2, [3, 2, 2], 1));
        let whole = |count| Mix::Mirrored(vec![Share::Whole; count]);
        assert!(whole(2).fits(2, [3, 2, 2], 1));
        assert!(!whole(2).fits(4, [3, 2, 2], 1));
        assert!(!whole(2).fits(2, [3, 2, 2], 4));
    }
}
