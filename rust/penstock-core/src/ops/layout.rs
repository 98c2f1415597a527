//! How torch has a tensor lie in memory: some of its roundings depend on which values are the last ones there.

/// The order of an image's values in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    /// Whether the channels of a pixel lie together; each channel lies by itself otherwise.
    pub interleaved: bool,
    /// Whether the pixels of a column lie together; those of a row otherwise.
    pub transposed: bool,
}

impl Layout {
    /// As torch makes most tensors.
    pub const PLANAR: Layout = Layout { interleaved: false, transposed: false };

    /// As a tensor that was made of an image lies.
    pub const INTERLEAVED: Layout = Layout { interleaved: true, transposed: false };
}

/// A tensor of an image in the course of a pipeline. What looks at single values keeps the order of what it is given; torch's
/// functions that stack, pad, sample or convolve make planes. A crop is a view, with gaps between its rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lying {
    /// Height and width.
    pub size: (u32, u32),
    /// The order of its values.
    pub layout: Layout,
    /// Pixels from row to row in memory.
    pub row: u32,
}

impl Lying {
    /// As a tensor that was made of an image lies.
    #[must_use]
    pub fn of_image(size: (u32, u32)) -> Lying {
        Lying { size, layout: Layout::INTERLEAVED, row: size.1 }
    }

    /// A tensor without gaps that was made of this one.
    #[must_use]
    pub fn made(self, size: (u32, u32), layout: Layout) -> Lying {
        Lying { size, layout, row: size.1 }
    }
}
