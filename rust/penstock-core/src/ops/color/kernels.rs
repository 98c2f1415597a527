//! Gray, saturation and extremes of a block of pixels.
//!
//! The compiler makes vectors of these loops, as long as everything in them is inlined; so the kernels of the levels are
//! the plain ones, compiled again; but for saturation, which is better by hand.

use super::blend::{self, Blend, byte};
use crate::ops::kinds::{BLOCK_PIXELS, Block};
use crate::ops::library::Library;

/// One channel of a block.
pub(super) type Plane = [u8; BLOCK_PIXELS];

/// Defines the kernels with a level's features.
#[cfg(target_arch = "x86_64")]
macro_rules! compiled {
    ($features:literal: $gray:ident $extremes:ident) => {
        #[target_feature(enable = $features)]
        pub(super) fn $gray(library: Library, block: &Block) -> Plane {
            gray(library, block)
        }

        #[target_feature(enable = $features)]
        pub(super) fn $extremes(block: &Block, seen: [&mut [u8; 3]; 2]) {
            extremes(block, seen);
        }
    };
}

#[cfg(target_arch = "x86_64")]
compiled!("avx512f,avx512bw,avx512vl,avx512vbmi,avx2,fma": gray_avx512 extremes_avx512);
#[cfg(target_arch = "x86_64")]
compiled!("avx2,fma": gray_avx2 extremes_avx2);

/// Defines, as a function, a loop over the pixels of a block.
macro_rules! gray_loop {
    ($name:ident, $one:ident) => {
        #[inline(always)]
        fn $name([red, green, blue]: &Block) -> Plane {
            let mut out = [0; BLOCK_PIXELS];
            for (((out, &r), &g), &b) in out.iter_mut().zip(red).zip(green).zip(blue) {
                *out = $one(r, g, b);
            }
            out
        }
    };
}

gray_loop!(gray_pillow, luma);
gray_loop!(gray_once, luminance_fused);
gray_loop!(gray_twice, luminance);

/// The gray values of a block.
#[expect(clippy::inline_always, reason = "it is to be compiled with its callers' features")]
#[inline(always)]
pub(super) fn gray(library: Library, block: &Block) -> Plane {
    match library {
        Library::Pillow => gray_pillow(block),
        Library::Torch2 => gray_once(block),
        Library::Torch1 | Library::Torch2Unfused => gray_twice(block),
    }
}

/// Pillow's, of weights that are parts of 2^16.
#[expect(clippy::inline_always, reason = "it is to be compiled with its callers' features")]
#[inline(always)]
fn luma(r: u8, g: u8, b: u8) -> u8 {
    ((19_595 * u32::from(r) + 38_470 * u32::from(g) + 7_471 * u32::from(b) + 0x8000) >> 16) as u8
}

/// torchvision's, each product and sum rounded.
#[expect(clippy::inline_always, reason = "it is to be compiled with its callers' features")]
#[inline(always)]
fn luminance(r: u8, g: u8, b: u8) -> u8 {
    byte(f32::from(r) * 0.2989 + f32::from(g) * 0.587 + f32::from(b) * 0.114)
}

/// torchvision's with `add_(alpha)`, which is fused.
#[expect(clippy::inline_always, reason = "it is to be compiled with its callers' features")]
#[inline(always)]
fn luminance_fused(r: u8, g: u8, b: u8) -> u8 {
    byte(f32::from(b).mul_add(0.114, f32::from(g).mul_add(0.587, f32::from(r) * 0.2989)))
}

/// Defines, as a function, a loop that mixes the values of a block with a plane.
macro_rules! blend_loop {
    ($name:ident, $mix:path) => {
        #[inline(always)]
        fn $name(blend: Blend, dull: &Plane, block: &mut Block) {
            for values in block {
                for (value, &dull) in values.iter_mut().zip(dull) {
                    *value = byte($mix(blend, f32::from(dull), f32::from(*value)));
                }
            }
        }
    };
}

blend_loop!(blend_pillow, blend::pillow);
blend_loop!(blend_torch, blend::torch);
blend_loop!(blend_torch_fused, blend::torch_fused);

/// Mixes a block with its gray values.
#[expect(clippy::inline_always, reason = "it is to be compiled with its callers' features")]
#[inline(always)]
pub(super) fn saturate(blend: Blend, block: &mut Block) {
    let dull = gray(blend.library, block);
    match blend.library {
        Library::Pillow => blend_pillow(blend, &dull, block),
        Library::Torch1 | Library::Torch2Unfused => blend_torch(blend, &dull, block),
        Library::Torch2 => blend_torch_fused(blend, &dull, block),
    }
}

/// Widens the least and greatest values of each channel by those of a block.
#[expect(clippy::inline_always, reason = "it is to be compiled with its callers' features")]
#[inline(always)]
pub(super) fn extremes(block: &Block, [least, greatest]: [&mut [u8; 3]; 2]) {
    for ((values, least), greatest) in block.iter().zip(least).zip(greatest) {
        let (mut low, mut high) = (*least, *greatest);
        for &value in values {
            low = value.min(low);
            high = value.max(high);
        }
        (*least, *greatest) = (low, high);
    }
}

#[cfg(test)]
mod tests {
    use super::super::{dispatch, every_colour};
    use super::*;
    use penstock_jpeg::simd::Level;

    const LIBRARIES: [Library; 4] =
        [Library::Pillow, Library::Torch1, Library::Torch2, Library::Torch2Unfused];

    #[test]
    fn levels_make_every_colour_gray_as_plain_code_does() {
        let pixels = |library, block: &Block| -> Plane {
            std::array::from_fn(|i| {
                let [r, g, b] = block.map(|plane| plane[i]);
                match library {
                    Library::Pillow => luma(r, g, b),
                    Library::Torch2 => luminance_fused(r, g, b),
                    _ => luminance(r, g, b),
                }
            })
        };
        for block in every_colour() {
            for library in LIBRARIES {
                let expected = pixels(library, &block);
                for level in Level::available() {
                    assert_eq!(dispatch::gray(level, library, &block), expected, "{}", level.name());
                }
            }
        }
    }

    #[test]
    fn levels_saturate_every_fifth_colour_as_plain_code_does() {
        for block in every_colour().step_by(5) {
            for (library, factor) in LIBRARIES.into_iter().zip([1.4, 0.3, 1.9, 0.77]) {
                let blend = Blend::new(factor, library);
                let dull = gray(library, &block);
                let expected = block
                    .map(|plane| -> Plane { std::array::from_fn(|i| blend.byte(dull[i].into(), plane[i])) });
                for level in Level::available() {
                    let mut found = block;
                    dispatch::saturate(level, blend, &mut found);
                    assert_eq!(found, expected, "{} {library:?}", level.name());
                }
            }
        }
    }

    #[test]
    fn extremes_are_those_of_the_pixels_that_count() {
        let plane = |by: usize| std::array::from_fn(|i| (60 + i * by % 101) as u8);
        let block: Block = [plane(37), plane(11), plane(83)];
        for pixels in 1..=BLOCK_PIXELS {
            let of = |plane: &Plane, most: bool| {
                let part = plane[..pixels].iter().copied();
                if most { part.max() } else { part.min() }.unwrap()
            };
            for level in Level::available() {
                let (mut least, mut greatest) = ([70, 255, 255], [0, 160, 0]);
                dispatch::extremes(level, &block, pixels, [&mut least, &mut greatest]);
                let [a, b, c] = &block;
                assert_eq!(least, [of(a, false).min(70), of(b, false), of(c, false)], "{pixels}");
                assert_eq!(greatest, [of(a, true), of(b, true).max(160), of(c, true)], "{pixels}");
            }
        }
    }
}
