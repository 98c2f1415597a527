//! Which of an image's views are made of one decode.
//!
//! Of a file that is seen for the first time all is stepped through however little is wanted, as of a PNG down to the
//! last row that is wanted: so everything that is wanted of it is decoded at once. Of a JPEG that is known, decoding
//! begins in the midst of it: a decode costs the pixels of its rectangle, to both sides as far as the next place where
//! it may begin, and something for itself. Two rectangles are decoded as one where that is not more than both.

use crate::image::Region;

/// Columns between two places where decoding a row may begin.
const GRAIN: u32 = 128;
/// What a decode costs whatever its size, in pixels: hashing the file, its headers and tables.
const ALONE: u64 = 16 << 10;

/// Views of one decode.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Cluster {
    /// What is decoded: nothing if only margins are seen of the image.
    pub(super) region: Region,
    /// Positions of the views.
    pub(super) members: Vec<usize>,
}

/// The decodes for views that look at these regions. A file that is not `known` has one.
pub(super) fn clusters(regions: &[Region], known: bool) -> Vec<Cluster> {
    let mut found: Vec<Cluster> = Vec::new();
    for (member, region) in regions.iter().enumerate() {
        let mut merged = Cluster { region: region.clone(), members: vec![member] };
        // What has grown may be worth more others.
        while let Some(place) =
            found.iter().position(|other| !known || worth_it(&merged.region, &other.region))
        {
            let other = found.swap_remove(place);
            merged.region = union(&merged.region, &other.region);
            merged.members.extend(other.members);
        }
        found.push(merged);
    }
    found
}

fn worth_it(one: &Region, other: &Region) -> bool {
    cost(&union(one, other)) <= cost(one) + cost(other)
}

/// What a decode costs, in pixels.
fn cost(region: &Region) -> u64 {
    if region.is_empty() {
        return 0;
    }
    let (left, right) = (region.columns.start / GRAIN, region.columns.end.div_ceil(GRAIN));
    ALONE + region.rows.len() as u64 * u64::from((right - left) * GRAIN)
}

/// The smallest rectangle that holds both.
fn union(one: &Region, other: &Region) -> Region {
    if one.is_empty() || other.is_empty() {
        return if one.is_empty() { other.clone() } else { one.clone() };
    }
    let join = |a: &std::ops::Range<u32>, b: &std::ops::Range<u32>| a.start.min(b.start)..a.end.max(b.end);
    Region { rows: join(&one.rows, &other.rows), columns: join(&one.columns, &other.columns) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn region(top: u32, left: u32, height: u32, width: u32) -> Region {
        Region { rows: top..top + height, columns: left..left + width }
    }

    #[test]
    fn near_ones_are_decoded_at_once() {
        let near = [region(10, 10, 224, 224), region(40, 100, 224, 224), region(0, 0, 300, 350)];
        assert_eq!(clusters(&near, true).len(), 1);
        let far = [region(0, 0, 64, 64), region(3000, 4000, 64, 64), region(3010, 4010, 64, 64)];
        let mut found: Vec<_> = clusters(&far, true).into_iter().map(|c| c.members.len()).collect();
        found.sort_unstable();
        assert_eq!(found, [1, 2]);
        assert_eq!(clusters(&far, false).len(), 1);
        assert_eq!(clusters(&[region(5, 5, 0, 9), region(1, 1, 2, 2)], true)[0].region, region(1, 1, 2, 2));
    }

    proptest! {
        #[test]
        fn every_view_is_in_one_decode_that_costs_no_more(
            places in prop::collection::vec((0u32..2000, 0u32..2000, 1u32..400, 1u32..400), 1..20),
            known in any::<bool>(),
        ) {
            let regions: Vec<_> = places.iter().map(|&(y, x, h, w)| region(y, x, h, w)).collect();
            let found = clusters(&regions, known);
            let mut members: Vec<_> = found.iter().flat_map(|cluster| cluster.members.clone()).collect();
            members.sort_unstable();
            prop_assert!(members.into_iter().eq(0..regions.len()));
            for Cluster { region, members } in &found {
                for &member in members {
                    prop_assert_eq!(&union(region, &regions[member]), region);
                }
            }
            let sum = |regions: &mut dyn Iterator<Item = &Region>| regions.map(cost).sum::<u64>();
            if known {
                prop_assert!(sum(&mut found.iter().map(|c| &c.region)) <= sum(&mut regions.iter()));
            } else {
                prop_assert_eq!(found.len(), 1);
            }
        }
    }
}
