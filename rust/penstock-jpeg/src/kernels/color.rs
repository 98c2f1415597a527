//! From three rows of samples to pixels: libjpeg's 16-bit fixed-point conversion, or a mere interleaving.

/// Red, green and blue of a sample triple.
#[inline]
fn convert(y: u8, cb: u8, cr: u8) -> [u8; 3] {
    let (y, cb, cr) = (i32::from(y), i32::from(cb) - 128, i32::from(cr) - 128);
    let half = 1 << 15;
    [
        y + ((91_881 * cr + half) >> 16),
        y + ((-22_554 * cb - 46_802 * cr + half) >> 16),
        y + ((116_130 * cb + half) >> 16),
    ]
    .map(|value| value.clamp(0, 255) as u8)
}

/// Three rows of YCbCr to pixels, blue first if `BGR`; `out` says how many.
pub(crate) fn ycc_to_pixels<const BGR: bool>([y, cb, cr]: [&[u8]; 3], out: &mut [u8]) {
    for (((&y, &cb), &cr), out) in y.iter().zip(cb).zip(cr).zip(out.as_chunks_mut().0) {
        let [red, green, blue] = convert(y, cb, cr);
        *out = if BGR { [blue, green, red] } else { [red, green, blue] };
    }
}

/// Three rows of YCbCr to rows of red, green and blue.
pub(crate) fn ycc_to_planes([y, cb, cr]: [&[u8]; 3], [red, green, blue]: [&mut [u8]; 3]) {
    let samples = y.iter().zip(cb).zip(cr);
    for (((&y, &cb), &cr), ((red, green), blue)) in samples.zip(red.iter_mut().zip(green).zip(blue)) {
        [*red, *green, *blue] = convert(y, cb, cr);
    }
}

/// Three rows of colours to pixels; `out` says how many.
pub(crate) fn rgb_to_pixels([red, green, blue]: [&[u8]; 3], out: &mut [u8]) {
    for (((&red, &green), &blue), out) in red.iter().zip(green).zip(blue).zip(out.as_chunks_mut().0) {
        *out = [red, green, blue];
    }
}
