//! Binary PPM files, of colours or of gray: a header of four words, then the bytes of the pixels.

use penstock_jpeg::Region;

use super::error::Irregular;
use super::header::{Format, Header};

/// What files begin with, and their channels.
const KINDS: [(&[u8], usize); 2] = [(b"P6", 3), (b"P5", 1)];

/// Digits of a number. More would not be those of an image that fits into memory.
const MOST_DIGITS: usize = 9;

/// Whether a file begins as one of these.
pub(super) fn is_one(data: &[u8]) -> bool {
    KINDS.iter().any(|(signature, _)| data.starts_with(signature))
}

/// Reads the header and looks whether all pixels are there.
///
/// # Errors
/// [`Irregular`] if Pillow should decode the file.
pub(super) fn read_header(data: &[u8]) -> Result<Header, Irregular> {
    split(data).map(|(header, _)| header)
}

/// Copies a rectangle to memory of exactly its size.
///
/// # Errors
/// [`Irregular`] if Pillow should decode the file, or if the rectangle or memory does not fit.
pub(super) fn decode(data: &[u8], region: Region, out: &mut [u8]) -> Result<(), Irregular> {
    let (header, pixels) = split(data)?;
    let Region { left, top, width, height } = region;
    let row = header.channels * width;
    let inside = left.checked_add(width).is_some_and(|right| right <= header.width)
        && top.checked_add(height).is_some_and(|bottom| bottom <= header.height);
    if !inside || out.is_empty() || row.checked_mul(height) != Some(out.len()) {
        return Err(Irregular::Request);
    }
    for (to, from) in
        out.chunks_exact_mut(row).zip(pixels.chunks_exact(header.channels * header.width).skip(top))
    {
        to.copy_from_slice(&from[header.channels * left..][..row]);
    }
    Ok(())
}

/// Parts a file into what its header says and the pixels.
fn split(data: &[u8]) -> Result<(Header, &[u8]), Irregular> {
    let (rest, channels) = KINDS
        .iter()
        .find_map(|&(signature, channels)| Some((data.strip_prefix(signature)?, channels)))
        .filter(|(rest, _)| rest.first().is_some_and(|&byte| is_space(byte)))
        .ok_or(Irregular::Ppm)?;
    let (width, rest) = number(rest)?;
    let (height, rest) = number(rest)?;
    let (most, rest) = number(rest)?;
    let bytes =
        width.checked_mul(height).and_then(|pixels| pixels.checked_mul(channels)).ok_or(Irregular::Ppm)?;
    // One space ends the last number.
    let pixels = rest.get(1..).and_then(|rest| rest.get(..bytes)).ok_or(Irregular::Ppm)?;
    if most != 255 || bytes == 0 {
        return Err(Irregular::Ppm);
    }
    Ok((Header { height, width, channels, format: Format::Ppm }, pixels))
}

/// A number that ends before a space, and what follows; comments are left to Pillow.
fn number(data: &[u8]) -> Result<(usize, &[u8]), Irregular> {
    let data = &data[data.iter().take_while(|&&byte| is_space(byte)).count()..];
    let digits = data.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, rest) = data.split_at(digits);
    if digits.is_empty() || digits.len() > MOST_DIGITS || !rest.first().is_some_and(|&byte| is_space(byte)) {
        return Err(Irregular::Ppm);
    }
    Ok((digits.iter().fold(0, |value, &digit| 10 * value + usize::from(digit - b'0')), rest))
}

/// What Pillow takes for a space.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(data: &[u8]) -> Result<Vec<u8>, Irregular> {
        let header = read_header(data)?;
        let mut out = vec![0; header.channels * header.width * header.height];
        decode(data, header.whole(), &mut out).map(|()| out)
    }

    #[test]
    fn pixels_are_copied() {
        let pixels: Vec<u8> = (0..36).collect();
        for header in ["P6 4 3 255 ", "P6\n4 3\n255\n", "P6\t\r\n0004\x0b3\x0c\n 255\n"] {
            let data = [header.as_bytes(), &pixels].concat();
            assert_eq!(whole(&data).unwrap(), pixels);
            assert_eq!(whole(&[&data[..], b"behind"].concat()).unwrap(), pixels);
            assert!(whole(&data[..data.len() - 1]).is_err());
            let mut part = [0; 12];
            decode(&data, Region { left: 1, top: 1, width: 2, height: 2 }, &mut part).unwrap();
            assert_eq!(part, [15, 16, 17, 18, 19, 20, 27, 28, 29, 30, 31, 32]);
            let region = Region { left: 3, top: 1, width: 2, height: 2 };
            assert_eq!(decode(&data, region, &mut part), Err(Irregular::Request));
        }
    }

    #[test]
    fn gray_has_one_channel() {
        let data = [&b"P5\n4 3 255\n"[..], &(0..12).collect::<Vec<u8>>()].concat();
        assert_eq!(whole(&data).unwrap(), data[data.len() - 12..]);
        assert!(whole(&data[..data.len() - 1]).is_err());
        let mut part = [0; 4];
        decode(&data, Region { left: 1, top: 1, width: 2, height: 2 }, &mut part).unwrap();
        assert_eq!(part, [5, 6, 9, 10]);
    }

    #[test]
    fn other_headers_are_pillows() {
        for header in [
            "P4 4 3 255 ",
            "P64 3 255 ",
            "P6 4 3 254 ",
            "P6 4 3 65535 ",
            "P6 # 4\n4 3 255 ",
            "P6 4 3# 255 ",
            "P6 -4 3 255 ",
            "P6 0 3 255 ",
            "P6 4 3",
            "P6 4 3 255",
            "P6 9999999999 1 255 ",
            "P6 999999999 999999999 255 ",
            "P6",
        ] {
            let data = [header.as_bytes(), &[7; 36]].concat();
            assert_eq!(read_header(&data), Err(Irregular::Ppm), "{header}");
        }
    }
}
