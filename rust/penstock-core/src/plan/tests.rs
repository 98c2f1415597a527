//! Steps with resizes against the plainest rendering, which makes every image between two steps whole.

use std::sync::Arc;

use penstock_jpeg::simd::Level;
use proptest::prelude::*;

use super::*;
use crate::level;
use crate::ops::color::{
    AutoContrast, Brightness, Contrast, Equalize, Gray, Hue, Invert, Permute, Point, Posterize, Saturation,
    Solarize,
};
use crate::ops::filter::{Blend, BoxBlur, GaussianBlur, Kernel, Sharpness};
use crate::ops::geometry::{Affine, Interpolation, Perspective, Quarter, Turn};
use crate::ops::kinds::{Area, BLOCK_PIXELS, Block, Lut, Measured, Pixels};
use crate::ops::resize::{Arithmetic, Filter, Method, Order, Resample, Resampler, Resize, Target};
use crate::ops::{
    AreaMemory, AreaStep, Crop, ElementsStep, Erase, FlipHorizontal, FlipVertical, Library, MapStep, Margins,
    Overprint, PadMode, Paste, Statistics, Tables,
};

const METHODS: [Method; 4] = [
    Method { filter: Filter::Nearest, arithmetic: Arithmetic::Pillow(Order::Shrinkage) },
    Method { filter: Filter::Bilinear, arithmetic: Arithmetic::Pillow(Order::Shrinkage) },
    Method { filter: Filter::Lanczos, arithmetic: Arithmetic::Pillow(Order::Across) },
    Method { filter: Filter::Bicubic, arithmetic: Arithmetic::Torch },
];
/// Bytes of the margins' colours, for each channel. Later margins have larger numbers.
const INKS: [[u8; 7]; 3] =
    [[9, 200, 1, 2, 3, 255, 0], [77, 0, 90, 12, 200, 100, 5], [255, 31, 64, 8, 150, 33, 6]];

/// An image of three channels, rows of interleaved pixels.
#[derive(Clone, Debug)]
struct Whole {
    size: (u32, u32),
    bytes: Vec<u8>,
}

impl Whole {
    fn new(size: (u32, u32), seed: u64) -> Whole {
        let mixed =
            |i: u64| (i + seed).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(29).wrapping_mul(0xD6E8_FEB9);
        Whole { size, bytes: (0..u64::from(3 * size.0 * size.1)).map(|i| (mixed(i) >> 27) as u8).collect() }
    }

    fn image(&self) -> ImageView<'_> {
        ImageView::from_slice(&self.bytes, self.size.0 as usize, self.size.1 as usize, 3).unwrap()
    }

    /// The step, on every pixel there is.
    fn after(&self, step: &Step) -> Whole {
        let image = self.image();
        let get = |y: i64, x: i64, c: usize| image.get(y as usize, x as usize, c);
        let (height, width) = (i64::from(self.size.0), i64::from(self.size.1));
        let make = |size: (u32, u32), pixel: &dyn Fn(i64, i64, usize) -> u8| {
            let places = (0..i64::from(size.0)).flat_map(|y| (0..i64::from(size.1)).map(move |x| (y, x)));
            Whole {
                size,
                bytes: places
                    .flat_map(|(y, x)| (0..3).map(move |c| (y, x, c)))
                    .map(|(y, x, c)| pixel(y, x, c))
                    .collect(),
            }
        };
        match *step {
            Step::FloatPixels(_) | Step::FloatArea(_) => unreachable!(),
            Step::Map(MapStep::Margins(Margins { margins: [left, top, right, bottom], mode })) => {
                let size = (self.size.0 + top + bottom, self.size.1 + left + right);
                make(size, &|y, x, c| {
                    let (y, x) = (y - i64::from(top), x - i64::from(left));
                    match mode {
                        PadMode::Constant(fill) if !(0..height).contains(&y) || !(0..width).contains(&x) => {
                            INKS[c][usize::from(fill)]
                        }
                        _ => get(y.clamp(0, height - 1), x.clamp(0, width - 1), c),
                    }
                })
            }
            Step::Map(MapStep::Crop(Crop { top, left, height, width })) => {
                make((height, width), &|y, x, c| get(y + i64::from(top), x + i64::from(left), c))
            }
            Step::Map(MapStep::FlipHorizontal(_)) => make(self.size, &|y, x, c| get(y, width - 1 - x, c)),
            Step::Map(MapStep::FlipVertical(_)) => make(self.size, &|y, x, c| get(height - 1 - y, x, c)),
            Step::Lut(ref step) => make(self.size, &|y, x, c| step.value(c, get(y, x, c))),
            Step::Pixels(step) => make(self.size, &|y, x, c| {
                let mut block: Block = std::array::from_fn(|c| [get(y, x, c); BLOCK_PIXELS]);
                step.change(Level::SCALAR, &mut block);
                block[c][0]
            }),
            Step::Measured(step) => {
                let mut seen = Statistics::new(3);
                for (y, x) in (0..height).flat_map(|y| (0..width).map(move |x| (y, x))) {
                    let block: Block = std::array::from_fn(|c| [get(y, x, c); BLOCK_PIXELS]);
                    step.look(Level::SCALAR, &block, 1, &mut seen);
                }
                let tables = step.tables(&seen);
                make(self.size, &|y, x, c| tables.channel(c)[usize::from(get(y, x, c))])
            }
            Step::Area(AreaStep::Resample(Resample { height, width, method })) => {
                let mut resampler = Resampler::default();
                let resized = resampler.resize(&image, (height, width), method).unwrap();
                make((height, width), &|y, x, c| resized.get(y as usize, x as usize, c))
            }
            Step::Area(ref step) => {
                let size = step.size(self.size).unwrap();
                let whole = Region { rows: 0..size.0, columns: 0..size.1 };
                let support = step.support(self.size, &whole);
                let part = image.part(&support.rows, &support.columns).unwrap();
                let mut memory = AreaMemory::default();
                let made = step.make(level::in_use(), &part, self.size, &whole, &mut memory).unwrap();
                make(size, &|y, x, c| made.get(y as usize, x as usize, c))
            }
            Step::Elements(ElementsStep::Paste(ref paste)) => {
                let &Paste { top, left, height, width, ref elements } = paste;
                let rows = i64::from(top)..i64::from(top + height);
                let columns = i64::from(left)..i64::from(left + width);
                let plane = if elements.len() == 3 { 1 } else { i64::from(height * width) };
                make(self.size, &|y, x, c| {
                    let pixel = (y - rows.start) * i64::from(width) + x - columns.start;
                    let at = c as i64 * plane + if plane == 1 { 0 } else { pixel };
                    if rows.contains(&y) && columns.contains(&x) {
                        elements[at as usize]
                    } else {
                        get(y, x, c)
                    }
                })
            }
            Step::Elements(ElementsStep::Overprint(ref print)) => {
                let rows = i64::from(print.top)..i64::from(print.top + print.height);
                let columns = i64::from(print.left)..i64::from(print.left + print.width);
                make(self.size, &|y, x, c| {
                    let byte = get(y, x, c);
                    let is_inside = rows.contains(&y) && columns.contains(&x);
                    if is_inside { byte & print.bits[c] | print.bits[3 + c] } else { byte }
                })
            }
            Step::Elements(ElementsStep::Erase(Erase { top, left, height, width, fill })) => {
                let rows = i64::from(top)..i64::from(top + height);
                let columns = i64::from(left)..i64::from(left + width);
                make(self.size, &|y, x, c| {
                    let erased = rows.contains(&y) && columns.contains(&x);
                    if erased { INKS[c][usize::from(fill)] } else { get(y, x, c) }
                })
            }
        }
    }
}

/// Any step; numbers are reduced to what an image's size allows.
fn steps() -> impl Strategy<Value = Vec<(u8, [u32; 4], usize)>> {
    prop::collection::vec((0u8..21, prop::array::uniform4(0u32..1000), 0usize..6), 0..7)
}

fn concrete(kind: u8, n: [u32; 4], which: usize, fill: u16, size: (u32, u32)) -> Step {
    let margins = n.map(|margin| margin % 9);
    match kind {
        0 => Margins { margins, mode: PadMode::Constant(fill) }.into(),
        1 => Margins { margins, mode: PadMode::Edge }.into(),
        2 => {
            let (top, left) = (n[0] % size.0, n[1] % size.1);
            let (height, width) = (1 + n[2] % (size.0 - top), 1 + n[3] % (size.1 - left));
            Crop { top, left, height, width }.into()
        }
        3 => FlipHorizontal.into(),
        4 => FlipVertical.into(),
        5 => Invert.into(),
        6 => Posterize { bits: (n[0] % 9) as u8 }.into(),
        7 => Solarize { threshold: f64::from(n[0] % 300), library: Library::Torch2 }.into(),
        8 => Permute { from: [[0, 1, 2], [2, 0, 1], [1, 1, 0]][which % 3] }.into(),
        9 => colour(
            n[0],
            f64::from(n[1] % 200) / 100.0,
            [Library::Pillow, Library::Torch1, Library::Torch2][which % 3],
        ),
        10 => BoxBlur::new([n[0], n[1]].map(|n| f64::from(n % 50) / 10.0)).unwrap().into(),
        11 => GaussianBlur::new([n[0], n[1]].map(|n| f64::from(n % 50) / 10.0)).unwrap().into(),
        12 => Sharpness { factor: f64::from(n[0]) / 300.0, blend: [Blend::Pillow, Blend::Torch1][which % 2] }
            .into(),
        13 => {
            let weight = |n: u32| f64::from(n) as f32 / 100.0 - 3.0;
            if which == 0 {
                Kernel::new([n.map(weight)[..3].try_into().unwrap(); 3], 2.5, 9.0).unwrap().into()
            } else {
                Kernel::new([[weight(n[0]), 1.0, weight(n[1]), -2.0, weight(n[2])]; 5], 2.5, 9.0)
                    .unwrap()
                    .into()
            }
        }
        14 => {
            let quarters = [Quarter::Rotate90, Quarter::Rotate270, Quarter::Transpose, Quarter::Transverse];
            Turn { quarter: quarters[which % 4] }.into()
        }
        15 | 16 => {
            let interpolations = [Interpolation::Nearest, Interpolation::Bilinear, Interpolation::Bicubic];
            let [a, b, c, d] = n.map(|n| f64::from(n) / 500.0 - 1.0);
            let (height, width) = (f64::from(size.0), f64::from(size.1));
            let (out, interpolation) = ((1 + n[0] % 60, 1 + n[1] % 60), interpolations[which % 3]);
            // A shift, a turn around the middle, or anything; now and then nothing of the image is seen.
            let matrix = match n[0] % 3 {
                0 => [1.0, 0.0, a * width, 0.0, 1.0, b * height],
                1 => [1.2 + a, b, width / 3.0, c, 1.2 + d, height / 3.0],
                _ => [a, b, c * 2.0 * width, b, a, d * 2.0 * height],
            };
            let fill = n.map(|n| n as u8);
            let fill = [fill[0], fill[1], fill[2]];
            if kind == 15 {
                Affine::new(matrix, out, interpolation, fill).unwrap().into()
            } else {
                let [a, b, c, d, e, f] = matrix;
                let matrix = [a, b, c, d, e, f, c / width / 90.0, a / 30.0];
                Perspective::new(matrix, out, interpolation, fill).unwrap().into()
            }
        }
        _ => {
            // Now and then only one side changes.
            let height = if which == 0 { size.0 } else { 1 + n[0] % 60 };
            let width = if which == 1 { size.1 } else { 1 + n[1] % 60 };
            Resample { height, width, method: METHODS[which % 3] }.into()
        }
    }
}

/// One of the steps that look at pixels or images.
fn colour(kind: u32, factor: f64, library: Library) -> Step {
    match kind % 8 {
        0 => Saturation { factor, library }.into(),
        1 => Hue { turn: factor / 2.0 - 0.5, library }.into(),
        2 => Gray { library }.into(),
        3 => Contrast { factor, library }.into(),
        4 => AutoContrast { library }.into(),
        5 => Equalize.into(),
        6 => Brightness { factor, library }.into(),
        _ => Point { tables: Arc::new(Tables::of(|channel, byte| byte.wrapping_mul(3 + channel as u8))) }
            .into(),
    }
}

fn plan() -> Plan {
    let entries: Vec<u8> = INKS.iter().flat_map(|inks| (0..=255).chain(*inks)).collect();
    let table = Table::new(1, 3, &entries, None).unwrap();
    let op = Resize { target: Target::Exact(1, 1), manner: METHODS[0].into() }.into();
    Plan::new(vec![op], table, Some(INKS.as_flattened())).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]
    #[test]
    fn stages_give_what_whole_images_give(
        size in (1u32..70, 1u32..70),
        sketch in steps(),
        erased in prop::option::of((0u32..1000, 0u32..1000)),
        pasted in prop::option::of((0u32..1000, 0u32..1000, any::<bool>())),
        printed in prop::option::of((0u32..1000, 0u32..1000, any::<[u8; 6]>())),
        layout in 0u8..3,
        seed in any::<u32>(),
    ) {
        let source = Whole::new(size, u64::from(seed));
        let mut expected = source.clone();
        let mut list = Vec::new();
        for (fill, (kind, numbers, which)) in (0..).zip(sketch) {
            let step = concrete(kind, numbers, which, fill, expected.size);
            expected = expected.after(&step);
            list.push(step);
        }
        if let Some((top, left)) = erased {
            let (height, width) = expected.size;
            let (top, left) = (top % height, left % width);
            let erase = Erase { top, left, height: (height - top) / 2, width: width - left, fill: 6 };
            list.push(erase.into());
            expected = expected.after(&erase.into());
        }
        if let Some((bottom, right, is_constant)) = pasted {
            let (height, width) = (1 + bottom % expected.size.0, 1 + right % expected.size.1);
            let count = if is_constant { 3 } else { 3 * height * width };
            let elements = (0..count).map(|i| (i * 37) as u8).collect();
            let paste = Step::from(Paste { top: expected.size.0 - height, left: 0, height, width, elements });
            expected = expected.after(&paste);
            list.push(paste);
        }
        if let Some((bottom, right, bits)) = printed {
            let (height, width) = (1 + bottom % expected.size.0, 1 + right % expected.size.1);
            let left = expected.size.1 - width;
            let print = Step::from(Overprint { top: 0, left, height, width, bits: bits.as_slice().into() });
            expected = expected.after(&print);
            list.push(print);
        }
        prop_assert_eq!(size_after(size, &list), Some(expected.size));
        let (height, width) = (size.0 as usize, size.1 as usize);
        let plane = height * width;
        let planar: Vec<u8> = (0..3).flat_map(|c| source.bytes.iter().copied().skip(c).step_by(3)).collect();
        let columns: Vec<u8> =
            (0..3 * plane).map(|i| source.image().get(i % height, i / height % width, i / plane)).collect();
        let image = match layout {
            0 => source.image(),
            1 => ImageView::from_strided(&planar, 0, [height, width, 3], [width as isize, 1, plane as isize]).unwrap(),
            _ => ImageView::from_strided(&columns, 0, [height, width, 3], [1, height as isize, plane as isize]).unwrap(),
        };
        let wanted: Vec<u8> = (0..3).flat_map(|c| expected.bytes.iter().copied().skip(c).step_by(3)).collect();
        let (plan, mut workspace) = (plan(), Workspace::default());
        let mut out = vec![0; wanted.len()];
        plan.render(&image, &list, &mut workspace, out.as_mut_slice()).unwrap();
        prop_assert!(out == wanted, "{list:?}");

        // The region is enough: all else may be missing.
        let region = workspace.source_region(size, &list);
        let part = image.part(&region.rows, &region.columns).unwrap();
        let only: Vec<u8> = (0..part.height())
            .flat_map(|y| (0..part.width()).flat_map(move |x| (0..3).map(move |c| part.get(y, x, c))))
            .collect();
        let only = ImageView::from_slice(&only, part.height(), part.width(), 3).unwrap();
        out.fill(1);
        plan.render_part(&only, size, &list, &mut workspace, out.as_mut_slice()).unwrap();
        prop_assert!(out == wanted, "{list:?} from {region:?}");
    }
}

#[test]
fn any_part_of_a_filtered_image_is_that_of_the_whole() {
    let size = (7, 8);
    let source = Whole::new(size, 3);
    let (plan, mut workspace) = (plan(), Workspace::default());
    let small = Step::from(Kernel::new([[1.0, 2.0, -1.0]; 3], 2.5, 9.0).unwrap());
    let large = Step::from(Kernel::new([[1.0, -2.0, 3.0, 1.0, 0.5]; 5], 2.5, 9.0).unwrap());
    for kernel in [small, large] {
        let filtered = source.after(&kernel);
        for (top, left) in (0..size.0).flat_map(|top| (0..size.1).map(move |left| (top, left))) {
            for (height, width) in [(1, 1), (1, size.1 - left), (size.0 - top, 1)] {
                let crop = Step::from(Crop { top, left, height, width });
                let wanted = filtered.after(&crop).bytes;
                let wanted: Vec<u8> =
                    (0..3).flat_map(|c| wanted.iter().copied().skip(c).step_by(3)).collect();
                let (steps, mut out) = ([kernel.clone(), crop], vec![0; wanted.len()]);
                plan.render(&source.image(), &steps, &mut workspace, out.as_mut_slice()).unwrap();
                assert!(out == wanted, "{steps:?}");
            }
        }
    }
}

#[test]
fn the_region_is_what_lies_under_the_output() {
    let mut workspace = Workspace::default();
    let mut region = |size, steps: &[Step]| {
        let Region { rows, columns } = workspace.source_region(size, steps);
        (rows, columns)
    };
    let method = METHODS[1];
    let crop = Step::from(Crop { top: 20, left: 30, height: 200, width: 100 });
    assert_eq!(region((375, 500), std::slice::from_ref(&crop)), (20..220, 30..130));
    let resize = Step::from(Resample { height: 224, width: 224, method });
    assert_eq!(region((375, 500), &[crop, resize, FlipHorizontal.into()]), (20..220, 30..130));
    // Resize(256), CenterCrop(224): the middle 224 of 341 columns, of 256 rows, and the filter's reach.
    let resize = Step::from(Resample { height: 256, width: 341, method });
    let middle = Step::from(Crop { top: 16, left: 58, height: 224, width: 224 });
    assert_eq!(region((375, 500), &[resize.clone(), middle]), (23..352, 84..414));
    // A crop of nothing but margins needs no source at all.
    let pad = Step::from(Margins { margins: [50, 0, 0, 0], mode: PadMode::Constant(0) });
    let margin = Step::from(Crop { top: 3, left: 0, height: 9, width: 50 });
    let (rows, columns) = region((375, 500), &[resize, pad, margin]);
    assert!(rows.is_empty() && columns.is_empty());
}

#[test]
fn parts_of_another_size_and_odd_inks_are_refused() {
    let bytes = [0; 27];
    let image = ImageView::from_slice(&bytes, 3, 3, 3).unwrap();
    let (plan, mut workspace) = (plan(), Workspace::default());
    let steps = [Step::from(Crop { top: 0, left: 0, height: 2, width: 3 })];
    let made = plan.render_part(&image, (3, 3), &steps, &mut workspace, [0; 18].as_mut_slice());
    assert_eq!(made, Err(RenderError::Axis));
    let entries: Vec<u8> = (0..3).flat_map(|_| 0..=255).collect();
    let table = Table::new(1, 3, &entries, None).unwrap();
    let op = Resize { target: Target::Long(5), manner: METHODS[0].into() }.into();
    assert!(Plan::new(vec![op], table, Some(&[1, 2])).is_err());
}

/// A table of float32 elements, whose margins are no byte's value, and one of 16-bit elements.
fn wide_tables() -> [Table; 2] {
    let floats = |c: usize| (0..=255u8).map(move |byte| (f32::from(byte) / 255.0 - 0.4) / (0.2 + c as f32));
    let margins = |c: usize| INKS[c].map(|ink| 7.0 + f32::from(ink));
    let floats: Vec<u8> =
        (0..3).flat_map(|c| floats(c).chain(margins(c))).flat_map(f32::to_ne_bytes).collect();
    let halves: Vec<u8> = (0..3 * 263u16).flat_map(u16::to_ne_bytes).collect();
    [Table::new(4, 3, &floats, None).unwrap(), Table::new(2, 3, &halves, None).unwrap()]
}

#[test]
fn lookups_are_part_of_any_conversion() {
    let source = Whole::new((37, 70), 5);
    let solarize = Solarize { threshold: 99.5, library: Library::Pillow };
    let pad = |fill| Step::from(Margins { margins: [3, 2, 1, 4], mode: PadMode::Constant(fill) });
    let steps =
        [FlipHorizontal.into(), pad(0), solarize.into(), pad(1), Posterize { bits: 3 }.into(), pad(2)];
    for table in wide_tables() {
        let plan = Plan::new(Vec::new(), table.clone(), Some(INKS.as_flattened())).unwrap();
        let mut workspace = Workspace::default();
        let (height, width) = size_after(source.size, &steps).unwrap();
        let bytes = table.element_bytes();
        let mut out = vec![0; 3 * height as usize * width as usize * bytes];
        plan.render(&source.image(), &steps, &mut workspace, out.as_mut_slice()).unwrap();
        // Margins of the last colour are converted already; all else are bytes, which the table converts.
        let before = steps[..5].iter().fold(source.clone(), |whole, step| whole.after(step));
        let mut elements = out.chunks_exact(bytes);
        for (c, y, x) in
            (0..3).flat_map(|c| (0..height).flat_map(move |y| (0..width).map(move |x| (c, y, x))))
        {
            let (row, column) = (y.wrapping_sub(2), x.wrapping_sub(3));
            let expected = if row < before.size.0 && column < before.size.1 {
                table.entry(c, usize::from(before.image().get(row as usize, column as usize, c)))
            } else {
                table.entry(c, 256 + 2)
            };
            assert_eq!(elements.next(), expected, "{c} {y} {x}");
        }
    }
}

#[test]
fn what_is_not_known_is_not_made_up() {
    let source = Whole::new((8, 9), 1);
    let pad = Step::from(Margins { margins: [1; 4], mode: PadMode::Constant(0) });
    let [table, _] = wide_tables();
    let plan = Plan::new(Vec::new(), table, None).unwrap();
    let mut out = vec![0; 3 * 10 * 11 * 4];
    let mut render =
        |steps: &[Step]| plan.render(&source.image(), steps, &mut Workspace::default(), out.as_mut_slice());
    assert_eq!(render(&[Invert.into(), pad.clone()]), Ok(()));
    assert_eq!(render(&[pad.clone(), Invert.into()]), Err(RenderError::Axis), "the margin's byte");
    let erase = Step::from(Erase { top: 0, left: 0, height: 1, width: 1, fill: 0 });
    assert_eq!(render(&[pad.clone(), erase.clone()]), Ok(()));
    assert_eq!(size_after((8, 9), &[erase, pad]), None, "elements are not padded");
    assert_eq!(size_after((8, 9), &[Erase { top: 8, left: 0, height: 1, width: 1, fill: 0 }.into()]), None);
}

#[test]
fn neighbouring_steps_of_pixels_share_a_pass() {
    let permute = |from| Step::from(Permute { from });
    let passes = |steps: &[Step]| {
        let mut stages = Stages::default();
        stages.plan((5, 5), steps);
        stages.passes()
    };
    assert_eq!(passes(&[permute([1, 2, 0]), permute([1, 2, 0])]), 1);
    assert_eq!(passes(&[permute([1, 2, 0]), FlipVertical.into(), permute([1, 2, 0]), Invert.into()]), 2);
    assert_eq!(passes(&[FlipVertical.into(), Invert.into()]), 0);
    let contrast = Step::from(Contrast { factor: 0.5, library: Library::Pillow });
    assert_eq!(passes(&[contrast.clone(), Invert.into()]), 1);
    assert_eq!(passes(&[Invert.into(), permute([1, 2, 0]), contrast, Invert.into(), permute([1, 2, 0])]), 1);
}

#[test]
fn a_step_that_looks_at_its_image_has_it_whole_and_leaves_what_follows_narrow() {
    let mut workspace = Workspace::default();
    let contrast = Step::from(Contrast { factor: 1.5, library: Library::Pillow });
    let crop = Step::from(Crop { top: 20, left: 30, height: 20, width: 10 });
    let mut region = |steps: &[Step]| workspace.source_region((375, 500), steps);
    let whole = Region { rows: 0..375, columns: 0..500 };
    assert_eq!(region(&[contrast.clone(), crop.clone()]), whole);
    assert_eq!(
        region(&[
            FlipVertical.into(),
            Equalize.into(),
            Gray { library: Library::Pillow }.into(),
            crop.clone()
        ]),
        whole
    );
    assert_eq!(region(&[crop.clone(), contrast.clone()]), Region { rows: 20..40, columns: 30..40 });
    // Of an image of which only margins are seen nothing has to be there.
    let pad = Step::from(Margins { margins: [50, 0, 0, 0], mode: PadMode::Constant(0) });
    let margin = Step::from(Crop { top: 3, left: 0, height: 9, width: 50 });
    assert!(region(&[contrast, pad, margin]).is_empty());
}

#[test]
fn one_channel_is_looked_at_and_not_mixed() {
    let bytes: Vec<u8> = (0..30 * 70u32).map(|i| (i * i / 7) as u8 / 2 + 40).collect();
    let image = ImageView::from_slice(&bytes, 30, 70, 1).unwrap();
    let entries: Vec<u8> = (0..=255).collect();
    let plan = Plan::new(Vec::new(), Table::new(1, 1, &entries, None).unwrap(), Some(&[])).unwrap();
    let library = Library::Torch2;
    let mixing: [Step; 4] = [
        Hue { turn: 0.3, library }.into(),
        Gray { library }.into(),
        Saturation { factor: 0.2, library }.into(),
        Permute { from: [1, 2, 0] }.into(),
    ];
    let mut out = vec![0; bytes.len()];
    let mut workspace = Workspace::default();
    plan.render(&image, &mixing, &mut workspace, out.as_mut_slice()).unwrap();
    assert_eq!(out, bytes);
    let steps = [&mixing[..2], &[AutoContrast { library: Library::Pillow }.into()], &mixing[2..]].concat();
    plan.render(&image, &steps, &mut workspace, out.as_mut_slice()).unwrap();
    assert_eq!((out.iter().min(), out.iter().max()), (Some(&0), Some(&255)), "stretched");
}
