//! Whole images, from the bytes of a file to a new vector of pixels, by decoders in Rust in one thread.
//!
//! One iteration goes through the files that penstock-jpeg's own bench measures: those of images in colours, which all
//! decoders give as red, green, blue, and of which no decoder gives up one.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use penstock_jpeg::{Decoder, Mode, read_header};
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

#[path = "../../../rust/penstock-jpeg/benches/photos/mod.rs"]
mod photos;

/// The pixels of a file, or nothing.
type ToPixels<'a> = &'a mut dyn FnMut(&[u8]) -> Option<Vec<u8>>;

fn beside(c: &mut Criterion) {
    let mut decoder = Decoder::new();
    let mut penstock_jpeg = |data: &[u8]| decoder.decode(data).ok().map(|image| image.pixels);
    let mut zune_jpeg = |data: &[u8]| {
        let options = DecoderOptions::default().jpeg_set_out_colorspace(ColorSpace::RGB);
        zune_jpeg::JpegDecoder::new_with_options(ZCursor::new(data), options).decode().ok()
    };
    let mut jpeg_decoder = |data: &[u8]| jpeg_decoder::Decoder::new(data).decode().ok();
    let mut sides: [(&str, ToPixels); 3] = [
        ("penstock-jpeg", &mut penstock_jpeg),
        ("zune-jpeg", &mut zune_jpeg),
        ("jpeg-decoder", &mut jpeg_decoder),
    ];
    let mut files = photos::files();
    files.retain(|data| {
        let Some(header) = read_header(data).ok().filter(|header| header.mode == Mode::Rgb) else { return false };
        let bytes = 3 * header.width * header.height;
        sides.iter_mut().all(|(_, decode)| decode(data).is_some_and(|pixels| pixels.len() == bytes))
    });
    let mut group = c.benchmark_group("beside");
    group.throughput(Throughput::Elements(files.len() as u64));
    for (name, decode) in &mut sides {
        group.bench_function(*name, |bencher| {
            bencher.iter(|| files.iter().filter_map(|data| decode(black_box(data))).map(drop).count());
        });
    }
    group.finish();
}

criterion_group!(benches, beside);
criterion_main!(benches);
