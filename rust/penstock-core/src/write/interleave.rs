//! Planes of elements to pixels.

use penstock_jpeg::simd::Level;

/// Lays planes of elements of `N` bytes out pixel by pixel, one element of each plane after the other.
pub(crate) fn interleave<const N: usize>(_level: Level, planes: &[&[u8]], out: &mut [u8]) {
    match planes {
        [a, b, c] => interleave_three::<N>([a, b, c], out),
        _ => interleave_any::<N>(planes, out),
    }
}

#[inline(always)]
fn interleave_three<const N: usize>(planes: [&[u8]; 3], out: &mut [u8]) {
    let [a, b, c] = planes.map(|plane| plane.as_chunks::<N>().0);
    let pixels = out.as_chunks_mut::<N>().0.as_chunks_mut::<3>().0;
    for (((pixel, a), b), c) in pixels.iter_mut().zip(a).zip(b).zip(c) {
        *pixel = [*a, *b, *c];
    }
}

fn interleave_any<const N: usize>(planes: &[&[u8]], out: &mut [u8]) {
    for (x, pixel) in out.chunks_exact_mut(N * planes.len()).enumerate() {
        for (element, plane) in pixel.chunks_exact_mut(N).zip(planes) {
            element.copy_from_slice(plane.get(x * N..(x + 1) * N).unwrap_or(&[0; N]));
        }
    }
}
