//! Filters at every level against sums that are made pixel by pixel.

use proptest::prelude::*;

use super::*;
use crate::ops::filter::{Blend, BoxBlur, Convolution, GaussianBlur, Kernel, Sharpness};
use crate::ops::kinds::Area;

/// Interleaved noise.
fn noise(shape: [usize; 3], seed: u64) -> Vec<u8> {
    let mixed =
        |i: u64| (i + seed).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(29).wrapping_mul(0xD6E8_FEB9);
    (0..shape.iter().product::<usize>() as u64).map(|i| (mixed(i) >> 27) as u8).collect()
}

/// One pass over the middle one of three axes (outer, length, inner).
fn naive_pass(bytes: &[u8], [outer, length, inner]: [usize; 3], mean: &Mean) -> Vec<u8> {
    let radius = i64::from(mean.radius);
    (0..outer * length * inner)
        .map(|i| {
            let (o, at, k) = (i / inner / length, (i / inner % length) as i64, i % inner);
            let get = |at: i64| {
                u64::from(bytes[(o * length + at.clamp(0, length as i64 - 1) as usize) * inner + k])
            };
            let whole: u64 = (at - radius..=at + radius).map(get).sum();
            let parts = get(at - radius - 1) + get(at + radius + 1);
            let total = whole * u64::from(mean.inner) + parts * u64::from(mean.outer) + (1 << 23);
            (total >> 24) as u8
        })
        .collect()
}

fn naive(bytes: &[u8], [height, width, channels]: [usize; 3], blur: &Blur) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..blur.passes {
        bytes = naive_pass(&bytes, [height, width, channels], &blur.across);
    }
    for _ in 0..blur.passes {
        bytes = naive_pass(&bytes, [1, height, width * channels], &blur.down);
    }
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn every_level_equals_the_naive_sums(
        (height, width) in (1usize..150, 1usize..90),
        gray in any::<bool>(),
        planar in any::<bool>(),
        passes in 1u8..4,
        radii in prop::array::uniform2(prop_oneof![Just(0.0f32), 0.0f32..1.0, 0.0f32..9.0, 0.0f32..200.0]),
        corner in (0u32..150, 0u32..90),
        length in (1u32..150, 1u32..90),
        seed in any::<u32>(),
    ) {
        let channels = if gray { 1 } else { 3 };
        let shape = [height, width, channels];
        let bytes = noise(shape, seed.into());
        let [across, down] = radii.map(|radius| Mean::new(radius).unwrap());
        let blur = Blur { across, down, passes };
        let expected = naive(&bytes, shape, &blur);
        let planes: Vec<u8> = (0..channels).flat_map(|c| bytes.iter().copied().skip(c).step_by(channels)).collect();
        let image = if planar {
            let strides = [width as isize, 1, (height * width) as isize];
            ImageView::from_strided(&planes, 0, shape, strides).unwrap()
        } else {
            ImageView::from_slice(&bytes, height, width, channels).unwrap()
        };
        let range = |start: u32, length: u32, all: usize| {
            let start = start % all as u32;
            start..(start + length).min(all as u32)
        };
        let wanted = Region {
            rows: range(corner.0, length.0, height),
            columns: range(corner.1, length.1, width),
        };
        let size = (height as u32, width as u32);
        let support = blur.support(size, &wanted);
        let part = image.part(&support.rows, &support.columns).unwrap();
        for level in Level::available() {
            let mut boxes = Boxes::default();
            let made = boxes.blur(level, &part, size, &wanted, &blur).unwrap();
            for (y, row) in wanted.rows.clone().enumerate() {
                for (x, column) in wanted.columns.clone().enumerate() {
                    for c in 0..channels {
                        let place = (row as usize * width + column as usize) * channels + c;
                        prop_assert!(made.get(y, x, c) == expected[place], "{} {y} {x} {c}", level.name());
                    }
                }
            }
        }
    }
}

#[test]
fn no_more_is_looked_at_than_counts() {
    let wanted = Region { rows: 20..30, columns: 0..10 };
    let rows = |radius: f64| BoxBlur::new([0.0, radius]).unwrap().support((100, 100), &wanted).rows;
    assert_eq!(rows(0.0), 20..30);
    assert_eq!(rows(1.0), 19..31);
    assert_eq!(rows(1.25), 18..32);
    // A weight of 11 equal pixels is rounded down, and the next pixels get what is left of it.
    assert_eq!(rows(5.0), 14..36);
    let blur = GaussianBlur::new([2.0, 2.0]).unwrap().support((100, 100), &wanted);
    assert_eq!((blur.rows, blur.columns), (14..36, 0..16));
}

#[test]
fn what_pillow_refuses_is_refused() {
    assert!(BoxBlur::new([-0.1, 1.0]).is_none());
    assert!(BoxBlur::new([1.0, f64::NAN]).is_none());
    assert!(BoxBlur::new([1e9, 1.0]).is_none());
    // The square of a deviation is what counts.
    assert!(GaussianBlur::new([-2.0, 2.0]).is_some());
    assert!(GaussianBlur::new([f64::INFINITY, 2.0]).is_none());
}

/// What a square around each inner pixel gives, by `value`; others are copied.
fn squares<const SIDE: usize>(
    bytes: &[u8],
    [height, width, channels]: [usize; 3],
    value: impl Fn([[u8; SIDE]; SIDE]) -> u8,
) -> Vec<u8> {
    let margin = SIDE / 2;
    let mut made = bytes.to_vec();
    if height < SIDE || width < SIDE {
        return made;
    }
    for (y, x, c) in (margin..height - margin)
        .flat_map(|y| (margin..width - margin).map(move |x| (y, x)))
        .flat_map(|(y, x)| (0..channels).map(move |c| (y, x, c)))
    {
        let place = |y: usize, x: usize| (y * width + x) * channels + c;
        let mut square = [[0; SIDE]; SIDE];
        for (i, row) in square.iter_mut().enumerate() {
            for (j, byte) in row.iter_mut().enumerate() {
                *byte = bytes[place(y + i - margin, x + j - margin)];
            }
        }
        made[place(y, x)] = value(square);
    }
    made
}

/// What torch's convolution makes of each byte, product by product.
fn convolved(bytes: &[u8], [height, width, channels]: [usize; 3], [across, down]: [&[f32]; 2]) -> Vec<u8> {
    let reflected = |place: i64, length: usize| {
        let last = length as i64 - 1;
        (if place < 0 {
            -place
        } else if place > last {
            2 * last - place
        } else {
            place
        }) as usize
    };
    (0..bytes.len())
        .map(|i| {
            let (y, x, c) = (i / channels / width, i / channels % width, i % channels);
            let mut sum = 0.0_f32;
            for (row, of_row) in down.iter().enumerate() {
                for (column, weight) in across.iter().enumerate() {
                    let y = reflected((y + row) as i64 - down.len() as i64 / 2, height);
                    let x = reflected((x + column) as i64 - across.len() as i64 / 2, width);
                    sum = f32::from(bytes[(y * width + x) * channels + c]).mul_add(weight * of_row, sum);
                }
            }
            sum.round_ties_even() as u8
        })
        .collect()
}

/// Makes a region of a filter's output at every level, of interleaved channels and of planes.
fn compare(
    step: &impl Area,
    bytes: &[u8],
    [height, width, channels]: [usize; 3],
    corner: (u32, u32),
    expected: &[u8],
) -> Result<(), TestCaseError> {
    let size = (height as u32, width as u32);
    let wanted = Region { rows: corner.0 % size.0..size.0, columns: corner.1 % size.1..size.1 };
    let planes: Vec<u8> =
        (0..channels).flat_map(|c| bytes.iter().copied().skip(c).step_by(channels)).collect();
    let strides = [width as isize, 1, (height * width) as isize];
    let images = [
        ImageView::from_slice(bytes, height, width, channels).unwrap(),
        ImageView::from_strided(&planes, 0, [height, width, channels], strides).unwrap(),
    ];
    let support = step.support(size, &wanted);
    for (level, image) in Level::available().flat_map(|level| images.map(|image| (level, image))) {
        let part = image.part(&support.rows, &support.columns).unwrap();
        let mut memory = Default::default();
        let made = step.make(level, &part, size, &wanted, &mut memory).unwrap();
        for (y, row) in wanted.rows.clone().enumerate() {
            for (x, column) in wanted.columns.clone().enumerate() {
                for c in 0..channels {
                    let place = (row as usize * width + column as usize) * channels + c;
                    prop_assert!(made.get(y, x, c) == expected[place], "{} {y} {x} {c}", level.name());
                }
            }
        }
    }
    Ok(())
}

fn kernel<const SIDE: usize>(
    rows: [[u8; SIDE]; SIDE],
    weights: [[f32; SIDE]; SIDE],
    scale: f32,
    offset: f32,
) -> u8 {
    let mut sum = offset + 0.5;
    for (row, weights) in rows.iter().rev().zip(weights) {
        let mut products = row.iter().zip(weights).map(|(byte, weight)| f32::from(*byte) * (weight / scale));
        let first = products.next().unwrap();
        sum += products.fold(first, |sum, product| sum + product);
    }
    sum.clamp(0.0, 255.0) as u8
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn squares_are_weighed_at_every_level(
        (height, width, gray) in (1usize..30, 1usize..90, any::<bool>()),
        corner in (0u32..30, 0u32..90),
        weights in prop::array::uniform5(prop::array::uniform5(-3.0f32..3.0)),
        (scale, offset) in (0.5f32..9.0, -50.0f32..50.0),
        factor in -1.0f64..3.0,
        seed in any::<u32>(),
    ) {
        let shape = [height, width, if gray { 1 } else { 3 }];
        let bytes = noise(shape, seed.into());
        let expected = squares(&bytes, shape, |square| kernel(square, weights, scale, offset));
        compare(&Kernel::new(weights, scale, offset).unwrap(), &bytes, shape, corner, &expected)?;
        let [a, b, c, ..] = weights;
        let weights = [a, b, c].map(|row| [row[0], row[1], row[2]]);
        let expected = squares(&bytes, shape, |square| kernel(square, weights, scale, offset));
        compare(&Kernel::new(weights, scale, offset).unwrap(), &bytes, shape, corner, &expected)?;
        let sharpness = Sharpness { factor, blend: Blend::Pillow };
        let smooth = [[1.0, 1.0, 1.0], [1.0, 5.0, 1.0], [1.0, 1.0, 1.0]];
        let expected = squares(&bytes, shape, |square| {
            let (smooth, byte) = (f32::from(kernel(square, smooth, 13.0, 0.0)), f32::from(square[1][1]));
            #[expect(clippy::suboptimal_flops, reason = "Pillow's own roundings")]
            let blended = smooth + factor as f32 * (byte - smooth);
            blended.clamp(0.0, 255.0) as u8
        });
        compare(&sharpness, &bytes, shape, corner, &expected)?;
    }

    #[test]
    fn bytes_are_convolved_at_every_level(
        (height, width, gray) in (1usize..40, 1usize..90, any::<bool>()),
        corner in (0u32..40, 0u32..90),
        margins in (0usize..9, 0usize..9),
        weights in prop::array::uniform2(prop::collection::vec(0.0f32..1.0, 17)),
        seed in any::<u32>(),
    ) {
        let shape = [height, width, if gray { 1 } else { 3 }];
        let bytes = noise(shape, seed.into());
        let margins = [margins.0.min(width - 1), margins.1.min(height - 1)];
        let mut weights = weights;
        for (weights, margin) in weights.iter_mut().zip(margins) {
            weights.truncate(2 * margin + 1);
            let sum: f32 = weights.iter().sum();
            for weight in weights {
                *weight /= sum.max(1e-3);
            }
        }
        let expected = convolved(&bytes, shape, weights.each_ref().map(Vec::as_slice));
        let [across, down] = weights;
        compare(&Convolution::new(across, down).unwrap(), &bytes, shape, corner, &expected)?;
    }
}

#[test]
fn convolutions_look_no_further_than_they_must() {
    let step = Convolution::new(vec![0.2; 5], vec![1.0 / 3.0; 3]).unwrap();
    let region = |rows, columns| Region { rows, columns };
    assert_eq!(step.support((30, 30), &region(10..12, 10..11)), region(9..13, 8..13));
    // What is before the first pixel is what is behind it.
    assert_eq!(step.support((30, 30), &region(0..1, 0..1)), region(0..2, 0..3));
    assert_eq!(step.support((30, 30), &region(29..30, 28..30)), region(28..30, 26..30));
    assert_eq!(step.support((3, 4), &region(0..0, 0..4)), Region::default());
    assert_eq!(step.size((2, 3)), Some((2, 3)));
    assert_eq!(step.size((2, 2)), None);
    assert_eq!(step.size((1, 3)), None);
}

#[test]
fn weights_that_could_make_more_than_a_byte_are_refused() {
    assert!(Convolution::new(vec![1.0; 2], vec![0.5]).is_none());
    assert!(Convolution::new(vec![1.0; 3], vec![0.4]).is_none());
    assert!(Convolution::new(vec![1.5, -1.0, 0.5], vec![1.0]).is_none());
    assert!(Convolution::new(vec![f32::NAN], vec![1.0]).is_none());
}
