//! Views of images in several outputs, and what is refused.

use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::batch::Mix;
use crate::engine::{Drawn, JobQueue};
use crate::ops::{Crop, FlipHorizontal};
use crate::plan::{Plan, Step};
use crate::source::files::File;
use crate::write::{Layout, Table};

const TINY: &[u8] = include_bytes!("../../../penstock-jpeg/tests/data/tiny.jpg");

fn plan() -> Arc<Plan> {
    let bytes: Vec<u8> = (0..=255).collect();
    Arc::new(Plan::new(Vec::new(), Table::new(1, 3, &bytes.repeat(3), None).unwrap(), Some(&[])).unwrap())
}

fn slots(memory: &mut [u8], layout: Layout) -> Slots {
    // SAFETY: each test keeps the memory until its job has finished, and leaves it alone.
    unsafe { Slots::new(memory.as_mut_ptr(), memory.len(), layout) }
}

/// What a job makes of views of the same file, each a rectangle in an output of its own.
fn made(views: &[(Vec<Step>, Layout)]) -> (Vec<Vec<u8>>, BatchStats) {
    let (file, plan) = (Arc::new(File::parse(TINY.to_vec(), u64::MAX).unwrap()), plan());
    let mut memory: Vec<_> = views.iter().map(|(_, layout)| vec![0; layout.extent()]).collect();
    let places = (0..views.len()).map(|output| Place { output, slot: 0 });
    let drawn: Vec<_> =
        views.iter().zip(places).map(|((steps, _), place)| Drawn { plan: &plan, steps, place }).collect();
    let mut drawn_batch = DrawnBatch::default();
    assert!(drawn_batch.push_drawn(Content::File(file), &drawn));
    let outputs = memory.iter_mut().zip(views).map(|(memory, (_, layout))| slots(memory, *layout)).collect();
    let job = Arc::new(Job::new(drawn_batch, outputs).unwrap());
    JobQueue::new(1).share(&job).unwrap();
    job.help(Duration::from_mins(1));
    job.wait(Duration::from_mins(1)).unwrap().unwrap();
    let tally = job.tally();
    (memory, tally)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn views_together_are_views_apart(
        places in prop::collection::vec((0usize..99, 0usize..99, 0usize..99, 0usize..99, 0u8..4), 1..7),
    ) {
        let header = crate::codec::read_header(TINY).unwrap();
        let cut = |start: usize, len: usize, size: usize| (start % size, 1 + len % (size - start % size));
        let views: Vec<_> = places.into_iter().map(|(top, left, height, width, kind)| {
            let ((top, height), (left, width)) = (cut(top, height, header.height), cut(left, width, header.width));
            let [t, l, h, w] = [top, left, height, width].map(|value| value as u32);
            let mut steps = vec![Step::from(Crop { top: t, left: l, height: h, width: w })];
            if kind & 1 == 1 {
                steps.push(FlipHorizontal.into());
            }
            let shape = [3, height, width];
            let strides = if kind & 2 == 2 { [1, 3 * width, 3] } else { [height * width, width, 1] };
            (steps, Layout::new(shape, strides, 1).unwrap())
        }).collect();
        let (together, tally) = made(&views);
        prop_assert!(tally.fallbacks.is_empty() && tally.decoded >= 1 && tally.decoded <= views.len());
        for (view, memory) in views.iter().zip(together) {
            prop_assert_eq!(&made(std::slice::from_ref(view)).0[0], &memory);
        }
    }
}

#[test]
fn slots_that_do_not_fit_or_are_taken_twice_are_refused() {
    let plan = plan();
    let pixels: &'static [u8] = Box::leak(vec![7; 2 * 4 * 3].into_boxed_slice());
    let content = || Content::Pixels(ImageView::from_slice(pixels, 2, 4, 3).unwrap());
    let layout = Layout::planar([3, 2, 4], 1).unwrap();
    let mut memory = vec![0; 2 * layout.extent()];
    let mut job = |places: &[(usize, usize)], layout: Layout| {
        let mut drawn_batch = DrawnBatch::default();
        for &(output, slot) in places {
            let drawn = Drawn { plan: &plan, steps: &[], place: Place { output, slot } };
            assert!(drawn_batch.push_drawn(content(), &[drawn]));
        }
        Job::new(drawn_batch, vec![slots(&mut memory, layout)]).map(drop)
    };
    assert_eq!(job(&[(0, 0), (0, 1)], layout), Ok(()));
    assert!(matches!(job(&[(0, 1), (0, 1)], layout), Err(Error::OutputSize { .. })));
    assert!(matches!(job(&[(0, 0), (0, 2)], layout), Err(Error::OutputSize { .. })));
    assert_eq!(job(&[(1, 0)], layout), Err(Error::Ragged));
    assert_eq!(job(&[(0, 0)], Layout::planar([3, 4, 2], 1).unwrap()), Err(Error::Ragged));
    assert_eq!(job(&[(0, 0)], Layout::planar([3, 2, 4], 2).unwrap()), Err(Error::Ragged));
    let mut drawn_batch = DrawnBatch::default();
    let beyond = [Step::from(Crop { top: 0, left: 0, height: 3, width: 1 })];
    let drawn = Drawn { plan: &plan, steps: &beyond, place: Place { output: 0, slot: 0 } };
    assert!(
        !drawn_batch.push_drawn(content(), &[drawn])
            && drawn_batch.is_empty()
            && drawn_batch.shapes().len() == 0
    );
}

#[test]
fn bytes_become_other_elements_when_they_are_mixed() {
    let (count, [channels, height, width]) = (5, [3, 7, 9]);
    let size = channels * height * width;
    let pixels: &'static [u8] =
        Box::leak((0..count * size).map(|k| (k * 89 % 251) as u8).collect::<Vec<_>>().into_boxed_slice());
    for element in [1, 2, 4, 8] {
        // Each byte's element begins with the byte and its channel.
        let entry = |channel: usize, byte: usize| -> Vec<u8> {
            [byte as u8, channel as u8, 1, 2, 3, 4, 5, 6][..element].to_vec()
        };
        let entries: Vec<u8> =
            (0..3).flat_map(|channel| (0..256).flat_map(move |byte| entry(channel, byte))).collect();
        let table = Table::new(element, 3, &entries, None).unwrap();
        let after = Arc::new(Plan::new(Vec::new(), table, Some(&[])).unwrap());
        let mut memory = vec![0; count * size * element];
        let layout = Layout::planar([channels, height, width], 1).unwrap();
        let mixes = vec![Mix::Cut { rows: 1..5, columns: 2..9 }];
        let outputs = slots(&mut memory, layout).converted(Arc::clone(&after)).unwrap();
        let outputs = outputs.mixed(mixes.clone()).unwrap();
        let (plan, mut drawn_batch) = (plan(), DrawnBatch::default());
        for (slot, image) in pixels.chunks_exact(size).enumerate() {
            let content = Content::Pixels(ImageView::from_slice(image, height, width, channels).unwrap());
            let place = Place { output: 0, slot };
            assert!(drawn_batch.push_drawn(content, &[Drawn { plan: &plan, steps: &[], place }]));
        }
        let job = Arc::new(Job::new(drawn_batch, vec![outputs]).unwrap());
        JobQueue::new(2).share(&job).unwrap();
        job.help(Duration::from_mins(1));
        job.wait(Duration::from_mins(1)).unwrap().unwrap();
        let mut expected: Vec<u8> = pixels
            .chunks_exact(size)
            .flat_map(|image| (0..channels).flat_map(|c| image.iter().skip(c).step_by(channels)))
            .copied()
            .collect();
        mixes[0].apply(&mut expected, [channels, height, width], 1);
        let expected: Vec<u8> = expected
            .iter()
            .enumerate()
            .flat_map(|(k, &byte)| entry(k / (height * width) % channels, byte.into()))
            .collect();
        assert_eq!(memory, expected, "{element}");
    }
    let mut memory = [0; 3 * 4 * 5];
    let layout = Layout::planar([3, 2, 2], 1).unwrap();
    let table = Table::new(4, 3, &[0; 3 * 256 * 4], None).unwrap();
    let after = Arc::new(Plan::new(Vec::new(), table, Some(&[])).unwrap());
    assert!(slots(&mut memory[..47], layout).converted(Arc::clone(&after)).is_none());
    let interleaved = Layout::new([3, 2, 2], [1, 6, 3], 1).unwrap();
    assert!(slots(&mut memory[..48], interleaved).converted(after).is_none());
}
