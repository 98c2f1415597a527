use penstock_jpeg::simd::Level;
use proptest::prelude::*;

use super::*;
use crate::ops::kinds::FloatPixels;
use crate::ops::library::Library;

fn of(channels: usize, bytes: &[u8]) -> Planes {
    let (rows, mut planes) = (3, Planes::default());
    assert!(planes.shape(channels, rows, bytes.len() / rows / channels));
    for (number, byte) in planes.numbers_mut().iter_mut().zip(bytes) {
        *number = (f32::from(*byte) / 255.0).to_ne_bytes();
    }
    planes
}

fn check(step: &impl FloatPixels, channels: usize, bytes: &[u8]) {
    let mut expected = of(channels, bytes);
    step.change(Level::SCALAR, &mut expected);
    for level in Level::available() {
        let mut made = of(channels, bytes);
        step.change(level, &mut made);
        assert_eq!(made.numbers(), expected.numbers(), "{}", level.name());
    }
}

proptest! {
    #[test]
    fn every_level_has_the_same_bits(
        bytes in prop::collection::vec(any::<u8>(), 9..900),
        channels in prop::sample::select(vec![1usize, 3]),
        factor in 0.0f64..2.0,
    ) {
        for library in [Library::Torch1, Library::Torch2, Library::Torch2Unfused] {
            check(&GrayFloats { library }, channels, &bytes);
            check(&SaturationFloats { factor, library }, channels, &bytes);
            check(&HueFloats { turn: factor / 2.0 - 0.5, library }, channels, &bytes);
        }
        check(&BrightnessFloats { factor }, channels, &bytes);
        check(&ContrastFloats { factor, threads: 1 }, channels, &bytes);
        check(&InvertFloats, channels, &bytes);
        check(&SolarizeFloats { threshold: factor / 2.0 }, channels, &bytes);
        check(&NormalizeFloats { mean: [0.1, 0.2, 0.3], deviation: [0.3, 0.7, 0.9] }, channels, &bytes);
    }
}

#[test]
fn one_channel_has_no_colour() {
    let bytes: Vec<u8> = (0..36).map(|i| i * 7).collect();
    let mut gray = of(1, &bytes);
    GrayFloats { library: Library::Torch1 }.change(Level::SCALAR, &mut gray);
    HueFloats { turn: 0.3, library: Library::Torch2 }.change(Level::SCALAR, &mut gray);
    SaturationFloats { factor: 0.0, library: Library::Torch2 }.change(Level::SCALAR, &mut gray);
    assert_eq!(gray.numbers(), of(1, &bytes).numbers());
}
