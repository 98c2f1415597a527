//! Planes of elements to pixels.
//!
//! The compiler makes vectors of the plain loop, better ones the more instructions it may use: compiled for AVX2 it
//! makes 33 GB/s of bytes and 49 of words where the machine's plain instructions make 6 and 24, and a copy within the
//! first-level cache 140. So the kernels of the levels are the plain one, compiled again.

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi")]
pub(super) fn three_avx512<const N: usize>(planes: [&[u8]; 3], out: &mut [u8]) {
    three::<N>(planes, out);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
pub(super) fn three_avx2<const N: usize>(planes: [&[u8]; 3], out: &mut [u8]) {
    three::<N>(planes, out);
}

#[expect(clippy::inline_always, reason = "it is to be compiled with its callers' features")]
#[inline(always)]
pub(super) fn three<const N: usize>(planes: [&[u8]; 3], out: &mut [u8]) {
    let [a, b, c] = planes.map(|plane| plane.as_chunks::<N>().0);
    let pixels = out.as_chunks_mut::<N>().0.as_chunks_mut::<3>().0;
    for (((pixel, a), b), c) in pixels.iter_mut().zip(a).zip(b).zip(c) {
        *pixel = [*a, *b, *c];
    }
}

/// Any number of planes.
pub(super) fn any<const N: usize>(planes: &[&[u8]], out: &mut [u8]) {
    for (x, pixel) in out.chunks_exact_mut(N * planes.len()).enumerate() {
        for (element, plane) in pixel.chunks_exact_mut(N).zip(planes) {
            element.copy_from_slice(plane.get(x * N..(x + 1) * N).unwrap_or(&[0; N]));
        }
    }
}

#[cfg(test)]
mod tests {
    use penstock_jpeg::simd::Level;

    use super::*;
    use crate::write::dispatch::interleave;

    fn every_level_is_the_plain_one<const N: usize>() {
        for (count, length) in [(3, 0), (3, 1), (3, 31), (3, 64), (3, 1000), (1, 7), (2, 33), (4, 65)] {
            let planes: Vec<Vec<u8>> = (0..count)
                .map(|plane| (0..length * N).map(|i| (i * 7 + i / 256 + plane * 91) as u8).collect())
                .collect();
            let planes: Vec<&[u8]> = planes.iter().map(Vec::as_slice).collect();
            let mut expected = vec![0; count * length * N];
            any::<N>(&planes, &mut expected);
            for level in Level::available() {
                let mut out = vec![1; count * length * N];
                interleave::<N>(level, &planes, &mut out);
                assert!(out == expected, "{} {count} {length} {N}", level.name());
            }
        }
    }

    #[test]
    fn levels_agree() {
        every_level_is_the_plain_one::<1>();
        every_level_is_the_plain_one::<2>();
        every_level_is_the_plain_one::<4>();
        every_level_is_the_plain_one::<8>();
    }
}
