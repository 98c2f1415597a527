//! Where on the circle of hues a pixel lies, in whole numbers.
//!
//! The circle has six sectors, by which channel is greatest and which is least. Within one the position is a ratio: how
//! far the middle value lies below the greatest one, of how far the least one does. Of the three ratios in the libraries'
//! formulas one is this, one is 1 and one is 0, which is why one division serves.

use crate::ops::kinds::{BLOCK_PIXELS, Block};

/// One byte of each pixel of a block.
pub(super) type Plane = [u8; BLOCK_PIXELS];

/// What the kernels need of each pixel. [`BEGINS`] has the order of the sectors.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sectors {
    pub(super) sector: Plane,
    pub(super) most: Plane,
    pub(super) middle: Plane,
    pub(super) least: Plane,
}

/// By sector, the hue in sixths of the circle at its beginning, and whether it grows or falls with the ratio: that of
/// red from above the circle's zero and from below it, of green and of blue. Two more make it a vector.
pub(super) const BEGINS: [f32; 8] = [1.0, -1.0, 1.0, 3.0, 3.0, 5.0, 0.0, 0.0];
/// What torchvision adds to the ratio, or takes the ratio off, and what it adds then: it rounds twice where one of the
/// three ratios is 1 and is subtracted last.
pub(super) const FIRST_ADDED: [f32; 8] = [1.0, -1.0, 2.0, 3.0, 4.0, 5.0, 0.0, 0.0];
/// See [`FIRST_ADDED`].
pub(super) const THEN_ADDED: [f32; 8] = [0.0, 0.0, -1.0, 0.0, -1.0, 0.0, 0.0, 0.0];
/// Whether the ratio is added or taken off.
pub(super) const SIGNS: [f32; 8] = [-1.0, 1.0, 1.0, -1.0, 1.0, -1.0, 0.0, 0.0];

/// The sectors of a block. A pixel on the border of two belongs to one of them, which makes no difference to its hue; a
/// gray one to any.
#[expect(clippy::inline_always, reason = "it is to be compiled with its callers' features")]
#[inline(always)]
pub(super) fn sectors([red, green, blue]: &Block) -> Sectors {
    let none = [0; BLOCK_PIXELS];
    let mut out = Sectors { sector: none, most: none, middle: none, least: none };
    let values = red.iter().zip(green).zip(blue);
    let places = out.sector.iter_mut().zip(&mut out.most).zip(&mut out.middle).zip(&mut out.least);
    for (((&r, &g), &b), (((sector, most), middle), least)) in values.zip(places) {
        *most = r.max(g).max(b);
        *least = r.min(g).min(b);
        *middle = r.min(g).max(r.max(g).min(b));
        let of_red = u8::from(g < b);
        let of_green = 2 + u8::from(r < b);
        let of_blue = 4 + u8::from(g < r);
        let of_others = if g == *most { of_green } else { of_blue };
        *sector = if r == *most { of_red } else { of_others };
    }
    out
}
