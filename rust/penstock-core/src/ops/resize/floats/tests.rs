use penstock_jpeg::simd::Level;
use proptest::prelude::*;

use super::ResampleFloats;
use super::step::Memory;
use super::weights::{Side, Taps};
use crate::image::{Planes, Region};
use crate::ops::kinds::FloatArea;
use crate::ops::resize::filter::Filter;

const FILTERS: [Filter; 3] = [Filter::Bilinear, Filter::Bicubic, Filter::Corner];

fn noise(channels: usize, height: u32, width: u32) -> Planes {
    let mut planes = Planes::default();
    assert!(planes.shape(channels, height as usize, width as usize));
    let mut state = 7u32;
    for number in planes.numbers_mut() {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        *number = ((state >> 24) as f32 / 255.0).to_ne_bytes();
    }
    planes
}

fn resized(level: Level, source: &Planes, size: (u32, u32), step: ResampleFloats, wanted: &Region) -> Planes {
    let (mut part, mut out) = (Planes::default(), Planes::default());
    let support = step.support(size, wanted);
    assert!(part.copy_part(source, &support.rows, &support.columns));
    step.make(level, &part, size, wanted, &mut Memory::default(), &mut out).unwrap();
    out
}

proptest! {
    #[test]
    fn every_level_and_every_part_has_the_same_bits(
        channels in prop::sample::select(vec![1usize, 3]),
        size in (1u32..90, 1u32..90),
        to in (1u32..70, 1u32..70),
        filter in prop::sample::select(FILTERS.to_vec()),
        corner in (0u32..70, 0u32..70),
        length in (1u32..70, 1u32..70),
    ) {
        let source = noise(channels, size.0, size.1);
        let step = ResampleFloats { height: to.0, width: to.1, filter };
        let whole = resized(Level::SCALAR, &source, size, step, &Region::whole(to));
        for level in Level::available() {
            let made = resized(level, &source, size, step, &Region::whole(to));
            prop_assert_eq!(made.numbers(), whole.numbers());
        }
        let range = |corner: u32, length: u32, most: u32| {
            let start = corner.min(most - 1);
            start..(start + length).min(most)
        };
        let wanted = Region { rows: range(corner.0, length.0, to.0), columns: range(corner.1, length.1, to.1) };
        let mut expected = Planes::default();
        prop_assert!(expected.copy_part(&whole, &wanted.rows, &wanted.columns));
        let made = resized(Level::detect(), &source, size, step, &wanted);
        prop_assert_eq!(made.numbers(), expected.numbers());
    }
}

#[test]
fn sums_go_from_the_first_product_to_the_last_of_which_fours_are_rounded() {
    let (source, step) = (noise(1, 1, 23), ResampleFloats { height: 1, width: 3, filter: Filter::Bilinear });
    let made = resized(Level::SCALAR, &source, (1, 23), step, &Region::whole((1, 3)));
    let mut taps = Taps::default();
    Side { from: 23, to: 3, filter: Filter::Bilinear }.taps(&(0..3), 0, &mut taps);
    for ((first, weights), made) in taps.iter().zip(made.numbers()) {
        let at = |tap: usize| f32::from_ne_bytes(source.row(0, 0)[first + tap]);
        assert!(weights.len() > 6 && weights.len() % 4 != 1);
        let mut sum = at(0) * weights[0];
        for (tap, weight) in weights.iter().enumerate().skip(1) {
            let is_rounded = tap <= (weights.len() - 1) / 4 * 4;
            sum = if is_rounded { sum + at(tap) * weight } else { at(tap).mul_add(*weight, sum) };
        }
        assert_eq!(*made, sum.to_ne_bytes());
    }
}

#[test]
fn what_is_not_the_support_is_refused() {
    let step = ResampleFloats { height: 4, width: 4, filter: Filter::Bilinear };
    let made = step.make(
        Level::SCALAR,
        &noise(1, 3, 3),
        (9, 9),
        &Region::whole((4, 4)),
        &mut Memory::default(),
        &mut Planes::default(),
    );
    assert_eq!(made, None);
    assert_eq!(step.size((0, 3)), None);
}
