//! Every level against the plainest renderer: one list of pixels per axis, one table entry per pixel.

use proptest::prelude::*;

use super::table::tests::float_table;
use super::*;
use crate::image::axis::tests::{Pixel, Step, apply, steps};

/// Fills of the test tables. The first is some byte's value, the second is not.
const FILLS: u16 = 2;

/// What output memory holds before, how it is written, and where it begins behind a cache line's start.
const PLACES: [(u8, Stores, usize); 4] =
    [(0, Stores::Cached, 0), (255, Stores::Cached, 16), (9, Stores::Streamed, 0), (9, Stores::Streamed, 3)];

/// A way for an image of that shape to lie in memory: strides, as (row, column, channel).
fn layout(kind: u8, height: isize, width: isize, channels: isize) -> [isize; 3] {
    match kind % 8 {
        0 => [width * channels, channels, 1],
        1 => [width, 1, width * height],
        2 => [1, height, width * height],
        3 => [channels, channels * height, 1],
        4 => [-width * channels, -channels, -1],
        5 => [-width - 3, -1, (width + 3) * height],
        6 => [-1, height + 1, (height + 1) * width],
        _ => [width * 4 + 5, 4, -1],
    }
}

/// An image of that layout within `bytes`, which are made to fit.
fn place(bytes: &mut Vec<u8>, shape: [usize; 3], strides: [isize; 3]) -> ImageView<'_> {
    let reach = |n: usize, stride: isize| (n as isize - 1) * stride;
    let extents = [0, 1, 2].map(|i| reach(shape[i], strides[i]));
    let offset = -extents.iter().map(|e| (*e).min(0)).sum::<isize>();
    let size = offset + extents.iter().map(|e| (*e).max(0)).sum::<isize>() + 1;
    // No byte to spare: what reads beyond is seen by the tools that look for it.
    let mut state = bytes.len() as u32;
    *bytes = (0..size)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        })
        .collect();
    ImageView::from_strided(bytes, offset as usize, shape, strides).unwrap()
}

/// A table whose first fill is byte 200's value; its entries differ between channels, but for kind 2.
fn table(kind: u8, element_bytes: usize, channels: usize) -> Table {
    if kind == 2 {
        let one: Vec<u8> = (0..256u32 + 2)
            .flat_map(|i| (if i == 256 { 200 } else { i } * 77).to_be_bytes().repeat(2))
            .collect();
        let one: Vec<u8> = one
            .chunks_exact(8)
            .flat_map(|value| value[2..].iter().cycle().take(element_bytes))
            .copied()
            .collect();
        let table = Table::new(element_bytes, channels, &one.repeat(channels), None).unwrap();
        assert!(table.is_uniform());
        return table;
    }
    if kind == 0 && element_bytes == 1 {
        let one: Vec<u8> = (0..=255).chain([200, 3]).collect();
        return Table::new(1, channels, &one.repeat(channels), None).unwrap();
    }
    if kind == 0 && element_bytes == 4 {
        let hint: Vec<_> = (0..channels)
            .map(|c| Affine { divide: c != 1, normalize: (c != 2).then_some((0.4 + 0.05 * c as f32, 0.25)) })
            .collect();
        let table = Table::new(4, channels, &float_table(&hint, &[1.0, 7.0]), Some(&hint)).unwrap();
        assert!(table.has_patches());
        return table;
    }
    let mut entries = Vec::new();
    for channel in 0..channels {
        let element = |i: usize| {
            let i = if i == 256 { 200 } else { i };
            let mixed = (i as u64 * 4 + channel as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
            mixed.to_be_bytes()[..element_bytes].to_vec()
        };
        entries.extend((0..256 + usize::from(FILLS)).flat_map(element));
    }
    Table::new(element_bytes, channels, &entries, None).unwrap()
}

/// The renderer that needs no thought.
fn naive(
    image: &ImageView<'_>,
    rows: &[Pixel],
    cols: &[Pixel],
    entries: &dyn Fn(usize, usize) -> Vec<u8>,
) -> Vec<u8> {
    let mut out = Vec::new();
    for channel in 0..image.channels() {
        for row in rows {
            for col in cols {
                let entry = match (row, col) {
                    (Ok(y), Ok(x)) => usize::from(image.get(*y as usize, *x as usize, channel)),
                    (Err(a), Err(b)) => 256 + usize::from(*a.max(b)),
                    (Err(fill), _) | (_, Err(fill)) => 256 + usize::from(*fill),
                };
                out.extend(entries(channel, entry));
            }
        }
    }
    out
}

fn compare(
    shape: [usize; 3],
    kind: u8,
    element_bytes: usize,
    table_kind: u8,
    sequences: [&[Step]; 2],
) -> Result<(), TestCaseError> {
    let [height, width, channels] = shape;
    let mut bytes = vec![0; usize::from(kind)];
    let strides = layout(kind, height as isize, width as isize, channels as isize);
    let image = place(&mut bytes, shape, strides);
    let table = table(table_kind, element_bytes, channels);
    let mut axes = [Axis::identity(height as u32), Axis::identity(width as u32)];
    let mut lists = [height, width].map(|n| (0..n as u32).map(Ok).collect::<Vec<Pixel>>());
    for i in 0..2 {
        for &step in sequences[i] {
            apply(step, &mut axes[i], &mut lists[i]);
        }
    }
    let [rows, cols] = &axes;
    let expected =
        naive(&image, &lists[0], &lists[1], &|channel, entry| table.entry(channel, entry).unwrap().to_vec());
    for level in Level::available() {
        let mut scratch = Scratch::default();
        for (used, stores, beyond) in PLACES {
            scratch.set_stores(stores);
            scratch.look_ahead(&image);
            let mut memory = vec![used; expected.len() + 128];
            let aligned = memory.as_ptr().align_offset(64);
            let out = &mut memory[aligned + beyond..][..expected.len()];
            render_at(level, &image, rows, cols, &table, &mut scratch, out).unwrap();
            prop_assert!(out == expected, "{} {:?} {:?} {:?}", level.name(), shape, strides, axes);
        }
    }
    every_layout(&image, &axes, &table, &expected)
}

/// Writes the image to memory of many layouts, of which only its elements may change.
fn every_layout(
    image: &ImageView<'_>,
    [rows, cols]: &[Axis; 2],
    table: &Table,
    expected: &[u8],
) -> Result<(), TestCaseError> {
    let element = table.element_bytes();
    let shape @ [channels, height, width] = [image.channels(), rows.len() as usize, cols.len() as usize];
    for strides in [
        [1, width * channels, channels],
        [1, width * channels + 3, channels],
        [height * (width + 2), width + 2, 1],
        [width * height, 1, height],
        [2, 3 * channels * width, 2 * channels],
    ] {
        let Some(layout) = Layout::new(shape, strides.map(|stride| stride * element), element) else {
            prop_assert!(expected.is_empty());
            continue;
        };
        for level in Level::available() {
            let mut out = vec![99; layout.extent()];
            let (mut scratch, output) = (Scratch::default(), Output::new(&mut out, &layout).unwrap());
            render_to_at(level, image, rows, cols, table, &mut scratch, output).unwrap();
            let mut wanted = vec![99; layout.extent()];
            for (i, value) in expected.chunks_exact(element).enumerate() {
                let at = layout.at(i / (height * width), i / width % height, i % width);
                wanted[at..at + element].copy_from_slice(value);
            }
            prop_assert!(out == wanted, "{} {:?} {:?}", level.name(), layout, [rows, cols]);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]
    #[test]
    fn every_level_equals_the_plain_renderer(
        height in 1usize..70,
        width in 1usize..70,
        gray in any::<bool>(),
        kind in any::<u8>(),
        element in 0u32..4,
        table_kind in 0u8..3,
        vertical in steps(FILLS),
        horizontal in steps(FILLS),
    ) {
        let channels = if gray { 1 } else { 3 };
        compare([height, width, channels], kind, 1 << element, table_kind, [&vertical, &horizontal])?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]
    #[test]
    fn rows_that_fill_vectors_equal_the_plain_renderer(
        height in 1usize..70,
        width in 1usize..70,
        gray in any::<bool>(),
        kind in 0u8..2,
        element in 0u32..4,
        table_kind in 0u8..3,
        vertical in steps(1),
        horizontal in steps(1),
        fills in (0..FILLS, 0..FILLS),
        crop in (0u32..16, 0u32..16),
        size in (0u32..64, 0u32..2),
    ) {
        let channels = if gray { 1 } else { 3 };
        let (rows, columns) = (size.0, [31, 63][size.1 as usize]);
        let vertical = [vertical, vec![Step::Fill(40, 40, fills.0), Step::Crop(crop.0, rows)]].concat();
        let horizontal = [horizontal, vec![Step::Fill(40, 40, fills.1), Step::Crop(crop.1, columns)]].concat();
        compare([height, width, channels], kind, 1 << element, table_kind, [&vertical, &horizontal])?;
    }
}

/// Every crop of a padded image, flipped or not, and that it takes the short way where there is one.
#[test]
fn the_usual_crops_go_straight() {
    for (y, x, flip) in (0..=8).flat_map(|y| (0..=8).flat_map(move |x| [(y, x, false), (y, x, true)])) {
        let columns = [Step::Fill(4, 4, 0), Step::Crop(x, 31), Step::Flip];
        for (kind, height, channels) in [(0, 32, 3), (1, 32, 3), (1, 33, 1), (1, 24, 1)] {
            let columns = &columns[..if flip { 3 } else { 2 }];
            let rows = [Step::Fill(4, 4, 0), Step::Crop(y, height - 1)];
            compare([height as usize, 32, channels], kind, 4, 0, [&rows, columns]).unwrap();
        }
        let bytes = [0; 3 * 32 * 32];
        let image = ImageView::from_strided(&bytes, 0, [32, 32, 3], [32, 1, 1024]).unwrap();
        let axes = [y, x].map(|offset| {
            let mut axis = Axis::identity(32);
            axis.pad_fill(4, 4, 0);
            assert!(axis.crop(offset, 32));
            axis
        });
        for level in Level::available() {
            let mut scratch = straight::Scratch::default();
            let straight = Straight::new(level, &image, &axes[0], &axes[1], &mut scratch);
            assert_eq!(straight.is_some(), level.name() == "avx512");
        }
    }
}

/// Images that hold every byte, 64 pixels wide and narrower, which go different ways.
#[test]
fn every_byte_of_every_arithmetic() {
    let constants = [(0.4914, 0.2470), (0.485, 0.229), (0.5, 0.5), (0.1307, 0.3081), (0.0, 1.0)];
    let bytes: Vec<u8> = (0..=255).collect();
    for divide in [true, false] {
        for normalize in constants.into_iter().map(Some).chain([None]) {
            let entries = float_table(&[Affine { divide, normalize }], &[]);
            for hint in [divide, !divide].map(|divide| [Affine { divide, normalize }]) {
                let table = Table::new(4, 1, &entries, Some(&hint)).unwrap();
                for (level, width) in Level::available().flat_map(|level| [(level, 64), (level, 16)]) {
                    let image = ImageView::from_slice(&bytes, 256 / width, width, 1).unwrap();
                    let axes = [256 / width, width].map(|n| Axis::identity(n as u32));
                    let mut memory = [1; 1024 + 64];
                    let aligned = memory.as_ptr().align_offset(64);
                    let out = &mut memory[aligned..][..1024];
                    let [rows, cols] = &axes;
                    render_at(level, &image, rows, cols, &table, &mut Scratch::default(), out).unwrap();
                    assert!(out == entries, "{} {width} {hint:?}", level.name());
                }
            }
        }
    }
}

#[test]
fn large_images_go_in_strips() {
    let pipeline = [Step::Fill(4, 4, 1), Step::Crop(3, 300), Step::Flip];
    for kind in 0..8 {
        for element_bytes in [1, 2, 4, 8] {
            let sizes = [301, 417, 3];
            compare(sizes, kind, element_bytes, 0, [&pipeline, &pipeline]).unwrap();
        }
    }
}

#[test]
fn four_and_two_channels() {
    for channels in [2, 4] {
        for kind in 0..8 {
            compare([20, 33, channels], kind, 4, 1, [&[Step::Flip], &[Step::Reflect(3, 50)]]).unwrap();
        }
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let bytes = [0; 12];
    let image = ImageView::from_slice(&bytes, 2, 2, 3).unwrap();
    let (good, bad) = (Axis::identity(2), Axis::identity(3));
    let table = table(1, 1, 3);
    let mut scratch = Scratch::default();
    let mut render = |rows: &Axis, cols: &Axis, table: &Table, size: usize| {
        super::render(&image, rows, cols, table, &mut scratch, &mut vec![0; size])
    };
    assert_eq!(render(&good, &good, &table, 12), Ok(()));
    assert_eq!(render(&bad, &good, &table, 18), Err(RenderError::Axis));
    assert_eq!(render(&good, &bad, &table, 18), Err(RenderError::Axis));
    assert_eq!(render(&good, &good, &table, 13), Err(RenderError::Output { found: 13, expected: 12 }));
    let gray = self::table(1, 1, 1);
    assert_eq!(render(&good, &good, &gray, 4), Err(RenderError::Channels { image: 3, table: 1 }));
    let mut padded = good.clone();
    padded.pad_fill(1, 0, FILLS);
    assert_eq!(render(&padded, &good, &table, 18), Err(RenderError::Axis));
    assert_eq!(render(&Axis::identity(0), &good, &table, 0), Ok(()));
}
