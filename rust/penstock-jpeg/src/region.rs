//! Which blocks a rectangle needs.
//!
//! [`Geometry`] is the image as the frame header lays it out; [`Window`] is what a rectangle needs of it.
//! Upsampling by triangles looks one sample beyond, so such components take one more on each side.

use crate::error::{Irregular, give_up};
use crate::markers::{Frame, MAX_COMPONENTS};

/// A rectangle of an image, in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Region {
    /// Columns to the left of it.
    pub left: usize,
    /// Rows above it.
    pub top: usize,
    /// Its columns.
    pub width: usize,
    /// Its rows.
    pub height: usize,
}

/// How a component is brought to the image's size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Upsampling {
    /// It has that size.
    Full,
    /// Triangle filter across, across and down, or down.
    H2V1,
    H2V2,
    H1V2,
    /// Each sample repeated so often across and down.
    Box(usize, usize),
}

/// A component's place in the image.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plane {
    /// Blocks in an interleaved MCU.
    pub(crate) h: usize,
    pub(crate) v: usize,
    pub(crate) quant_slot: usize,
    /// Samples that count.
    pub(crate) width: usize,
    pub(crate) height: usize,
    /// Blocks that hold them; what a scan of this component alone consists of.
    pub(crate) blocks_x: usize,
    pub(crate) blocks_y: usize,
    pub(crate) upsampling: Upsampling,
}

/// The image's layout.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Geometry {
    pub(crate) width: usize,
    pub(crate) height: usize,
    /// Rows of blocks in an MCU of the tallest component.
    pub(crate) max_v: usize,
    max_h: usize,
    pub(crate) mcus_x: usize,
    pub(crate) mcus_y: usize,
    planes: [Option<Plane>; MAX_COMPONENTS],
}

/// Columns of the image from one entry of an index to the next, where MCUs are at most that wide.
const INDEXED_COLUMNS: usize = 128;

impl Geometry {
    /// MCUs from one entry of an index to the next, counted in each row anew: a rectangle steps over fewer than
    /// these at the left of each of its rows.
    pub(crate) fn spacing(&self) -> usize {
        (INDEXED_COLUMNS / (8 * self.max_h)).max(1)
    }

    pub(crate) fn new(frame: &Frame) -> Result<Self, Irregular> {
        let components = frame.components();
        // The scans of a component alone are not interleaved, whatever its factors.
        let alone = components.len() == 1;
        let factors = |c: &crate::markers::Component| if alone { (1, 1) } else { (c.h, c.v) };
        let max_h = components.iter().map(|c| factors(c).0).max().unwrap_or(1);
        let max_v = components.iter().map(|c| factors(c).1).max().unwrap_or(1);
        let (width, height) = (frame.width, frame.height);
        let mut planes = [None; MAX_COMPONENTS];
        for (plane, component) in planes.iter_mut().zip(components) {
            let (h, v) = factors(component);
            let quant_slot = component.quant_slot;
            let samples_x = (width * h).div_ceil(max_h);
            let upsampling = match (max_h % h, max_h / h, max_v % v, max_v / v) {
                (0, 1, 0, 1) => Upsampling::Full,
                (0, 2, 0, 1) if samples_x > 2 => Upsampling::H2V1,
                (0, 2, 0, 2) if samples_x > 2 => Upsampling::H2V2,
                (0, 1, 0, 2) => Upsampling::H1V2,
                (0, across, 0, down) => Upsampling::Box(across, down),
                _ => give_up!(Sampling),
            };
            *plane = Some(Plane {
                h,
                v,
                quant_slot,
                width: samples_x,
                height: (height * v).div_ceil(max_v),
                blocks_x: (width * h).div_ceil(8 * max_h),
                blocks_y: (height * v).div_ceil(8 * max_v),
                upsampling,
            });
        }
        let (mcus_x, mcus_y) = (width.div_ceil(8 * max_h), height.div_ceil(8 * max_v));
        Ok(Geometry { width, height, max_v, max_h, mcus_x, mcus_y, planes })
    }

    pub(crate) fn planes(&self) -> impl Iterator<Item = &Plane> {
        self.planes.iter().flatten()
    }

    pub(crate) fn plane(&self, index: usize) -> Option<&Plane> {
        self.planes.get(index)?.as_ref()
    }

    /// The whole image.
    pub(crate) fn whole(&self) -> Region {
        Region { left: 0, top: 0, width: self.width, height: self.height }
    }

    /// What `region` needs.
    pub(crate) fn window(&self, region: Region) -> Result<Window, Irregular> {
        let Region { left, top, width, height } = region;
        let (Some(right), Some(bottom)) = (left.checked_add(width), top.checked_add(height)) else {
            give_up!(Request)
        };
        if width == 0 || height == 0 || right > self.width || bottom > self.height {
            give_up!(Request);
        }
        let mut mcus_x = Span { from: usize::MAX, to: 0 };
        let mut mcus_y = mcus_x;
        let mut rows = [Span { from: 0, to: 0 }; MAX_COMPONENTS];
        for (plane, rows) in self.planes().zip(&mut rows) {
            let across = Span::samples(left, right, self.max_h / plane.h, plane.triangle_x(), plane.width);
            let down = Span::samples(top, bottom, self.max_v / plane.v, plane.triangle_y(), plane.height);
            mcus_x = mcus_x.union(across.divide(8 * plane.h));
            mcus_y = mcus_y.union(down.divide(8 * plane.v));
            *rows = down.divide(8);
        }
        Ok(Window { region, mcus_x, mcus_y, rows })
    }
}

impl Plane {
    /// Whether upsampling looks at the neighbours across.
    pub(crate) fn triangle_x(&self) -> bool {
        matches!(self.upsampling, Upsampling::H2V1 | Upsampling::H2V2)
    }

    /// Whether upsampling looks at the neighbours above and below.
    pub(crate) fn triangle_y(&self) -> bool {
        matches!(self.upsampling, Upsampling::H1V2 | Upsampling::H2V2)
    }
}

/// From one position up to, not including, another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) from: usize,
    pub(crate) to: usize,
}

impl Span {
    /// The samples under pixels `from..to`.
    fn samples(from: usize, to: usize, ratio: usize, triangle: bool, limit: usize) -> Self {
        let margin = usize::from(triangle);
        let (from, to) = (from / ratio, (to - 1) / ratio + 1);
        Span { from: from.saturating_sub(margin), to: (to + margin).min(limit) }
    }

    /// The parts of `size` that these positions lie in.
    fn divide(self, size: usize) -> Self {
        Span { from: self.from / size, to: self.to.div_ceil(size) }
    }

    fn union(self, other: Self) -> Self {
        Span { from: self.from.min(other.from), to: self.to.max(other.to) }
    }

    pub(crate) fn len(self) -> usize {
        self.to.saturating_sub(self.from)
    }

    pub(crate) fn contains(self, at: usize) -> bool {
        self.from <= at && at < self.to
    }
}

impl Window {
    /// The same, for those who look at the first component only.
    pub(crate) fn of_first_component(mut self) -> Self {
        for rows in self.rows.iter_mut().skip(1) {
            *rows = Span { from: 0, to: 0 };
        }
        self
    }
}

/// The MCUs and block rows that a rectangle needs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    pub(crate) region: Region,
    pub(crate) mcus_x: Span,
    pub(crate) mcus_y: Span,
    /// For each component, the block rows.
    pub(crate) rows: [Span; MAX_COMPONENTS],
}
