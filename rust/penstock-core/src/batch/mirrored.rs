//! Batches of bytes whose first image is mixed with the last one, the second with the last but one, and so on.
//!
//! So timm's `FastCollateMixup` has it, with other numbers for each image if it is told so.

use std::ops::Range;

/// Added to a number from 0 to 2^22 it leaves that number, rounded to the nearest even integer, in the lowest bits.
const ROUNDS: f32 = 12_582_912.0;

/// Whether a rectangle is part of an image of this shape.
pub(super) fn is_inside(rows: &Range<usize>, columns: &Range<usize>, [_, height, width]: [usize; 3]) -> bool {
    rows.start <= rows.end && rows.end <= height && columns.start <= columns.end && columns.end <= width
}

/// What an image becomes.
#[derive(Debug, Clone, PartialEq)]
pub enum Share {
    /// What it is.
    Whole,
    /// `own * value + other * partner` of each value: two products and their sum, each rounded to float32, and that to the
    /// nearest integer, halves to even ones.
    Blend { own: f32, other: f32 },
    /// Its partner's in a rectangle.
    Cut { rows: Range<usize>, columns: Range<usize> },
}

impl Share {
    /// Whether an image of this shape can become that, and values remain bytes.
    pub(super) fn fits(&self, shape: [usize; 3]) -> bool {
        match self {
            Share::Whole => true,
            Share::Blend { own, other } => *own >= 0.0 && *other >= 0.0 && own + other <= 1.001,
            Share::Cut { rows, columns } => is_inside(rows, columns, shape),
        }
    }

    /// Makes an image's values what they become.
    fn apply(&self, values: &mut [u8], partner: &[u8], [channels, height, width]: [usize; 3]) {
        match self {
            Share::Whole => {}
            Share::Blend { own, other } => {
                for (value, partner) in values.iter_mut().zip(partner) {
                    let sum = f32::from(*value) * own + f32::from(*partner) * other;
                    // The lowest byte is the number: `fits` has seen that it is none above 255.
                    *value = (sum + ROUNDS).to_bits() as u8;
                }
            }
            Share::Cut { rows, columns } => {
                for row in
                    (0..channels).flat_map(|channel| rows.clone().map(move |row| channel * height + row))
                {
                    let part = row * width + columns.start..row * width + columns.end;
                    values[part.clone()].copy_from_slice(&partner[part]);
                }
            }
        }
    }
}

/// Mixes a batch of images of this shape (channels, height, width), of which there are as many as shares.
pub(super) fn apply(shares: &[Share], batch: &mut [u8], shape: [usize; 3]) {
    let size = shape.iter().product();
    for (index, share) in shares.iter().take(shares.len().div_ceil(2)).enumerate() {
        let (front, back) = batch.split_at_mut((shares.len() - 1 - index) * size);
        let last = &mut back[..size];
        // In the middle of an odd number of images there is one that is its own partner.
        let Some(first) = front.get_mut(index * size..(index + 1) * size) else {
            let before = last.to_vec();
            share.apply(last, &before, shape);
            continue;
        };
        let before = first.to_vec();
        share.apply(first, last, shape);
        shares[shares.len() - 1 - index].apply(last, &before, shape);
    }
}

#[cfg(test)]
mod tests {
    use super::super::Mix;
    use super::*;

    #[test]
    fn each_image_is_mixed_with_its_partner_as_that_was_made() {
        let (shape, size) = ([3, 5, 7], 105);
        let shares = [
            Share::Blend { own: 0.3, other: 0.7 },
            Share::Cut { rows: 1..4, columns: 0..7 },
            Share::Blend { own: 0.5, other: 0.5 },
            Share::Whole,
            Share::Cut { rows: 0..5, columns: 2..3 },
        ];
        for count in 0..=shares.len() {
            let made: Vec<u8> = (0..count * size).map(|k| (k * 37 % 256) as u8).collect();
            let mut batch = made.clone();
            Mix::Mirrored(shares[..count].to_vec()).apply(&mut batch, shape, 1);
            for (k, value) in batch.into_iter().enumerate() {
                let (image, at) = (k / size, k % size);
                let (own, other) = (made[k], made[(count - 1 - image) * size + at]);
                let expected = match &shares[image] {
                    Share::Whole => own,
                    Share::Blend { own: a, other: b } => {
                        (f32::from(own) * a + f32::from(other) * b).round_ties_even() as u8
                    }
                    Share::Cut { rows, columns } => {
                        let inside = rows.contains(&(at / 7 % 5)) && columns.contains(&(at % 7));
                        if inside { other } else { own }
                    }
                };
                assert_eq!(value, expected, "{count} {k}");
            }
        }
    }

    #[test]
    fn all_pairs_of_bytes_are_rounded_to_even() {
        for own in [0.0, 0.25, 0.5, 1.0 / 3.0, 0.999_999_9, 1.0] {
            let other = 1.0 - own;
            let share = Share::Blend { own, other };
            assert!(share.fits([1, 1, 1]));
            for partner in 0..=255u8 {
                let mut values: Vec<u8> = (0..=255).collect();
                share.apply(&mut values, &[partner; 256], [1, 1, 256]);
                for (value, mixed) in (0..=255u8).zip(values) {
                    let expected = (f32::from(value) * own + f32::from(partner) * other).round_ties_even();
                    assert!((0.0..=255.0).contains(&expected));
                    assert_eq!(mixed, expected as u8, "{own} {value} {partner}");
                }
            }
        }
    }

    #[test]
    fn what_would_be_no_byte_does_not_fit() {
        for (own, other) in [(0.6, 0.6), (-0.1, 0.5), (f32::NAN, 0.5), (0.5, f32::INFINITY)] {
            assert!(!Share::Blend { own, other }.fits([3, 2, 2]), "{own} {other}");
        }
        assert!(!Share::Cut { rows: 0..3, columns: 0..1 }.fits([3, 2, 2]));
    }
}
