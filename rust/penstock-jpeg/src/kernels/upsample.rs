//! Rows of samples brought to the image's width and height: libjpeg's "fancy" triangle filters with their
//! alternating rounding, and plain repetition.
//!
//! A row to be widened comes with one neighbour on each side; at the image's edge that is the edge sample
//! again, which gives libjpeg's special cases.

/// Twice as wide. `input` begins with the left neighbour; `out` takes two samples for each of the others but
/// the last.
pub(crate) fn h2v1(input: &[u8], out: &mut [u8]) {
    for (window, out) in input.windows(3).zip(out.as_chunks_mut::<2>().0) {
        let &[left, here, right] = window else { return };
        let here = 3 * u16::from(here);
        *out = [((here + u16::from(left) + 1) >> 2) as u8, ((here + u16::from(right) + 2) >> 2) as u8];
    }
}

/// Twice as wide, between a row and the one next to it; otherwise as [`h2v1`].
pub(crate) fn h2v2(near: &[u8], next: &[u8], out: &mut [u8]) {
    for ((near, next), out) in near.windows(3).zip(next.windows(3)).zip(out.as_chunks_mut::<2>().0) {
        let (&[a0, b0, c0], &[a1, b1, c1]) = (near, next) else { return };
        let column = |near: u8, next: u8| 3 * u16::from(near) + u16::from(next);
        let here = 3 * column(b0, b1);
        *out = [((here + column(a0, a1) + 8) >> 4) as u8, ((here + column(c0, c1) + 7) >> 4) as u8];
    }
}

/// Between a row and the one next to it, rounded by `bias`: 1 above the row, 2 below.
pub(crate) fn h1v2(near: &[u8], next: &[u8], bias: u8, out: &mut [u8]) {
    for ((&near, &next), out) in near.iter().zip(next).zip(out) {
        *out = ((3 * u16::from(near) + u16::from(next) + u16::from(bias)) >> 2) as u8;
    }
}

/// Every sample `ratio` times, from column `from` of the wide row on.
pub(crate) fn repeat(input: &[u8], from: usize, ratio: usize, out: &mut [u8]) {
    for (x, out) in (from..).zip(out) {
        *out = input.get(x / ratio.max(1)).copied().unwrap_or(0);
    }
}
