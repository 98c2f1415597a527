//! Geometry at every level against plain loops over pixels.

use penstock_jpeg::simd::Level;
use proptest::prelude::*;

use super::*;
use crate::image::{ImageView, Region};
use crate::ops::generation::Generation;
use crate::ops::kinds::{Area, Size};

const INTERPOLATIONS: [Interpolation; 3] =
    [Interpolation::Nearest, Interpolation::Bilinear, Interpolation::Bicubic];

/// A cubic through four values.
#[expect(clippy::suboptimal_flops, reason = "Pillow's own roundings")]
fn cubic([a, b, c, d]: [f64; 4], at: f64) -> f64 {
    b + at * ((c - a) + at * ((2.0 * (a - b) + c - d) + at * (-a + b - c + d)))
}

/// What a place of an image looks like; `None` outside.
#[expect(clippy::suboptimal_flops, reason = "Pillow's own roundings")]
fn look(image: &ImageView<'_>, interpolation: Interpolation, [x, y]: [f64; 2], channel: usize) -> Option<u8> {
    let (height, width) = (image.height() as i64, image.width() as i64);
    if !(x >= 0.0 && x < width as f64 && y >= 0.0 && y < height as f64) {
        return None;
    }
    let get = |y: i64, x: i64| {
        f64::from(image.get(y.clamp(0, height - 1) as usize, x.clamp(0, width - 1) as usize, channel))
    };
    if interpolation == Interpolation::Nearest {
        return Some(get(y as i64, x as i64) as u8);
    }
    let (x, y) = (x - 0.5, y - 0.5);
    let (column, row) = (x.floor() as i64, y.floor() as i64);
    let (dx, dy) = (x - x.floor(), y - y.floor());
    let value = if interpolation == Interpolation::Bilinear {
        let across = |y| get(y, column) + (get(y, column + 1) - get(y, column)) * dx;
        across(row) + (across(row + 1) - across(row)) * dy
    } else {
        let across = |y| cubic([-1, 0, 1, 2].map(|i| get(y, column + i)), dx);
        cubic([-1, 0, 1, 2].map(|i| across(row + i)), dy)
    };
    Some(value.clamp(0.0, 255.0) as u8)
}

/// The whole output, for every level, of a part of which `region` says which.
fn compare<A: Area>(
    step: &A,
    source: &ImageView<'_>,
    region: &Region,
    expected: impl Fn(u32, u32, usize) -> u8,
) -> Result<(), TestCaseError> {
    let size = (source.height() as u32, source.width() as u32);
    let support = step.support(size, region);
    let part = source.part(&support.rows, &support.columns).unwrap();
    for level in Level::available() {
        let mut memory = A::Memory::default();
        let made = step.make(level, &part, size, region, &mut memory).unwrap();
        for (y, row) in region.rows.clone().enumerate() {
            for (x, column) in region.columns.clone().enumerate() {
                for c in 0..source.channels() {
                    let wanted = expected(row, column, c);
                    let found = made.get(y, x, c);
                    prop_assert!(
                        found == wanted,
                        "{} {row} {column} {c}: {found}, not {wanted}",
                        level.name()
                    );
                }
            }
        }
    }
    Ok(())
}

/// An image's bytes, and its sides and strides: of height and width, whether it is gray, and whether its channels are planes.
fn noise(
    (height, width, gray, planar): (usize, usize, bool, bool),
    seed: u64,
) -> (Vec<u8>, [usize; 3], [isize; 3]) {
    let channels = if gray { 1 } else { 3 };
    let mixed =
        |i: u64| (i ^ seed).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(29).wrapping_mul(0xD6E8_FEB9);
    let bytes = (0..(height * width * channels) as u64).map(|i| (mixed(i) >> 27) as u8).collect();
    let strides = if planar {
        [width as isize, 1, (height * width) as isize]
    } else {
        [(width * channels) as isize, channels as isize, 1]
    };
    (bytes, [height, width, channels], strides)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    #[expect(clippy::suboptimal_flops, reason = "Pillow's own roundings")]
    fn every_level_equals_plain_loops(
        shape in (1usize..60, 1usize..60, any::<bool>(), any::<bool>()),
        size in (1u32..60, 1u32..60),
        corner in (0u32..60, 0u32..60),
        which in 1usize..3,
        linear in prop::array::uniform4(-2.0f64..2.0),
        shift in prop::array::uniform2(-30.0f64..70.0),
        depth in prop::option::of(prop::array::uniform2(-0.02f64..0.02)),
        seed in any::<u64>(),
    ) {
        let (bytes, sides, strides) = noise(shape, seed);
        let source = ImageView::from_strided(&bytes, 0, sides, strides).unwrap();
        let fill = [7, 8, 9];
        let region = Region {
            rows: corner.0 % size.0..size.0,
            columns: corner.1 % size.1..size.1,
        };
        let ([a, b, d, e], [c, f], interpolation) = (linear, shift, INTERPOLATIONS[which]);
        let place = |y: u32, x: u32| {
            let (x, y) = (f64::from(x) + 0.5, f64::from(y) + 0.5);
            let place = [a * x + b * y + c, d * x + e * y + f];
            depth.map_or(place, |[g, h]| place.map(|at| at / (g * x + h * y + 1.0)))
        };
        let expected = |y, x, channel| look(&source, interpolation, place(y, x), channel).unwrap_or(fill[channel]);
        if let Some([g, h]) = depth {
            let step = Perspective::new([a, b, c, d, e, f, g, h], size, interpolation, fill).unwrap();
            compare(&step, &source, &region, expected)?;
            let step = Perspective::new([a, b, c, d, e, f, g, h], size, Interpolation::Nearest, fill).unwrap();
            compare(&step, &source, &region, |y, x, channel| {
                look(&source, Interpolation::Nearest, place(y, x), channel).unwrap_or(fill[channel])
            })?;
        } else {
            compare(&Affine::new([a, b, c, d, e, f], size, interpolation, fill).unwrap(), &source, &region, expected)?;
        }
    }

    #[test]
    fn the_nearest_pixel_is_found_in_fixed_point(
        gray in any::<bool>(),
        size in (1u32..60, 1u32..60),
        corner in (0u32..60, 0u32..60),
        linear in prop::array::uniform4(-2.0f64..2.0),
        shift in prop::array::uniform2(-30.0f64..70.0),
    ) {
        let ([a, b, d, e], [c, f]) = (linear, shift);
        let channels = if gray { 1 } else { 3 };
        let bytes: Vec<u8> = (0..40 * 50 * channels).map(|i| (i % 251) as u8).collect();
        let source = ImageView::from_slice(&bytes, 40, 50, channels).unwrap();
        let region = Region { rows: corner.0 % size.0..size.0, columns: corner.1 % size.1..size.1 };
        let fill = [3, 4, 5];
        let step = Affine::new([a, b, c, d, e, f], size, Interpolation::Nearest, fill).unwrap();
        let fixed = |value: f64| (value * 65536.0 + 0.5).floor() as i64;
        let first = [fixed(c + a * 0.5 + b * 0.5), fixed(f + d * 0.5 + e * 0.5)];
        compare(&step, &source, &region, |y, x, channel| {
            let (x, y) = (i64::from(x), i64::from(y));
            let column = (first[0] + x * fixed(a) + y * fixed(b)) >> 16;
            let row = (first[1] + x * fixed(d) + y * fixed(e)) >> 16;
            let inside = (0..50).contains(&column) && (0..40).contains(&row);
            if inside { source.get(row as usize, column as usize, channel) } else { fill[channel] }
        })?;
    }

    /// Few values and places of few digits: many sums are whole numbers, or all but.
    #[test]
    fn what_is_nearly_whole_is_rounded_as_plain_loops_round_it(
        linear in prop::array::uniform4(-12i32..12),
        shift in prop::array::uniform2(-100i32..200),
        nearly in prop::array::uniform2(-1e-9f64..1e-9),
        values in prop::collection::vec(prop::sample::select(vec![0u8, 0, 1, 2, 64, 128, 254, 255, 255]), 40 * 50 * 3),
        which in 1usize..3,
    ) {
        let ([a, b, d, e], [c, f]) = (linear.map(|of| f64::from(of) / 8.0), shift.map(|of| f64::from(of) / 4.0));
        let [a, e] = [a + nearly[0], e + nearly[1]];
        let source = ImageView::from_slice(&values, 40, 50, 3).unwrap();
        let (interpolation, fill) = (INTERPOLATIONS[which], [7, 8, 9]);
        let place = |y: u32, x: u32| {
            let (x, y) = (f64::from(x) + 0.5, f64::from(y) + 0.5);
            [a * x + b * y + c, d * x + e * y + f]
        };
        let step = Affine::new([a, b, c, d, e, f], (40, 50), interpolation, fill).unwrap();
        let region = Region { rows: 0..40, columns: 0..50 };
        compare(&step, &source, &region, |y, x, channel| {
            look(&source, interpolation, place(y, x), channel).unwrap_or(fill[channel])
        })?;
    }
}

proptest! {
    #[test]
    fn a_grid_is_rounded_as_torch_rounds_it(
        fused in any::<bool>(),
        size in (1u32..60, 1u32..60),
        corner in (0u32..60, 0u32..60),
        linear in prop::array::uniform4(-2.0f64..2.0),
        shift in prop::array::uniform2(-30.0f64..30.0),
    ) {
        let ([a, b, d, e], [c, f]) = (linear, shift);
        let bytes: Vec<u8> = (0..40 * 50).map(|i| (i % 251) as u8).collect();
        let source = ImageView::from_slice(&bytes, 40, 50, 1).unwrap();
        let region = Region { rows: corner.0 % size.0..size.0, columns: corner.1 % size.1..size.1 };
        let places = if fused { Places::Fused } else { Places::Rounded };
        let step = AffineGrid::new([a, b, c, d, e, f], places, size, Interpolation::Nearest, [3; 3]).unwrap();
        let along = |numbers: [f64; 3], length: f32, x: f32, y: f32| {
            let [of_x, of_y, shift] = numbers.map(|number| number as f32 / (0.5 * length));
            let fused = fused && size.0 * size.1 >= 67;
            let place = if fused { y.mul_add(of_y, x * of_x) + shift } else { (x * of_x + y * of_y) + shift };
            (place + 1.0).mul_add(length / 2.0, -0.5).round_ties_even() as i64
        };
        compare(&step, &source, &region, |y, x, _| {
            let middle = |length: u32| (1.0 - length as f32) * 0.5;
            let (x, y) = (middle(size.1) + x as f32, middle(size.0) + y as f32);
            let (column, row) = (along([a, b, c], 50.0, x, y), along([d, e, f], 40.0, x, y));
            let inside = (0..50).contains(&column) && (0..40).contains(&row);
            if inside { source.get(row as usize, column as usize, 0) } else { 3 }
        })?;
    }
}

/// What `grid_sample` and a fill come to: of the four pixels around a place, or the nearest one.
#[expect(clippy::suboptimal_flops, reason = "torch's own roundings")]
fn sampled(image: &ImageView<'_>, looking: Looking, [x, y]: [f32; 2], channel: usize) -> u8 {
    let at = |x: f32, y: f32| {
        let inside = (0.0..image.width() as f32).contains(&x) && (0.0..image.height() as f32).contains(&y);
        inside.then(|| f32::from(image.get(y as usize, x as usize, channel)))
    };
    let fill = looking.fill.map(|fill| fill[channel]);
    if looking.interpolation == Interpolation::Nearest {
        let found = at(x.round_ties_even(), y.round_ties_even());
        return found.or(fill).unwrap_or(0.0).round_ties_even() as u8;
    }
    let (left, upper) = (x.floor(), y.floor());
    let (west, north) = (x - left, y - upper);
    let (east, south) = (1.0 - west, 1.0 - north);
    let corners = [
        (at(left, upper), south * east),
        (at(left + 1.0, upper), south * west),
        (at(left, upper + 1.0), north * east),
        (at(left + 1.0, upper + 1.0), north * west),
    ];
    let mix = |value: &dyn Fn(Option<f32>) -> f32| {
        let [first, rest @ ..] = corners;
        rest.iter()
            .fold(value(first.0) * first.1, |sum, (corner, weight)| value(*corner).mul_add(*weight, sum))
    };
    let value = mix(&|corner| corner.unwrap_or(0.0));
    let inside = mix(&|corner| if corner.is_some() { 1.0 } else { 0.0 });
    let value = match (fill, looking.generation) {
        (None, _) => value,
        (Some(fill), Generation::V1) => value * inside + (1.0 - inside) * fill,
        (Some(fill), Generation::V2) => (value - fill) * inside + fill,
    };
    value.round_ties_even() as u8
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    #[expect(clippy::suboptimal_flops, reason = "torch's own roundings")]
    fn every_level_samples_as_plain_loops_do(
        shape in (1usize..60, 1usize..60, any::<bool>(), any::<bool>()),
        size in (1u32..80, 1u32..80),
        corner in (0u32..80, 0u32..80),
        looking in (any::<bool>(), any::<bool>(), any::<bool>()),
        fill in prop::option::of(prop::array::uniform3(0.0f32..255.0)),
        linear in prop::array::uniform4(-2.0f64..2.0),
        shift in prop::array::uniform2(-30.0f64..30.0),
        depth in prop::option::of(prop::array::uniform2(-0.02f64..0.02)),
        seed in any::<u64>(),
    ) {
        let (height, width, ..) = shape;
        let (bytes, sides, strides) = noise(shape, seed);
        let source = ImageView::from_strided(&bytes, 0, sides, strides).unwrap();
        let region = Region { rows: corner.0 % size.0..size.0, columns: corner.1 % size.1..size.1 };
        let (fused, nearest, first) = looking;
        let looking = Looking {
            generation: if first { Generation::V1 } else { Generation::V2 },
            places: if fused { Places::Fused } else { Places::Rounded },
            interpolation: if nearest { Interpolation::Nearest } else { Interpolation::Bilinear },
            fill,
        };
        let ([a, b, d, e], [c, f]) = (linear, shift);
        let fused = fused && size.0 * size.1 >= 67;
        let sum = |[of_x, of_y, shift]: [f32; 3], x: f32, y: f32| {
            if fused { y.mul_add(of_y, x * of_x) + shift } else { (x * of_x + y * of_y) + shift }
        };
        let (halves, step) = if let Some([g, h]) = depth {
            (size, SampledGrid::perspective([a, b, c, d, e, f, g, h], size, looking).unwrap())
        } else {
            ((height as u32, width as u32), SampledGrid::affine([a, b, c, d, e, f], size, looking).unwrap())
        };
        let place = |x: u32, y: u32| {
            let middle = |length: u32| if depth.is_some() { 0.5 } else { (1.0 - length as f32) * 0.5 };
            let (x, y) = (middle(size.1) + x as f32, middle(size.0) + y as f32);
            let along = |numbers: [f64; 3], half: u32, length: usize| {
                let at = sum(numbers.map(|number| number as f32 / (0.5 * half as f32)), x, y);
                let at = depth.map_or(at, |[g, h]| at / sum([g as f32, h as f32, 1.0], x, y) - 1.0);
                (at + 1.0).mul_add(length as f32 / 2.0, -0.5)
            };
            [along([a, b, c], halves.1, width), along([d, e, f], halves.0, height)]
        };
        compare(&step, &source, &region, |y, x, channel| sampled(&source, looking, place(x, y), channel))?;
    }
}

#[test]
fn no_more_is_looked_at_than_is_seen() {
    let region = Region { rows: 10..20, columns: 30..40 };
    let support = |matrix, interpolation| {
        let step = Affine::new(matrix, (100, 100), interpolation, [0; 3]).unwrap();
        let Region { rows, columns } = step.support((90, 80), &region);
        (rows, columns)
    };
    let shift = [1.0, 0.0, 5.0, 0.0, 1.0, -12.0];
    assert_eq!(support(shift, Interpolation::Nearest), (0..8, 35..45));
    assert_eq!(support(shift, Interpolation::Bilinear), (0..9, 35..46));
    assert_eq!(support(shift, Interpolation::Bicubic), (0..10, 34..47));
    let turned = [0.0, 1.0, 0.0, 1.0, 0.0, 0.0];
    assert_eq!(support(turned, Interpolation::Nearest), (30..40, 10..20));
    assert_eq!(support([1.0, 0.0, 500.0, 0.0, 1.0, 0.0], Interpolation::Bicubic), (0..0, 0..0));
    assert_eq!(support([1.0, 0.1, -500.0, 0.0, 1.0, 0.0], Interpolation::Nearest), (0..0, 0..0));
}

#[test]
fn quarter_turns_take_every_pixel_from_its_place() {
    let bytes: Vec<u8> = (0..6).collect();
    let source = ImageView::from_slice(&bytes, 2, 3, 1).unwrap();
    let turned = |quarter| {
        let turn = Turn { quarter };
        let size: Size = turn.size((2, 3)).unwrap();
        let whole = Region { rows: 0..size.0, columns: 0..size.1 };
        assert_eq!(turn.support((2, 3), &whole), Region { rows: 0..2, columns: 0..3 });
        let mut memory = ();
        let made = turn.make(Level::SCALAR, &source, (2, 3), &whole, &mut memory).unwrap();
        (0..3).flat_map(|y| (0..2).map(move |x| (y, x))).map(|(y, x)| made.get(y, x, 0)).collect::<Vec<_>>()
    };
    assert_eq!(turned(Quarter::Rotate90), [2, 5, 1, 4, 0, 3]);
    assert_eq!(turned(Quarter::Rotate270), [3, 0, 4, 1, 5, 2]);
    assert_eq!(turned(Quarter::Transpose), [0, 3, 1, 4, 2, 5]);
    assert_eq!(turned(Quarter::Transverse), [5, 2, 4, 1, 3, 0]);
}
