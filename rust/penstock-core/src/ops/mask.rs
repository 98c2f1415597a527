//! Masks of zeros and ones that somebody multiplies an image by.

use crate::image::Region;

/// The rectangles in which a mask is zero, none of them twice; `None` if it holds anything but zeros and ones, or if there
/// are more than `most`.
///
/// Args: `content` are its elements, row by row, of `width` each; `one` is an element that is one, of a size that numbers
/// have.
#[must_use]
pub fn holes(content: &[u8], width: usize, one: &[u8], most: usize) -> Option<Vec<Region>> {
    match one.len() {
        1 => sized::<1>(content, width, one, most),
        2 => sized::<2>(content, width, one, most),
        4 => sized::<4>(content, width, one, most),
        8 => sized::<8>(content, width, one, most),
        _ => None,
    }
}

fn sized<const N: usize>(content: &[u8], width: usize, one: &[u8], most: usize) -> Option<Vec<Region>> {
    let one: [u8; N] = one.try_into().ok()?;
    let row_bytes = N.checked_mul(width).filter(|&bytes| bytes > 0)?;
    let mut found: Vec<Region> = Vec::new();
    let mut before: &[u8] = &[];
    // Those that reach down to the row before begin here.
    let mut open = 0;
    for (y, row) in (0u32..).zip(content.chunks_exact(row_bytes)) {
        if row == before {
            found.get_mut(open..)?.iter_mut().for_each(|region| region.rows.end += 1);
            continue;
        }
        (before, open) = (row, found.len());
        let mut start = None;
        for (x, element) in (0u32..).zip(row.as_chunks::<N>().0) {
            let is_zero = *element == [0; N];
            if !is_zero && *element != one {
                return None;
            }
            if is_zero {
                start = start.or(Some(x));
            } else if let Some(start) = start.take() {
                found.push(Region { rows: y..y + 1, columns: start..x });
            }
        }
        if let Some(start) = start {
            found.push(Region { rows: y..y + 1, columns: start..u32::try_from(width).ok()? });
        }
        if found.len() > most {
            return None;
        }
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn holes_cover_all_zeros_once(
            width in 1usize..9,
            rows in prop::collection::vec((any::<u8>(), 1usize..4), 0..6),
        ) {
            let mask: Vec<Vec<bool>> = rows
                .iter()
                .flat_map(|&(bits, count)| std::iter::repeat_n((0..width).map(|x| bits >> x & 1 == 0).collect(), count))
                .collect();
            let content: Vec<u8> =
                mask.iter().flatten().flat_map(|&zero| if zero { 0f32 } else { 1.0 }.to_ne_bytes()).collect();
            let found = holes(&content, width, &1f32.to_ne_bytes(), usize::MAX).unwrap();
            let times = |y: usize, x: usize| {
                found.iter().filter(|hole| {
                    hole.rows.contains(&(y as u32)) && hole.columns.contains(&(x as u32))
                }).count()
            };
            for (y, row) in mask.iter().enumerate() {
                for (x, &zero) in row.iter().enumerate() {
                    prop_assert_eq!(times(y, x), usize::from(zero), "{} {}", y, x);
                }
            }
            if !found.is_empty() {
                prop_assert_eq!(holes(&content, width, &1f32.to_ne_bytes(), found.len() - 1), None);
            }
        }
    }

    #[test]
    fn nothing_else_is_a_mask() {
        assert_eq!(holes(&[0, 1, 2, 1], 2, &[1], 9), None, "neither zero nor one");
        assert_eq!(holes(&(-0.0f32).to_ne_bytes(), 1, &1f32.to_ne_bytes(), 9), None, "zeros have signs");
        assert_eq!(holes(&[0; 3], 1, &[0, 0, 1], 9), None, "no number has this size");
        assert_eq!(holes(&[], 0, &[1], 9), None, "no width");
    }
}
