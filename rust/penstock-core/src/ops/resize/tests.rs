//! Every level against sums of 64-bit integers, pixel by pixel, as Pillow's and torch's texts have them.

use proptest::prelude::*;

use super::*;
use crate::ops::resize::{Arithmetic, Filter, Order};

const FILTERS: [Filter; 7] = [
    Filter::Nearest,
    Filter::Corner,
    Filter::Box,
    Filter::Bilinear,
    Filter::Hamming,
    Filter::Bicubic,
    Filter::Lanczos,
];

const BICUBIC: Method = Method { filter: Filter::Bicubic, arithmetic: Arithmetic::Pillow(Order::Across) };
/// Every arithmetic.
const ARITHMETICS: [Arithmetic; 4] = [
    Arithmetic::Pillow(Order::Across),
    Arithmetic::Pillow(Order::Tall),
    Arithmetic::Pillow(Order::Shrinkage),
    Arithmetic::Torch,
];

/// (height, width, channels) bytes.
struct Pixels {
    bytes: Vec<u8>,
    shape: [usize; 3],
}

impl Pixels {
    fn get(&self, y: usize, x: usize, c: usize) -> u8 {
        self.bytes[(y * self.shape[1] + x) * self.shape[2] + c]
    }

    fn make(shape: [usize; 3], pixel: impl Fn(usize, usize, usize) -> u8) -> Pixels {
        let pixel = &pixel;
        let bytes = (0..shape[0])
            .flat_map(|y| (0..shape[1]).flat_map(move |x| (0..shape[2]).map(move |c| pixel(y, x, c))))
            .collect();
        Pixels { bytes, shape }
    }

    /// Noise with many bytes at both ends, where clipping shows.
    fn noise(shape: [usize; 3], seed: u64) -> Pixels {
        Pixels::make(shape, |y, x, c| {
            let place = ((y * shape[1] + x) * shape[2] + c) as u64 + seed;
            let mixed =
                (place.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ seed).wrapping_mul(0xD6E8_FEB8_6659_FD93);
            match mixed >> 62 {
                0 => 0,
                1 => 255,
                _ => (mixed >> 40) as u8,
            }
        })
    }

    fn transposed(&self) -> Pixels {
        let [height, width, channels] = self.shape;
        Pixels::make([width, height, channels], |y, x, c| self.get(x, y, c))
    }
}

/// One pass along the columns.
fn naive_pass(source: &Pixels, scaling: Scaling) -> Pixels {
    let mut taps = Taps::default();
    assert!(taps.prepare(&scaling, &(0..scaling.to)));
    let [height, _, channels] = source.shape;
    Pixels::make([height, scaling.to as usize, channels], |y, x, c| {
        let products = taps
            .span(x)
            .zip(taps.weights(x))
            .map(|(at, &weight)| i64::from(source.get(y, at as usize, c)) * i64::from(weight));
        ((products.sum::<i64>() + (1 << (taps.bits() - 1))) >> taps.bits()).clamp(0, 255) as u8
    })
}

fn naive(source: &Pixels, resize: &Passes) -> Pixels {
    let mut made = Pixels::make(source.shape, |y, x, c| source.get(y, x, c));
    let down = |made: &Pixels| naive_pass(&made.transposed(), resize.rows).transposed();
    let rows = !resize.rows.is_identity();
    if rows && resize.down_first {
        made = down(&made);
    }
    if !resize.columns.is_identity() {
        made = naive_pass(&made, resize.columns);
    }
    if rows && !resize.down_first { down(&made) } else { made }
}

/// Resizes at every level, planar and interleaved, and compares the region.
fn compare(shape: [usize; 3], to: (u32, u32), filter: Filter, region: &Region) -> Result<(), TestCaseError> {
    let source = Pixels::noise(shape, u64::from(to.0) << 20 | u64::from(to.1));
    for arithmetic in ARITHMETICS {
        compare_source(&source, to, Method { filter, arithmetic }, region)?;
    }
    Ok(())
}

fn compare_source(
    source: &Pixels,
    to: (u32, u32),
    method: Method,
    region: &Region,
) -> Result<(), TestCaseError> {
    let shape @ [height, width, channels] = source.shape;
    let resize = Passes::new((height as u32, width as u32), to, method);
    let expected = naive(source, &resize);
    let support = resize.support(region);
    let interleaved = ImageView::from_slice(&source.bytes, height, width, channels).unwrap();
    let planes: Vec<u8> =
        (0..channels).flat_map(|c| source.bytes.iter().copied().skip(c).step_by(channels)).collect();
    let plane = (height * width) as isize;
    let planar = ImageView::from_strided(&planes, 0, shape, [width as isize, 1, plane]).unwrap();
    let run = |range: &Range<u32>| crate::image::axis::Run::Source {
        start: range.start,
        len: range.len() as u32,
        step: 1,
    };
    for level in Level::available() {
        let mut resampler = Resampler::default();
        for image in [&interleaved, &planar, &interleaved] {
            let part = image.select(run(&support.rows), run(&support.columns)).unwrap();
            let made = resampler.resample(level, &part, &resize, region).unwrap();
            prop_assert_eq!((made.height(), made.width()), (region.rows.len(), region.columns.len()));
            for (y, row) in region.rows.clone().enumerate() {
                for (x, column) in region.columns.clone().enumerate() {
                    for c in 0..channels {
                        let wanted = expected.get(row as usize, column as usize, c);
                        prop_assert!(
                            made.get(y, x, c) == wanted,
                            "{} {shape:?} to {to:?} {method:?} at {row} {column} {c}: {} not {wanted}",
                            level.name(),
                            made.get(y, x, c)
                        );
                    }
                }
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn every_level_equals_the_naive_sums(
        (height, width) in (1usize..90, 1usize..90),
        to in (1u32..90, 1u32..90),
        gray in any::<bool>(),
        filter in 0usize..7,
        corner in (0u32..90, 0u32..90),
        size in (1u32..90, 1u32..90),
        whole in any::<bool>(),
    ) {
        let range = |to: u32, corner: u32, size: u32| {
            let first = if whole { 0 } else { corner % to };
            first..if whole { to } else { to.min(first + size) }
        };
        let region = Region { rows: range(to.0, corner.0, size.0), columns: range(to.1, corner.1, size.1) };
        compare([height, width, if gray { 1 } else { 3 }], to, FILTERS[filter], &region)?;
    }
}

#[test]
fn long_thin_large_and_small() {
    let sizes = [
        ([1, 700], (3, 20)),
        ([700, 1], (20, 3)),
        ([2, 3], (300, 400)),
        ([300, 400], (2, 3)),
        ([130, 517], (97, 101)),
        ([64, 64], (65, 63)),
        ([1, 1], (70, 1)),
        ([21, 22], (21, 70)),
    ];
    for ([height, width], to) in sizes {
        for filter in FILTERS {
            for channels in [1, 3] {
                let region = Region { rows: 0..to.0, columns: 0..to.1 };
                compare([height, width, channels], to, filter, &region).unwrap();
            }
        }
    }
}

#[test]
fn channels_that_are_one_are_resized_once() {
    let source = Pixels::noise([20, 30, 1], 5);
    let gray = ImageView::from_strided(&source.bytes, 0, [20, 30, 3], [30, 1, 0]).unwrap();
    let (mut resampler, method) = (Resampler::default(), BICUBIC);
    let made = resampler.resize(&gray, (9, 50), method).unwrap();
    let expected = naive(&source, &Passes::new((20, 30), (9, 50), method));
    assert_eq!((made.channels(), made.gray().is_some()), (3, true));
    assert!((0..9).all(|y| (0..50).all(|x| (0..3).all(|c| made.get(y, x, c) == expected.get(y, x, 0)))));
}

#[test]
fn what_cannot_be_read_is_refused() {
    let bytes = [0; 60];
    let mut resampler = Resampler::default();
    let mut resize = |strides, size| {
        let image = ImageView::from_strided(&bytes, 12, [4, 4, 3], strides).unwrap();
        resampler.resize(&image, size, BICUBIC).is_some()
    };
    assert!(resize([12, 3, 1], (2, 2)));
    assert!(resize([-4, 1, 16], (2, 2)), "rows may run upwards");
    assert!(!resize([12, -3, 1], (2, 2)));
    assert!(!resize([1, 4, 16], (2, 2)));
    assert!(!resize([12, 3, 1], (0, 2)));
}

#[test]
fn the_vertical_pass_comes_first_where_pillow_makes_it_so() {
    let first =
        |from, to, arithmetic| Passes::new(from, to, Method { filter: Filter::Box, arithmetic }).down_first;
    for (from, to, expected) in [
        ((375, 500), (224, 224), [false, false]),
        ((500, 375), (224, 224), [false, false]),
        ((250, 200), (224, 224), [false, true]),
        ((100, 90), (60, 70), [false, false]),
        ((101, 90), (60, 70), [false, true]),
        ((20, 30), (21, 90), [false, false]),
        ((20, 30), (20, 90), [false, false]),
        ((300, 3), (299, 2), [false, false]),
        ((301, 3), (300, 2), [true, false]),
        ((301, 3), (301, 2), [false, false]),
        ((301, 3), (299, 5), [true, true]),
    ] {
        let [across, tall, shrinkage, torch] = ARITHMETICS.map(|arithmetic| first(from, to, arithmetic));
        assert_eq!((across, [tall, shrinkage], torch), (false, expected, false), "{from:?} {to:?}");
    }
}
