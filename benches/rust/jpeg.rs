//! The JPEG decoder by what is asked of it: whole pictures, rectangles, rectangles with an index, the pass that
//! makes the index.
//!
//! `PENSTOCK_PHOTOS` names a folder of JPEG files; one iteration goes through up to 40 of them. Without it, the
//! tests' pictures are decoded, which are so small that tables dominate.

use std::hint::black_box;
use std::path::Path;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use penstock_jpeg::{Check, Decoder, Header, Index, Level, Region, Target, read_header};

#[path = "../../rust/penstock-jpeg/tests/pictures/mod.rs"]
#[expect(dead_code, reason = "the benchmark compares no pixels")]
mod pictures;

/// Files measured at most.
const FILES: usize = 40;

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

fn files_under(folder: &Path, found: &mut Vec<Vec<u8>>) {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<_> = entries.map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            files_under(&path, found);
        } else if let Ok(data) = std::fs::read(&path) {
            found.push(data);
        }
    }
}

fn photos() -> Vec<Photo> {
    let mut files = Vec::new();
    match std::env::var_os("PENSTOCK_PHOTOS") {
        Some(folder) => files_under(Path::new(&folder), &mut files),
        None => files.extend(pictures::PICTURES.iter().map(pictures::Picture::file)),
    }
    let step = (files.len() / FILES).max(1);
    files.into_iter().step_by(step).enumerate().filter_map(|(i, data)| Photo::new(data, i)).collect()
}

fn decode(c: &mut Criterion) {
    let photos = photos();
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
            let Header { width, height, .. } = photo.header;
            let region = Region { left: 0, top: 0, width, height };
            let target = Target::Interleaved { pixels, stride: 3 * width };
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
