//! Vector kernels against their scalar twins.

use super::dispatch::{
    blocks_to_samples, copy_before_ff, h1v2, h2v1, h2v2, rgb_to_pixels, ycc_to_pixels, ycc_to_planes,
};
use super::idct::Quant;
use super::{color, idct, upsample};
use crate::simd::Level;

/// A generator good enough for tests.
struct Random(u64);

impl Random {
    fn next(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % below
    }

    fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.next(256) as u8).collect()
    }
}

fn vector_levels() -> impl Iterator<Item = Level> {
    Level::available().filter(|&level| level != Level::SCALAR)
}

#[test]
fn transforms_agree() {
    let mut random = Random(1);
    let mut refused = 0;
    for round in 0..4000 {
        let count = 1 + random.next(5);
        let stride = 8 * count + random.next(20);
        let greatest = [1, 16, 255, 40_000][random.next(4)];
        let quant = Quant::new(&std::array::from_fn(|_| 1 + random.next(greatest) as u16));
        let magnitude = [2, 40, 600, 32_768][random.next(4)];
        let mut blocks = vec![[0_i16; 64]; count];
        let mut extents = vec![0; count];
        for (block, extent) in blocks.iter_mut().zip(&mut extents) {
            let reach = [1, 3, 9, 10, 11, 64][random.next(6)];
            for (k, &place) in crate::markers::ZIGZAG.iter().enumerate().take(reach) {
                let value = random.next(2 * magnitude) as i32 - magnitude as i32;
                // Mostly what the limits allow, so that some blocks are accepted.
                let limit = i32::from(quant.limits[usize::from(place)]);
                let value = if round % 4 == 0 { value } else { value.clamp(-limit / 4, limit / 4) };
                block[usize::from(place)] = value as i16;
                if value != 0 {
                    *extent = k as u8;
                }
            }
        }
        let mut wanted = vec![7; 7 * stride + 8 * count];
        let mut source = blocks.clone();
        let valid = idct::blocks_to_samples(&mut source, &extents, &quant, &mut wanted, stride);
        assert!(source.iter().flatten().all(|&c| c == 0));
        refused += usize::from(!valid);
        for level in vector_levels() {
            let mut source = blocks.clone();
            let mut found = vec![7; wanted.len()];
            let same = blocks_to_samples(level, &mut source, &extents, &quant, &mut found, stride) == valid;
            assert!(same, "verdicts differ");
            if valid {
                assert_eq!(found, wanted);
                assert!(source.iter().flatten().all(|&c| c == 0));
            }
        }
    }
    assert!((100..3900).contains(&refused), "{refused} refused");
}

#[test]
fn upsamplings_agree() {
    let mut random = Random(2);
    for count in (1..70).chain([128, 129, 500]) {
        let (near, next) = (random.bytes(count + 2), random.bytes(count + 2));
        let mut wanted = vec![0; 2 * count];
        let mut found = wanted.clone();
        for level in vector_levels() {
            upsample::h2v1(&near, &mut wanted);
            h2v1(level, &near, &mut found);
            assert_eq!(found, wanted);
            upsample::h2v2(&near, &next, &mut wanted);
            h2v2(level, &near, &next, &mut found);
            assert_eq!(found, wanted);
            for bias in [1, 2] {
                upsample::h1v2(&near, &next, bias, &mut wanted[..count]);
                h1v2(level, &near, &next, bias, &mut found[..count]);
                assert_eq!(found, wanted);
            }
        }
    }
}

#[test]
fn colors_agree() {
    let mut random = Random(3);
    for count in (1..70).chain([97, 1000]) {
        for beyond in [0, 80] {
            let rows = [0; 3].map(|_| random.bytes(count + beyond));
            let rows = rows.each_ref().map(Vec::as_slice);
            for level in vector_levels() {
                let (mut wanted, mut found) = (vec![0; 3 * count], vec![0; 3 * count]);
                color::ycc_to_pixels::<true>(rows, &mut wanted);
                ycc_to_pixels::<true>(level, rows, &mut found);
                assert_eq!(found, wanted);
                found.as_chunks_mut::<3>().0.iter_mut().for_each(|pixel| pixel.reverse());
                color::ycc_to_pixels::<false>(rows, &mut wanted);
                assert_eq!(found, wanted);
                ycc_to_pixels::<false>(level, rows, &mut found);
                assert_eq!(found, wanted);
                let mut planes = [0; 3].map(|_| vec![0; count]);
                ycc_to_planes(level, rows, planes.each_mut().map(Vec::as_mut_slice));
                for (i, &value) in wanted.iter().enumerate() {
                    assert_eq!(planes[i % 3][i / 3], value);
                }
                color::rgb_to_pixels(rows, &mut wanted);
                rgb_to_pixels(level, rows, &mut found);
                assert_eq!(found, wanted);
            }
        }
    }
}

#[test]
fn every_color_agrees() {
    let every: Vec<u8> = (0..=255).collect();
    for level in vector_levels() {
        for y in [0, 1, 77, 128, 254, 255] {
            for cb in 0..=255 {
                let rows = [&[y; 256][..], &[cb; 256], &every];
                let (mut wanted, mut found) = ([0; 768], [0; 768]);
                color::ycc_to_pixels::<false>(rows, &mut wanted);
                ycc_to_pixels::<false>(level, rows, &mut found);
                assert_eq!(found, wanted);
            }
        }
    }
}

#[test]
fn bytes_before_ff_are_copied() {
    let mut random = Random(4);
    for length in 0..100 {
        for at in 0..=length {
            let mut bytes: Vec<u8> = (0..length).map(|_| random.next(255) as u8).collect();
            if let Some(byte) = bytes.get_mut(at) {
                *byte = 0xFF;
            }
            for level in Level::available() {
                for room in [length / 2, length, length + 40] {
                    let mut out = vec![7; room];
                    let copied = copy_before_ff(level, &bytes, &mut out);
                    assert_eq!(copied, at.min(room));
                    assert_eq!(out[..copied], bytes[..copied]);
                }
            }
        }
    }
}
