//! Views, lines and what lies outside of them.

use super::*;

#[test]
fn views_outside_their_bytes_are_refused() {
    let bytes = [0u8; 12];
    assert!(ImageView::from_slice(&bytes, 2, 2, 3).is_some());
    assert!(ImageView::from_slice(&bytes, 2, 2, 1).is_none());
    assert!(ImageView::from_strided(&bytes, 0, [2, 2, 3], [-6, 3, 1]).is_none());
    assert!(ImageView::from_strided(&bytes, 6, [2, 2, 3], [-6, 3, 1]).is_some());
    assert!(ImageView::from_strided(&bytes, 7, [2, 2, 3], [-6, 3, 1]).is_none());
    assert!(ImageView::from_strided(&bytes, 0, [0, 9, 9], [1, 1, 1]).is_some());
}

#[test]
fn lines_hold_the_pixels_that_get_gives() {
    let bytes: Vec<u8> = (0..=255).collect();
    // Planar, interleaved, transposed, mirrored, blue first; the last one has no lines.
    let views = [
        (0, [4, 5, 3], [5, 1, 20]),
        (0, [4, 5, 3], [15, 3, 1]),
        (0, [4, 5, 3], [1, 4, 20]),
        (0, [4, 5, 3], [3, 12, 1]),
        (59, [4, 5, 3], [-15, -3, -1]),
        (14, [4, 5, 3], [15, -3, 1]),
        (60, [4, 5, 1], [-7, -1, 1]),
        (0, [4, 5, 3], [20, 4, 1]),
    ];
    for (offset, shape, strides) in views {
        let view = ImageView::from_strided(&bytes, offset, shape, strides).unwrap();
        view.ahead().fetch();
        let Some(lines) = view.lines() else {
            assert_eq!(strides, [20, 4, 1]);
            continue;
        };
        for y in 0..4 {
            for x in 0..5 {
                for c in 0..shape[2] {
                    let (index, along) = if lines.transposed { (x, y) } else { (y, x) };
                    let along = if lines.backwards { lines.pixels - 1 - along } else { along };
                    let plane = if lines.step == 3 { 0 } else { c };
                    let order = if lines.blue_first { 2 - c } else { c };
                    let at = along * lines.step + if lines.step == 3 { order } else { 0 };
                    let part = lines.parts(plane, [index, 1], 1, [at, 1]).next().unwrap();
                    let address = part.address(0, 1).unwrap();
                    assert_eq!(bytes[address.addr() - bytes.as_ptr().addr()], view.get(y, x, c));
                }
            }
        }
    }
}

#[test]
fn a_selection_has_the_pixels_of_its_runs() {
    let bytes: Vec<u8> = (0..60).collect();
    let view = ImageView::from_slice(&bytes, 4, 5, 3).unwrap();
    let run = |start, len, step| Run::Source { start, len, step };
    let part = view.select(run(3, 2, -1), run(1, 3, 1)).unwrap();
    assert_eq!((part.height(), part.width(), part.channels()), (2, 3, 3));
    for (y, x, c) in [(0, 0, 0), (1, 2, 2), (1, 0, 1)] {
        assert_eq!(part.get(y, x, c), view.get(3 - y, 1 + x, c));
    }
    assert_eq!(view.select(run(0, 4, 1), run(4, 3, 0)).unwrap().get(2, 2, 1), view.get(2, 4, 1));
    for bad in [run(4, 1, 1), run(2, 3, 1), run(1, 3, -1), Run::Fill { len: 1, fill: 0 }] {
        assert!(view.select(bad, run(0, 1, 1)).is_none(), "{bad:?}");
    }
    let rectangle = view.part(&(1..4), &(2..5)).unwrap();
    assert_eq!((rectangle.get(0, 0, 0), rectangle.get(2, 2, 2)), (view.get(1, 2, 0), view.get(3, 4, 2)));
    assert!(view.part(&(1..4), &(2..6)).is_none());
    assert_eq!(view.part(&(1..3), &(5..5)).map(|part| (part.height(), part.width())), Some((2, 0)));
    assert!(view.gray().is_none());
    let gray = ImageView::from_strided(&bytes, 0, [4, 5, 3], [5, 1, 0]).unwrap().gray().unwrap();
    assert_eq!((gray.channels(), gray.with_channels(3).get(2, 3, 2)), (1, 13));
}

#[test]
fn reads_outside_leave_the_output_alone() {
    let bytes = [1u8; 12];
    let view = ImageView::from_slice(&bytes, 2, 2, 3).unwrap();
    let mut out = [9; 3];
    view.read(0, 0, 1, 0, &mut out);
    view.read(0, 1, -1, 0, &mut out);
    view.read(2, 0, 0, 0, &mut out);
    view.read(0, 0, 0, 3, &mut out);
    assert_eq!(out, [9; 3]);

    let lines = view.lines().unwrap();
    let count = |plane, lines_of, step, part| lines.parts(plane, lines_of, step, part).count();
    assert_eq!(count(0, [0, 2], 1, [0, 6]), 2);
    assert_eq!(count(0, [1, 2], -1, [3, 3]), 2);
    assert_eq!(count(0, [0, 1], 1, [0, 12]), 1, "the lines touch");
    assert_eq!(count(0, [1, 1], 1, [0, 7]), 0);
    assert_eq!(count(0, [0, 3], 1, [0, 1]), 0);
    assert_eq!(count(0, [0, 2], -1, [0, 1]), 0);
    assert_eq!(count(1, [0, 1], 1, [0, 1]), 0);
    let plane = |plane| lines.plane(plane).map(|part| part.len());
    assert_eq!((plane(0), plane(1)), (Some(12), None));
    let gaps = ImageView::from_strided(&bytes, 0, [2, 2, 1], [5, 1, 1]).unwrap().lines().unwrap();
    assert_eq!(gaps.parts(0, [0, 1], 1, [0, 3]).count(), 0);
    assert!(gaps.plane(0).is_none());
}
