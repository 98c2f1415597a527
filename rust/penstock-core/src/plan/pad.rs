//! Padding: torchvision's margins, brought to steps.
//!
//! Pillow images are padded by `numpy.pad` (any width, periodic) or `ImageOps.expand`; tensors by
//! `torch.nn.functional.pad`, which raises where a mirror would need more pixels than there are.

use super::op::{Pad, PadMode, Step, World};

/// Appends the steps of `pad` for a picture of `size`; `None` where torchvision raises.
pub(super) fn apply(pad: &Pad, size: (u32, u32), steps: &mut Vec<Step>) -> Option<(u32, u32)> {
    let [left, top, right, bottom] = pad.margins;
    let size = trim(size, pad.margins, steps)?;
    let margins = [left, top, right, bottom].map(|margin| margin.max(0) as u32);
    let [left, top, right, bottom] = margins;
    if margins == [0; 4] {
        return Some(size);
    }
    let mode = pad.mode?;
    let widest = (top.max(bottom), left.max(right));
    if pad.world == World::Tensor {
        let fits = match mode {
            PadMode::Reflect => widest.0 < size.0 && widest.1 < size.1,
            PadMode::Symmetric => widest.0 <= size.0 && widest.1 <= size.1,
            PadMode::Constant(_) | PadMode::Edge => true,
        };
        if !fits {
            return None;
        }
    }
    let height = size.0.checked_add(top)?.checked_add(bottom)?;
    let width = size.1.checked_add(left)?.checked_add(right)?;
    steps.push(Step::Pad { margins, mode });
    Some((height, width))
}

/// A negative margin takes pixels away before the positive ones are added.
fn trim(size: (u32, u32), margins: [i32; 4], steps: &mut Vec<Step>) -> Option<(u32, u32)> {
    let [left, top, right, bottom] = margins.map(|margin| margin.min(0).unsigned_abs());
    if [left, top, right, bottom] == [0; 4] {
        return Some(size);
    }
    let height = size.0.checked_sub(top)?.checked_sub(bottom)?;
    let width = size.1.checked_sub(left)?.checked_sub(right)?;
    if height == 0 || width == 0 {
        return None;
    }
    steps.push(Step::Crop { top, left, height, width });
    Some((height, width))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(margins: [i32; 4], mode: PadMode, world: World) -> Option<((u32, u32), Vec<Step>)> {
        let mut steps = Vec::new();
        apply(&Pad { margins, mode: Some(mode), world }, (10, 20), &mut steps).map(|size| (size, steps))
    }

    #[test]
    fn margins_add_and_negative_ones_crop_first() {
        let (size, steps) = run([3, -2, -4, 5], PadMode::Edge, World::Pil).unwrap();
        assert_eq!(size, (13, 19));
        assert_eq!(
            steps,
            [
                Step::Crop { top: 2, left: 0, height: 8, width: 16 },
                Step::Pad { margins: [3, 0, 0, 5], mode: PadMode::Edge }
            ]
        );
    }

    #[test]
    fn tensors_refuse_a_mirror_wider_than_the_picture() {
        assert!(run([20, 0, 0, 0], PadMode::Reflect, World::Pil).is_some());
        assert!(run([20, 0, 0, 0], PadMode::Reflect, World::Tensor).is_none());
        assert!(run([20, 0, 0, 0], PadMode::Symmetric, World::Tensor).is_some());
        assert!(run([21, 0, 0, 0], PadMode::Symmetric, World::Tensor).is_none());
    }

    #[test]
    fn a_margin_that_torch_cannot_fill_is_refused_only_where_there_is_one() {
        for (margins, possible) in [([0; 4], true), ([0, 0, 1, 0], false)] {
            let pad = Pad { margins, mode: None, world: World::Pil };
            assert_eq!(apply(&pad, (10, 20), &mut Vec::new()).is_some(), possible);
        }
    }

    #[test]
    fn nothing_to_do_is_no_step() {
        assert_eq!(run([0; 4], PadMode::Reflect, World::Tensor), Some(((10, 20), vec![])));
    }
}
