//! What the decoder gives up on, what it keeps in memory, and rectangles; the pixels are compared with Pillow's by the
//! Python tests.

use super::filter::{MOST_FILTER, undo};
use super::reason::Reason;
use super::{Decoder, SIGNATURE, read_header};
use crate::codec::{Format, Header, Irregular, Region};
use crate::level;
use penstock_jpeg::simd::Level;

fn chunk(kind: &[u8], data: &[u8]) -> Vec<u8> {
    let summed = [kind, data].concat();
    let checksum = crc32fast::hash(&summed).to_be_bytes();
    [&(data.len() as u32).to_be_bytes(), &summed[..], &checksum].concat()
}

fn ihdr(width: u32, height: u32, rest: [u8; 5]) -> Vec<u8> {
    chunk(b"IHDR", &[&width.to_be_bytes()[..], &height.to_be_bytes(), &rest].concat())
}

fn file(parts: &[Vec<u8>]) -> Vec<u8> {
    [SIGNATURE, &parts.concat(), &chunk(b"IEND", &[])].concat()
}

/// Lines of red, green and blue: each a filter and random differences.
fn lines(width: usize, height: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let mut lines: Vec<u8> = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 40) as u8 & 0x33
    })
    .take(height * (1 + 3 * width))
    .collect();
    lines.iter_mut().step_by(1 + 3 * width).for_each(|filter| *filter %= MOST_FILTER + 1);
    lines
}

fn rgb(width: usize, height: usize) -> Vec<u8> {
    let stream = fdeflate::compress_to_vec(&lines(width, height));
    let (first, second) = stream.split_at(stream.len() / 3);
    file(&[ihdr(width as u32, height as u32, [8, 2, 0, 0, 0]), chunk(b"IDAT", first), chunk(b"IDAT", second)])
}

fn decode(data: &[u8], region: Region) -> Result<Vec<u8>, Irregular> {
    decode_as(data, read_header(data)?, region)
}

fn decode_as(data: &[u8], header: Header, region: Region) -> Result<Vec<u8>, Irregular> {
    let mut out = vec![0; region.width * region.height * header.channels];
    Decoder::default().decode(data, header, region, &mut out).map(|()| out)
}

/// All of a file, if its header allows that much.
fn decode_all(data: &[u8]) -> Result<Vec<u8>, Irregular> {
    decode(data, read_header(data)?.whole())
}

fn reason(data: &[u8]) -> Reason {
    match decode_all(data) {
        Err(Irregular::Png(reason)) => reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_guess_is_the_nearest() {
    for [left, up, corner] in
        (0..1 << 24).map(|bits: u32| [bits as u8, (bits >> 8) as u8, (bits >> 16) as u8])
    {
        let guess = i32::from(left) + i32::from(up) - i32::from(corner);
        let nearest = [left, up, corner].into_iter().min_by_key(|&near| guess.abs_diff(i32::from(near)));
        assert_eq!(Some(super::filter::paeth(left, up, corner)), nearest);
    }
}

#[test]
fn vectors_guess_the_same() {
    for level in Level::available() {
        for [left, corner, first] in
            (0..1 << 21).map(|bits: u32| [bits as u8, (bits >> 8) as u8, (bits >> 16 << 3) as u8])
        {
            // Two pixels of eight bytes. The first one's guess is the corner, the second one's what it adds to zero.
            let up: [u8; 8] = std::array::from_fn(|k| first + k as u8);
            let mut line = [[left.wrapping_sub(corner); 8], [0; 8]];
            undo(level, 4, 8, [[corner; 8], up].as_flattened(), line.as_flattened_mut()).unwrap();
            assert_eq!(line, [[left; 8], up.map(|up| super::filter::paeth(left, up, corner))]);
        }
    }
}

#[test]
fn filters_are_undone() {
    for bytes in [1, 2, 3, 4, 6, 8] {
        let values = &lines(bytes, 20)[..2 * 7 * bytes];
        let (above, wanted) = values.split_at(7 * bytes);
        for filter in 0..=MOST_FILTER {
            let before = |values: &[u8], at: usize| if at < bytes { 0 } else { values[at - bytes] };
            let line: Vec<u8> = (0..wanted.len())
                .map(|at| {
                    let (left, corner) = (before(wanted, at), before(above, at));
                    let guess = match filter {
                        0 => 0,
                        1 => left,
                        2 => above[at],
                        3 => left.midpoint(above[at]),
                        _ => super::filter::paeth(left, above[at], corner),
                    };
                    wanted[at].wrapping_sub(guess)
                })
                .collect();
            for level in Level::available() {
                let mut line = line.clone();
                undo(level, filter, bytes, above, &mut line).unwrap();
                assert_eq!(line, wanted);
            }
        }
        assert!(undo(level::in_use(), MOST_FILTER + 1, bytes, above, &mut wanted.to_vec()).is_err());
    }
}

#[test]
fn rectangles_are_parts_of_the_whole() {
    // Several windows long.
    let (width, height) = (301, 700);
    let data = rgb(width, height);
    let whole = decode_all(&data).unwrap();
    for (left, top, across, down) in [(0, 0, 1, 1), (300, 699, 1, 1), (17, 200, 100, 333), (0, 650, 301, 50)]
    {
        let part = decode(&data, Region { left, top, width: across, height: down }).unwrap();
        for (y, row) in part.chunks_exact(3 * across).enumerate() {
            let begin = ((top + y) * width + left) * 3;
            assert_eq!(row, &whole[begin..begin + 3 * across]);
        }
    }
}

#[test]
fn rectangles_and_memory_that_do_not_fit() {
    let data = rgb(4, 5);
    for (left, top, width, height) in
        [(1, 0, 4, 5), (0, 1, 4, 5), (usize::MAX, 0, 1, 1), (0, 0, 0, 1), (0, 0, 4, 0)]
    {
        assert_eq!(decode(&data, Region { left, top, width, height }), Err(Irregular::Request));
    }
    let region = Region { left: 0, top: 0, width: 4, height: 5 };
    let header = read_header(&data).unwrap();
    assert_eq!(Decoder::default().decode(&data, header, region, &mut [0; 59]), Err(Irregular::Request));
}

#[test]
fn memory_does_not_grow_with_the_height() {
    let (width, height) = (500, 4000);
    let mut decoder = Decoder::default();
    let region = Region { left: 0, top: height - 1, width, height: 1 };
    let data = rgb(width, height);
    decoder.decode(&data, read_header(&data).unwrap(), region, &mut vec![0; 3 * width]).unwrap();
    assert!(decoder.window.memory() < 200 << 10, "{}", decoder.window.memory());
    decoder.shrink_to(0);
    assert_eq!(decoder.window.memory(), 0);
}

#[test]
fn no_memory_for_what_cannot_be_there() {
    let stream = fdeflate::compress_to_vec(&[0; 99]);
    for (width, height) in [(1 << 20, 1 << 20), (u32::MAX, 1), (1, u32::MAX), (13_378, 13_378), (1000, 1000)]
    {
        let data = file(&[ihdr(width, height, [8, 2, 0, 0, 0]), chunk(b"IDAT", &stream)]);
        assert_eq!(read_header(&data), Err(Reason::Limit.into()));
    }
}

#[test]
fn streams_of_another_length() {
    let (width, height) = (3, 4);
    let header = || ihdr(width as u32, height as u32, [8, 2, 0, 0, 0]);
    let raw = lines(width, height);
    let pixels = |raw: &[u8]| chunk(b"IDAT", &fdeflate::compress_to_vec(raw));
    assert!(decode_all(&file(&[header(), pixels(&raw)])).is_ok());
    assert_eq!(reason(&file(&[header(), pixels(&raw[..raw.len() - 1])])), Reason::Length);
    assert_eq!(reason(&file(&[header(), pixels(&[&raw[..], &[0]].concat())])), Reason::Length);
    assert_eq!(reason(&file(&[header(), pixels(&[&raw[..], &[0; 99]].concat())])), Reason::Length);
    assert_eq!(reason(&file(&[header(), pixels(&raw), pixels(&raw)])), Reason::Length);
    assert_eq!(reason(&file(&[header(), chunk(b"IDAT", &[])])), Reason::Length);
    // Empty chunks between and behind are none of its concern.
    let empty = || chunk(b"IDAT", &[]);
    assert!(decode_all(&file(&[header(), empty(), pixels(&raw), empty(), empty()])).is_ok());
    let mut wrong = raw.clone();
    wrong[(height - 1) * (1 + 3 * width)] = MOST_FILTER + 1;
    assert_eq!(reason(&file(&[header(), pixels(&wrong)])), Reason::Filter);
    let first_row = Region { left: 0, top: 0, width, height: 1 };
    assert_eq!(decode(&file(&[header(), pixels(&wrong)]), first_row), Err(Reason::Filter.into()));
}

/// An image of numbers of 4 bits, 5 by 2, whose palette has so many colours.
fn of_numbers(colors: usize, interlaced: bool) -> Vec<u8> {
    let palette: Vec<u8> = (0..3 * colors as u8).map(|value| value * 5).collect();
    let stream = fdeflate::compress_to_vec(&[0, 0x12, 0x3f, 0x40, 0, 0x56, 0x00, 0x10]);
    let header = ihdr(5, 2, [4, 3, 0, 0, interlaced.into()]);
    file(&[header, chunk(b"PLTE", &palette), chunk(b"IDAT", &stream)])
}

#[test]
fn a_palette_may_be_left_alone() {
    let data = of_numbers(16, false);
    let header = Decoder::default().survey(&data).unwrap();
    assert_eq!(header, Header { height: 2, width: 5, channels: 1, format: Format::Indices });
    assert!(header.is_of(read_header(&data).unwrap()));
    let numbers = decode_as(&data, header, header.whole()).unwrap();
    assert_eq!(numbers, [1, 2, 3, 15, 4, 5, 6, 0, 0, 1]);
    let part = Region { left: 1, top: 1, width: 3, height: 1 };
    assert_eq!(decode_as(&data, header, part).unwrap(), [6, 0, 0]);
    let colors: Vec<u8> =
        numbers.iter().flat_map(|&number| [0, 1, 2].map(|k| 5 * (3 * number + k))).collect();
    assert_eq!(decode_all(&data).unwrap(), colors);
    // A number that is none of the palette's is one all the same.
    let data = of_numbers(3, false);
    assert_eq!(decode_as(&data, header, header.whole()).unwrap(), numbers);
    assert_eq!(reason(&data), Reason::Palette);
    assert!(Decoder::default().survey(&of_numbers(16, true)).is_err());
    // Of an image without a palette there are none.
    let data = rgb(5, 2);
    assert_eq!(decode_as(&data, header, header.whole()), Err(Irregular::Request));
    assert!(!Header { width: 4, ..header }.is_of(read_header(&data).unwrap()));
}

#[test]
fn kinds_that_do_not_exist() {
    for rest in [
        [3, 0, 0, 0, 0],
        [4, 2, 0, 0, 0],
        [16, 3, 0, 0, 0],
        [8, 1, 0, 0, 0],
        [8, 2, 1, 0, 0],
        [8, 2, 0, 0, 2],
    ] {
        assert_eq!(
            read_header(&file(&[ihdr(3, 3, rest), chunk(b"IDAT", &[0; 99])])),
            Err(Reason::Kind.into())
        );
    }
    assert_eq!(read_header(&file(&[ihdr(0, 3, [8, 2, 0, 0, 0])])), Err(Reason::Kind.into()));
}

#[test]
fn damage_is_found_or_does_no_harm() {
    let data = rgb(9, 8);
    let whole = decode_all(&data).unwrap();
    for length in 0..data.len() {
        assert!(decode_all(&data[..length]).is_err());
    }
    for at in 0..data.len() {
        for bit in 0..8 {
            let mut damaged = data.clone();
            damaged[at] ^= 1 << bit;
            // Checksums of the pixels' chunks are not looked at, nor by Pillow.
            if let Ok(pixels) = decode_all(&damaged) {
                assert_eq!(pixels, whole, "byte {at}");
            }
        }
    }
}
