//! The JPEG decoder by what is asked of it: whole images, rectangles, rectangles with an index, the pass that
//! makes the index. One iteration goes through all files that `photos` finds.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use penstock_jpeg::{Check, Decoder, Header, Index, Level, Region, Target, read_header};

mod photos;

/// A file, its size, a rectangle like those of a random crop, and its index.
struct Photo {
    data: Vec<u8>,
    header: Header,
    region: Region,
    index: Index,
}

impl Photo {
    /// `None` for files that the decoder gives up.
    fn new(data: Vec<u8>, position: usize) -> Option<Photo> {
        let header = read_header(&data).ok()?;
        let index = Decoder::new().index(&data).ok()?;
        // A fifth to nine tenths of the width, moved about.
        let part = |size: usize, step: usize| {
            let length = (size * (2 + (position * step) % 8) / 10).max(1);
            ((size - length) * (position % 5) / 4, length)
        };
        let ((left, width), (top, height)) = (part(header.width, 3), part(header.height, 5));
        Some(Photo { data, header, region: Region { left, top, width, height }, index })
    }
}

fn decode(c: &mut Criterion) {
    let files = photos::files().into_iter().enumerate();
    let photos: Vec<Photo> = files.filter_map(|(i, data)| Photo::new(data, i)).collect();
    let mut pixels = vec![0; photos.iter().map(|p| 3 * p.header.width * p.header.height).max().unwrap_or(0)];
    for level in [Level::SCALAR, Level::detect()] {
        let mut decoder = Decoder::new().with_level(level);
        let mut group = c.benchmark_group(format!("jpeg/{}", level.name()));
        group.throughput(Throughput::Elements(photos.len() as u64));
        let mut measure = |name: &str, task: &mut dyn FnMut(&mut Decoder, &Photo, &mut [u8])| {
            group.bench_function(name, |bencher| {
                bencher.iter(|| {
                    for photo in &photos {
                        task(&mut decoder, black_box(photo), &mut pixels);
                    }
                });
            });
        };
        measure("whole", &mut |decoder, photo, pixels| {
            let region = photo.header.whole();
            let target = Target::Interleaved { pixels, stride: 3 * region.width };
            let _ = black_box(decoder.decode_region(&photo.data, region, Check::Whole, target));
        });
        measure("rectangle", &mut |decoder, photo, pixels| {
            let target = Target::Interleaved { pixels, stride: 3 * photo.region.width };
            let _ = black_box(decoder.decode_region(&photo.data, photo.region, Check::Region, target));
        });
        measure("rectangle with index", &mut |decoder, photo, pixels| {
            let target = Target::Interleaved { pixels, stride: 3 * photo.region.width };
            let _ = black_box(decoder.decode_region_with(&photo.data, &photo.index, photo.region, target));
        });
        measure("index", &mut |decoder, photo, _| {
            let _ = black_box(decoder.index(&photo.data));
        });
        measure("header", &mut |_, photo, _| {
            let _ = black_box(read_header(&photo.data));
        });
        group.finish();
    }
}

criterion_group!(benches, decode);
criterion_main!(benches);
