//! Bytes up to a marker.

/// Copies bytes up to the first 0xFF, or as many as `out` takes; gives their number.
pub(crate) fn copy_before_ff(bytes: &[u8], out: &mut [u8]) -> usize {
    let pairs = bytes.iter().zip(out).take_while(|(byte, _)| **byte != 0xFF);
    pairs.map(|(byte, out)| *out = *byte).count()
}
