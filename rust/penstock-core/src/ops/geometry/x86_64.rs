//! Plain loops of which the compiler makes vectors.

use std::ops::Range;

use super::field::{Field, Frame, Places};
use super::sample::{self, Interpolation, Pixels};

/// See [`Field::row`].
#[target_feature(enable = "avx2,fma")]
pub(crate) fn places_avx2(field: &Field, frame: &Frame, row: u32, columns: &Range<u32>, places: &mut Places) {
    field.row(frame, row, columns, places);
}

/// See [`Field::row`].
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx512vnni,avx2,fma")]
pub(crate) fn places_avx512(
    field: &Field,
    frame: &Frame,
    row: u32,
    columns: &Range<u32>,
    places: &mut Places,
) {
    field.row(frame, row, columns, places);
}

/// See [`sample::row`].
#[target_feature(enable = "avx2,fma")]
pub(crate) fn sample_avx2(
    interpolation: Interpolation,
    pixels: &Pixels<'_>,
    places: &Places,
    out: &mut [u8],
) {
    sample::row(interpolation, pixels, places, out);
}

/// See [`sample::row`].
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx512vnni,avx2,fma")]
pub(crate) fn sample_avx512(
    interpolation: Interpolation,
    pixels: &Pixels<'_>,
    places: &Places,
    out: &mut [u8],
) {
    sample::row(interpolation, pixels, places, out);
}
