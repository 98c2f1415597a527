//! Decoding against Pillow's pixels, by rectangles, at every level; and what is given up.

mod samples;

use penstock_jpeg::{
    Check, Decoder, Image, Irregular, Level, Limits, Mode, Reason, Region, Target, read_header, read_metadata,
};
use samples::{IMAGES, Sample, checksum};

fn decoders() -> impl Iterator<Item = Decoder> {
    Level::available().map(|level| Decoder::new().with_level(level))
}

/// Rectangles of every kind: whole, at each edge, single pixels, and some in between.
fn regions(sample: &Sample) -> Vec<Region> {
    let &Sample { width, height, .. } = sample;
    let mut regions = Vec::new();
    for (left, right) in [
        (0, width),
        (0, 1),
        (width - 1, width),
        (1, width),
        (width / 2, width / 2 + 1),
        (7, 9),
        (width / 3, 2 * width / 3),
    ] {
        for (top, bottom) in
            [(0, height), (0, 1), (height - 1, height), (height / 2, height), (15, 17), (8, 24)]
        {
            let (right, bottom) = (right.min(width), bottom.min(height));
            if left < right && top < bottom {
                regions.push(Region { left, top, width: right - left, height: bottom - top });
            }
        }
    }
    regions
}

fn crop(image: &Image, region: Region) -> Vec<u8> {
    let channels = image.mode.channels();
    let row = |y: usize| {
        let at = (y * image.width + region.left) * channels;
        &image.pixels[at..at + region.width * channels]
    };
    (region.top..region.top + region.height).flat_map(row).copied().collect()
}

/// Decodes into memory of which every byte must be written.
fn interleaved(
    region: Region,
    channels: usize,
    decode: impl FnOnce(Target<'_>) -> Result<(), Irregular>,
) -> Result<Vec<u8>, Irregular> {
    let mut pixels = vec![0xA5; region.width * region.height * channels];
    decode(Target::Interleaved { pixels: &mut pixels, stride: region.width * channels })?;
    Ok(pixels)
}

#[test]
fn pixels_are_pillows() {
    for sample in IMAGES {
        for mut decoder in decoders() {
            let image = decoder.decode(&sample.file()).expect(sample.name);
            assert_eq!((image.width, image.height), (sample.width, sample.height), "{}", sample.name);
            assert_eq!(image.mode.channels(), sample.channels, "{}", sample.name);
            assert_eq!(checksum(&image.pixels), sample.checksum, "{}", sample.name);
        }
    }
}

#[test]
fn headers_tell_size_and_mode() {
    for sample in IMAGES {
        let header = read_header(&sample.file()).expect(sample.name);
        assert_eq!((header.width, header.height), (sample.width, sample.height));
        assert_eq!(header.mode, if sample.channels == 1 { Mode::Gray } else { Mode::Rgb });
        assert_eq!(header.components, sample.channels);
        assert_eq!(header.progressive, sample.progressive, "{}", sample.name);
    }
}

#[test]
fn rectangles_equal_the_whole() {
    for sample in IMAGES {
        let file = sample.file();
        for mut decoder in decoders() {
            let image = decoder.decode(&file).expect(sample.name);
            let index = decoder.index(&file).expect(sample.name);
            for region in regions(sample) {
                let wanted = crop(&image, region);
                let channels = sample.channels;
                for check in [Check::Region, Check::Whole] {
                    let found = interleaved(region, channels, |target| {
                        decoder.decode_region(&file, region, check, target)
                    });
                    assert_eq!(found.as_ref(), Ok(&wanted), "{} {region:?}", sample.name);
                }
                let found = interleaved(region, channels, |target| {
                    decoder.decode_region_with(&file, &index, region, target)
                });
                assert_eq!(found.as_ref(), Ok(&wanted), "indexed {} {region:?}", sample.name);
                let mut second = None;
                let found = interleaved(region, channels, |target| {
                    second = Some(decoder.decode_region_and_index(&file, region, target)?);
                    Ok(())
                });
                assert_eq!(found.as_ref(), Ok(&wanted));
                assert_eq!(second.as_ref(), Some(&index));
            }
        }
    }
}

/// A rectangle as one of the targets that change a pixel's values.
fn changed<'a>(
    decoder: &mut Decoder,
    file: &[u8],
    region: Region,
    pixels: &'a mut Vec<u8>,
    target: impl FnOnce(&'a mut [u8]) -> Target<'a>,
    channels: usize,
) -> Result<(), Irregular> {
    *pixels = vec![0xA5; region.width * region.height * channels];
    decoder.decode_region(file, region, Check::Whole, target(pixels))
}

#[test]
fn blue_comes_first_or_gray_alone() {
    for sample in IMAGES {
        let file = sample.file();
        for mut decoder in decoders() {
            let image = decoder.decode(&file).expect(sample.name);
            for region in regions(sample) {
                let wanted = crop(&image, region);
                let (mut bgr, mut gray) = (Vec::new(), Vec::new());
                let stride = region.width * 3;
                let found = changed(
                    &mut decoder,
                    &file,
                    region,
                    &mut bgr,
                    |pixels| Target::Bgr { pixels, stride },
                    3,
                );
                assert_eq!(found, Ok(()), "{}", sample.name);
                for (found, wanted) in bgr.chunks_exact(3).zip(wanted.chunks_exact(sample.channels)) {
                    let [red, green, blue] = [0, 1, 2].map(|channel| wanted[channel % sample.channels]);
                    assert_eq!(found, [blue, green, red], "{}", sample.name);
                }
                let stride = region.width;
                let found = changed(
                    &mut decoder,
                    &file,
                    region,
                    &mut gray,
                    |pixels| Target::Luminance { pixels, stride },
                    1,
                );
                if sample.name == "rgb" {
                    assert_eq!(reason(found), Some(Reason::Color));
                    continue;
                }
                assert_eq!(found, Ok(()), "{}", sample.name);
                // Of a colour that was not cut off, it is what the colour was made of.
                for (&found, pixel) in gray.iter().zip(wanted.chunks_exact(sample.channels)) {
                    let [red, green, blue] =
                        [0, 1, 2].map(|channel| f32::from(pixel[channel % sample.channels]));
                    let luminance = 0.299 * red + 0.587 * green + 0.114 * blue;
                    let cut_off = pixel.iter().any(|&value| value == 0 || value == 255);
                    assert!(cut_off || (luminance - f32::from(found)).abs() < 1.1, "{}", sample.name);
                }
            }
        }
    }
}

#[test]
fn metadata_are_segments_before_the_first_scan() {
    let file = IMAGES[0].file();
    assert_eq!(read_metadata(&file), Ok(Vec::new()));
    let (one, two) = (b"\xFF\xE1\x00\x05one", b"\xFF\xE1\x00\x05two");
    let longer = [&file[..2], one, b"\xFF\xFE\x00\x03c\xFF", two, &file[2..]].concat();
    assert_eq!(read_metadata(&longer), Ok([*one, *two].concat()));
    assert!(read_metadata(&longer[..20]).is_err());
}

#[test]
fn planes_equal_pixels() {
    for sample in IMAGES {
        let file = sample.file();
        for mut decoder in decoders() {
            let image = decoder.decode(&file).expect(sample.name);
            let region = Region { left: 1, top: 1, width: sample.width - 1, height: sample.height - 1 };
            let stride = region.width + 3;
            let mut planes = [0, 1, 2].map(|_| vec![0xA5; stride * region.height]);
            let target = Target::Planar { planes: planes.each_mut().map(Vec::as_mut_slice), stride };
            decoder.decode_region(&file, region, Check::Region, target).expect(sample.name);
            let wanted = crop(&image, region);
            for (i, &value) in wanted.iter().enumerate() {
                let (pixel, channel) = (i / sample.channels, i % sample.channels);
                let (y, x) = (pixel / region.width, pixel % region.width);
                assert_eq!(planes[channel][y * stride + x], value, "{}", sample.name);
            }
            assert!(
                planes[0].chunks(stride).all(|row| row[region.width..] == [0xA5; 3]),
                "bytes between rows"
            );
        }
    }
}

#[test]
fn every_cut_is_given_up() {
    let mut decoder = Decoder::new();
    for sample in IMAGES {
        let file = sample.file();
        for length in 0..file.len() {
            assert!(decoder.decode(&file[..length]).is_err(), "{} cut to {length}", sample.name);
        }
        let mut longer = file.clone();
        longer.extend(b"what stands behind the end is nobody's business");
        assert!(decoder.decode(&longer).is_ok());
    }
}

/// Damage must neither panic nor make the levels disagree, and a decoder must go on to work.
#[test]
fn damage_is_survived() {
    let mut state = 1_u32;
    let mut random = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as usize
    };
    for sample in IMAGES {
        let file = sample.file();
        let mut all: Vec<Decoder> = decoders().collect();
        for _ in 0..400 {
            let mut damaged = file.clone();
            for _ in 0..=random() % 3 {
                let at = random() % damaged.len();
                damaged[at] = match random() % 4 {
                    0 => 0xFF,
                    1 => damaged[at] ^ (1 << (random() % 8)),
                    2 => 0,
                    _ => random() as u8,
                };
            }
            let results: Vec<_> = all.iter_mut().map(|decoder| decoder.decode(&damaged)).collect();
            assert!(results.windows(2).all(|pair| pair[0] == pair[1]), "{}", sample.name);
            let index = all[0].index(&file).expect(sample.name);
            let region = Region { left: 0, top: sample.height / 2, width: 2, height: 2 };
            let _ = interleaved(region, sample.channels, |target| {
                all[0].decode_region_with(&damaged, &index, region, target)
            });
        }
        for mut decoder in all {
            let image = decoder.decode(&file).expect(sample.name);
            assert_eq!(checksum(&image.pixels), sample.checksum);
        }
    }
}

fn reason<T>(result: Result<T, Irregular>) -> Option<Reason> {
    result.err().map(|irregular| irregular.reason)
}

#[test]
fn requests_are_checked() {
    let mut decoder = Decoder::new();
    let file = IMAGES[0].file();
    let whole = Region { left: 0, top: 0, width: IMAGES[0].width, height: IMAGES[0].height };
    let mut pixels = vec![0; whole.width * whole.height * 3];
    for region in [
        Region { width: 0, ..whole },
        Region { height: 0, ..whole },
        Region { left: 1, ..whole },
        Region { top: usize::MAX, ..whole },
    ] {
        let target = Target::Interleaved { pixels: &mut pixels, stride: whole.width * 3 };
        assert_eq!(reason(decoder.decode_region(&file, region, Check::Whole, target)), Some(Reason::Request));
    }
    for (length, stride) in [(pixels.len() - 1, whole.width * 3), (pixels.len(), whole.width * 3 - 1)] {
        let target = Target::Interleaved { pixels: &mut pixels[..length], stride };
        assert_eq!(reason(decoder.decode_region(&file, whole, Check::Whole, target)), Some(Reason::Request));
    }
    let index = decoder.index(&file).expect("a sound file");
    let target = Target::Interleaved { pixels: &mut pixels, stride: whole.width * 3 };
    let longer = [file.as_slice(), &[0]].concat();
    assert_eq!(reason(decoder.decode_region_with(&longer, &index, whole, target)), Some(Reason::Index));
}

#[test]
fn announced_sizes_are_not_believed() {
    for sample in IMAGES {
        let mut file = sample.file();
        let frame =
            file.windows(2).position(|two| matches!(two, [0xFF, 0xC0..=0xC2])).expect("a frame header");
        file[frame + 5..frame + 9].copy_from_slice(&[0xFF, 0xDC, 0xFF, 0xDC]);
        let mut decoder = Decoder::new();
        assert_eq!(reason(decoder.decode(&file)), Some(Reason::Limit), "{}", sample.name);
        let free = Limits { pixels: u64::MAX, ..Limits::default() };
        assert!(decoder.with_limits(free).decode(&file).is_err(), "{}", sample.name);
    }
}

#[test]
fn memory_is_bounded_and_given_back() {
    let file = IMAGES[4].file();
    let mut decoder = Decoder::new();
    let before = decoder.memory();
    decoder.decode(&file).expect("a sound file");
    assert!(decoder.memory() > before);
    assert!(decoder.memory() < before + (1 << 20));
    decoder.shrink();
    assert_eq!(decoder.memory(), before);
    let limits = Limits { bytes: 1000, ..Limits::default() };
    assert_eq!(reason(decoder.with_limits(limits).decode(&file)), Some(Reason::Limit));
}

#[test]
fn reasons_are_told() {
    let mut decoder = Decoder::new();
    let file = IMAGES[0].file();
    let mut expect = |file: &[u8], wanted: Reason| assert_eq!(reason(decoder.decode(file)), Some(wanted));
    let with = |at: usize, byte: u8| {
        let mut file = file.clone();
        file[at] = byte;
        file
    };
    let frame = file.windows(2).position(|two| two == [0xFF, 0xC0]).expect("a frame header");
    let scan = file.windows(2).position(|two| two == [0xFF, 0xDA]).expect("a scan header");
    expect(b"GIF89a", Reason::NotJpeg);
    expect(&with(frame + 1, 0xC9), Reason::Process);
    expect(&with(frame + 4, 12), Reason::Precision);
    expect(&with(frame + 9, 4), Reason::Components);
    expect(&with(frame + 14, 0x31), Reason::Sampling);
    expect(&with(frame + 12, 3), Reason::Table);
    expect(&with(scan + 12, 62), Reason::Scan);
    expect(&with(scan + 6, 0x33), Reason::Table);
    expect(&with(file.len() - 1, 0xDC), Reason::Marker);
    expect(&file[..file.len() - 2], Reason::Truncated);
    let mut surplus = file.clone();
    surplus.splice(file.len() - 2..file.len() - 2, [0x12, 0x34]);
    expect(&surplus, Reason::Leftover);
    let mut shortage = file.clone();
    shortage.drain(file.len() - 12..file.len() - 2);
    assert!(decoder.decode(&shortage).is_err());
    let mut filled = file.clone();
    filled.splice(file.len() - 2..file.len() - 2, [0xFF, 0xFF]);
    assert!(decoder.decode(&filled).is_ok(), "fill bytes before a marker are legal");
}
