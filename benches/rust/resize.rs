//! One thread's resizes, pixels to pixels, at every level of vector instructions.
//!
//! `cargo bench -p penstock-core --bench resize`. Sizes as training meets them: a photograph to 224 pixels, the
//! same by every filter, a photograph of a camera, a small image enlarged; and crops of ever other sizes,
//! for which nothing can be remembered. `benches/python/test_resize_bench.py` has Pillow beside it.
#![expect(clippy::unwrap_used, reason = "a benchmark may panic")]

use std::hint::black_box;

use criterion::{
    BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main, measurement::WallTime,
};
use penstock_core::Level;
use penstock_core::image::ImageView;
use penstock_core::ops::resize::{Arithmetic, Filter, Method, Order, Resampler};

/// Pillow's resize, from version 13 on.
const PILLOW: Method = Method { filter: Filter::Bilinear, arithmetic: Arithmetic::Pillow(Order::Shrinkage) };

fn noise(count: usize) -> Vec<u8> {
    let mut state = 1u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    (0..count).map(|_| next()).collect()
}

/// Resizes between fixed (height, width) at one level.
fn fixed(
    group: &mut BenchmarkGroup<'_, WallTime>,
    level: Level,
    name: &str,
    (from, to): ((usize, usize), (u32, u32)),
    method: Method,
) {
    let bytes = noise(from.0 * from.1 * 3);
    let image = ImageView::from_slice(&bytes, from.0, from.1, 3).unwrap();
    let mut resampler = Resampler::default();
    group.bench_function(format!("{name} {}", level.name()), |bencher| {
        bencher.iter(|| black_box(resampler.resize_at(level, &image, to, method).unwrap().get(0, 0, 0)));
    });
}

fn resize(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("resize");
    group.throughput(Throughput::Elements(1));
    for level in Level::available() {
        let photo = ((375, 500), (224, 224));
        for filter in [Filter::Bilinear, Filter::Bicubic, Filter::Lanczos, Filter::Nearest] {
            let name = format!("500x375 to 224x224 {filter:?}").to_lowercase();
            fixed(&mut group, level, &name, photo, Method { filter, ..PILLOW });
        }
        for filter in [Filter::Bilinear, Filter::Bicubic, Filter::Lanczos, Filter::Corner] {
            let name = format!("500x375 to 224x224 of torch {filter:?}").to_lowercase();
            fixed(&mut group, level, &name, photo, Method { filter, arithmetic: Arithmetic::Torch });
        }
        fixed(&mut group, level, "4000x3000 to 341x256", ((3000, 4000), (256, 341)), PILLOW);
        fixed(&mut group, level, "32x32 to 224x224", ((32, 32), (224, 224)), PILLOW);

        let bytes = noise(375 * 500 * 3);
        for (name, method) in
            [("", PILLOW), (" of torch", Method { arithmetic: Arithmetic::Torch, ..PILLOW })]
        {
            let mut resampler = Resampler::default();
            let mut turn = 0;
            group.bench_function(format!("crops to 224x224{name} {}", level.name()), |bencher| {
                bencher.iter(|| {
                    turn += 1;
                    let (height, width) = (150 + turn * 7 % 225, 200 + turn * 11 % 300);
                    let strides = [1500, 3, 1];
                    let crop = ImageView::from_strided(&bytes, 0, [height, width, 3], strides).unwrap();
                    let made = resampler.resize_at(level, &crop, (224, 224), method).unwrap();
                    black_box(made.get(0, 0, 0))
                });
            });
        }
    }
    group.finish();
}

criterion_group!(benches, resize);
criterion_main!(benches);
