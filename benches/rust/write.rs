//! One thread's rendering of whole batches, beside the plain filling of the same bytes.
//!
//! Random crop after padding by an eighth, random flip, conversion; images in random order from a set larger
//! than the second-level cache; output into a ring larger than the caches, its pages touched before. Each
//! group has the fill with ordinary stores and past the caches, so a ratio always comes from one run:
//! `cargo bench -p penstock-core --bench write`. Throughput is in elements of output.
#![expect(unsafe_code, reason = "the fill that is the limit is written with vector stores")]
#![expect(clippy::unwrap_used, reason = "a benchmark may panic")]

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use penstock_core::image::ImageView;
use penstock_core::image::axis::Axis;
use penstock_core::write::{Affine, Scratch, Stores, Table, render};

const RING_BYTES: usize = 512 << 20;

/// A set of images, and what is drawn for each sample.
struct Images<'a> {
    views: Vec<ImageView<'a>>,
    size: usize,
    /// Image, offsets of the crop, flip.
    draws: Vec<(usize, u32, u32, bool)>,
}

fn random() -> impl FnMut() -> usize {
    let mut state = 1u64;
    move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize
    }
}

fn random_bytes(count: usize) -> Vec<u8> {
    let mut random = random();
    (0..count).map(|_| random() as u8).collect()
}

impl<'a> Images<'a> {
    fn new(bytes: &'a [u8], size: usize, strides: [isize; 3]) -> Self {
        let image = |bytes| ImageView::from_strided(bytes, 0, [size, size, 3], strides).unwrap();
        let views: Vec<_> = bytes.chunks_exact(3 * size * size).map(image).collect();
        let mut random = random();
        let (count, reach) = (views.len(), size / 4 + 1);
        let draws = (0..1 << 16)
            .map(|_| {
                (
                    random() % count,
                    (random() % reach) as u32,
                    (random() % reach) as u32,
                    random().is_multiple_of(2),
                )
            })
            .collect();
        Images { views, size, draws }
    }

    /// Renders a batch from draw `first` on, each image's memory asked for one sample ahead.
    fn batch(
        &self,
        first: usize,
        table: &Table,
        axes: &mut [Axis; 2],
        scratch: &mut Scratch,
        out: &mut [u8],
    ) {
        let sample_bytes = 3 * self.size * self.size * table.element_bytes();
        let size = self.size as u32;
        for (i, sample) in out.chunks_exact_mut(sample_bytes).enumerate() {
            let draw = |i: usize| self.draws[(first + i) % self.draws.len()];
            let (index, y, x, flip) = draw(i);
            scratch.look_ahead(&self.views[draw(i + 1).0]);
            let [rows, cols] = &mut *axes;
            for (axis, offset) in [(&mut *rows, y), (&mut *cols, x)] {
                axis.reset(size);
                axis.pad_fill(size / 8, size / 8, 0);
                assert!(axis.crop(offset, size));
            }
            if flip {
                cols.flip();
            }
            render(&self.views[index], rows, cols, table, scratch, sample).unwrap();
        }
    }
}

/// CIFAR's normalisation as float32, its upper halves (a stand-in for 16-bit elements), or bytes as they are.
fn table(element_bytes: usize) -> Table {
    let constants = [(0.4914f32, 0.2470f32), (0.4822, 0.2435), (0.4465, 0.2616)];
    let mut entries = Vec::new();
    for (mean, std) in constants {
        for byte in (0..=255u8).chain([0]) {
            let value = ((f32::from(byte) / 255.0 - mean) / std).to_le_bytes();
            match element_bytes {
                1 => entries.push(byte),
                2 => entries.extend(&value[2..]),
                _ => entries.extend(f32::from_le_bytes(value).to_ne_bytes()),
            }
        }
    }
    let hint = constants.map(|normalize| Affine { divide: true, normalize: Some(normalize) });
    Table::new(element_bytes, 3, &entries, Some(&hint)).unwrap()
}

/// Fills with the widest stores there are; `out` is whole cache lines.
fn fill(out: &mut [u8], stores: Stores) {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx") {
        // SAFETY: the processor has AVX.
        return unsafe { fill_avx(out, stores) };
    }
    let _ = stores;
    out.fill(1);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx")]
fn fill_avx(out: &mut [u8], stores: Stores) {
    use std::arch::x86_64::{_mm_sfence, _mm256_set1_epi8, _mm256_store_si256, _mm256_stream_si256};
    let value = _mm256_set1_epi8(1);
    // SAFETY: `align_to_mut` gives aligned blocks of 32 bytes inside the slice, and any bytes are valid there.
    unsafe {
        for block in out.align_to_mut::<std::arch::x86_64::__m256i>().1 {
            match stores {
                Stores::Cached => _mm256_store_si256(block, value),
                Stores::Streamed => _mm256_stream_si256(block, value),
            }
        }
        _mm_sfence();
    }
}

fn group(criterion: &mut Criterion, name: &str, images: &Images<'_>, element_bytes: usize, ring: &mut [u8]) {
    let table = table(element_bytes);
    let sample_elements = 3 * images.size * images.size;
    let batch = (512 * 3072 / sample_elements).max(1);
    let batch_bytes = batch * sample_elements * element_bytes;
    let slots = ring.len() / batch_bytes;
    let mut group = criterion.benchmark_group(name);
    group.throughput(Throughput::Elements((batch * sample_elements) as u64));
    let mut turn = 0;
    for (suffix, stores) in [("", Stores::Cached), (" streamed", Stores::Streamed)] {
        let mut slot = || {
            turn += 1;
            turn
        };
        group.bench_function(format!("fill{suffix}"), |bencher| {
            bencher.iter_batched(
                &mut slot,
                |turn| fill(&mut ring[turn % slots * batch_bytes..][..batch_bytes], stores),
                BatchSize::SmallInput,
            );
        });
        let mut scratch = Scratch::default();
        scratch.set_stores(stores);
        let mut axes = [Axis::default(), Axis::default()];
        group.bench_function(format!("render{suffix}"), |bencher| {
            bencher.iter_batched(
                &mut slot,
                |turn| {
                    let out = &mut ring[turn % slots * batch_bytes..][..batch_bytes];
                    images.batch(turn * batch, &table, &mut axes, &mut scratch, out);
                },
                BatchSize::SmallInput,
            );
        });
    }
    group.finish();
}

fn write(criterion: &mut Criterion) {
    let mut memory = vec![1u8; RING_BYTES + 64];
    let offset = memory.as_ptr().align_offset(64);
    let ring = &mut memory[offset..][..RING_BYTES];
    let bytes = random_bytes(50_000 * 3 * 32 * 32);
    let cifar = Images::new(&bytes, 32, [32, 1, 1024]);
    group(criterion, "cifar/f32", &cifar, 4, ring);
    group(criterion, "cifar/u8", &cifar, 1, ring);
    group(criterion, "cifar/f16", &cifar, 2, ring);
    let stl10 = Images::new(&bytes, 96, [288, 3, 1]);
    group(criterion, "stl10 interleaved 96x96 f32", &stl10, 4, ring);
}

criterion_group!(benches, write);
criterion_main!(benches);
