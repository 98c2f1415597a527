//! Axes against lists with one entry per pixel, padded by the formula that defines `numpy.pad`.

use proptest::prelude::*;

use super::*;

/// One output pixel: a source index or a fill.
pub(crate) type Pixel = Result<u32, u16>;

/// One operation of a test sequence; amounts are reduced to what the axis allows.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    Flip,
    Crop(u32, u32),
    Fill(u32, u32, u16),
    Edge(u32, u32),
    Reflect(u32, u32),
    Symmetric(u32, u32),
}

/// Any operation, with pads that may exceed the axis.
pub(crate) fn steps(fills: u16) -> impl Strategy<Value = Vec<Step>> {
    let pad = 0u32..40;
    let step = prop_oneof![
        Just(Step::Flip),
        (0u32..1000, 0u32..1000).prop_map(|(a, b)| Step::Crop(a, b)),
        (pad.clone(), pad.clone(), 0..fills).prop_map(|(a, b, f)| Step::Fill(a, b, f)),
        (pad.clone(), pad.clone()).prop_map(|(a, b)| Step::Edge(a, b)),
        (pad.clone(), pad.clone()).prop_map(|(a, b)| Step::Reflect(a, b)),
        (pad.clone(), pad).prop_map(|(a, b)| Step::Symmetric(a, b)),
    ];
    prop::collection::vec(step, 0..5)
}

/// Applies `step` to an axis and to the list that says the same.
pub(crate) fn apply(step: Step, axis: &mut Axis, list: &mut Vec<Pixel>) {
    let n = list.len() as i64;
    let padded = |before: u32, after: u32, from: &dyn Fn(i64) -> Pixel| -> Vec<Pixel> {
        (-i64::from(before)..n + i64::from(after)).map(from).collect()
    };
    let next = match step {
        Step::Flip => {
            axis.flip();
            list.iter().rev().copied().collect()
        }
        Step::Crop(start, len) => {
            let start = start % n as u32;
            let len = 1 + len % (n as u32 - start);
            assert!(axis.crop(start, len));
            list[start as usize..(start + len) as usize].to_vec()
        }
        Step::Fill(a, b, fill) => {
            axis.pad_fill(a, b, fill);
            padded(a, b, &|i| if (0..n).contains(&i) { list[i as usize] } else { Err(fill) })
        }
        Step::Edge(a, b) => {
            axis.pad_edge(a, b);
            padded(a, b, &|i| list[i.clamp(0, n - 1) as usize])
        }
        Step::Reflect(a, b) => {
            axis.pad_reflect(a, b);
            padded(a, b, &|i| {
                let period = (2 * (n - 1)).max(1);
                let phase = i.rem_euclid(period);
                list[phase.min(period - phase).min(n - 1) as usize]
            })
        }
        Step::Symmetric(a, b) => {
            axis.pad_symmetric(a, b);
            padded(a, b, &|i| {
                let phase = i.rem_euclid(2 * n);
                list[phase.min(2 * n - 1 - phase) as usize]
            })
        }
    };
    *list = next;
}

fn expand(axis: &Axis) -> Vec<Pixel> {
    let mut list = Vec::new();
    for run in axis.runs() {
        assert!(!run.is_empty());
        for i in 0..run.len() {
            list.push(match run {
                Run::Source { start, step, .. } => Ok(nth(start, step, i)),
                Run::Fill { fill, .. } => Err(fill),
            });
        }
    }
    list
}

#[test]
fn numpy_pads_of_three_pixels() {
    // numpy.pad([0, 1, 2], (5, 4), mode=...)
    let mut axis = Axis::identity(3);
    axis.pad_reflect(5, 4);
    let reflect: Vec<_> = [1, 0, 1, 2, 1, 0, 1, 2, 1, 0, 1, 2].map(Ok).to_vec();
    assert_eq!(expand(&axis), reflect);
    let mut axis = Axis::identity(3);
    axis.pad_symmetric(5, 4);
    let symmetric: Vec<_> = [1, 2, 2, 1, 0, 0, 1, 2, 2, 1, 0, 0].map(Ok).to_vec();
    assert_eq!(expand(&axis), symmetric);
}

#[test]
fn a_crop_outside_changes_nothing() {
    let mut axis = Axis::identity(4);
    assert!(!axis.crop(2, 3));
    assert!(!axis.crop(u32::MAX, 2));
    assert!(axis.runs().eq(Axis::identity(4).runs()));
    assert!(axis.crop(4, 0));
    assert!(axis.is_empty() && axis.runs().next().is_none());
}

#[test]
fn the_usual_pipeline_stays_off_the_heap() {
    let mut axis = Axis::identity(32);
    axis.pad_fill(4, 4, 0);
    assert!(axis.crop(7, 32));
    axis.flip();
    let expected = [Run::Fill { len: 3, fill: 0 }, Run::Source { start: 31, len: 29, step: -1 }];
    assert!(axis.runs().eq(expected));
    assert!(axis.spill.is_empty());
}

proptest! {
    #[test]
    fn any_sequence_equals_the_list(n in 1u32..70, sequence in steps(3), low in 0u32..99, high in 0u32..99) {
        let mut axis = Axis::identity(n);
        let mut list: Vec<Pixel> = (0..n).map(Ok).collect();
        for step in sequence {
            apply(step, &mut axis, &mut list);
        }
        prop_assert_eq!(axis.len() as usize, list.len());
        prop_assert_eq!(&expand(&axis), &list);
        prop_assert_eq!(axis.source_end(), list.iter().flatten().max().map_or(0, |m| m + 1));

        let sources: Vec<u32> = list.iter().flatten().copied().collect();
        let smallest = sources.iter().copied().min().unwrap_or(0);
        prop_assert_eq!(axis.source_range(), smallest..axis.source_end());
        let mut shifted = axis.clone();
        prop_assert!(shifted.shift_source(smallest));
        prop_assert_eq!(expand(&shifted), list.iter().map(|p| p.map(|x| x - smallest)).collect::<Vec<_>>());
        prop_assert!(sources.is_empty() || !axis.clone().shift_source(smallest + 1));
        prop_assert!(sources.windows(2).all(|pair| pair[0].abs_diff(pair[1]) <= 1), "the invariant");

        let low = low.min(axis.len());
        let high = high.clamp(low, axis.len());
        let mut position = low;
        for (at, run) in axis.runs_in(low..high) {
            prop_assert_eq!(at, position);
            position += run.len();
            if let Run::Source { start, .. } = run {
                prop_assert_eq!(list[at as usize], Ok(start));
            }
        }
        prop_assert_eq!(position, high);
    }
}
