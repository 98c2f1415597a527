//! How an image of the output lies in memory.

/// Shape and strides of one image of the output. No two of its elements share a byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    /// Channels, rows, columns.
    shape: [usize; 3],
    /// Bytes from one channel, row and column to the next.
    strides: [usize; 3],
    element_bytes: usize,
}

/// What lies side by side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// Everything, channel after channel.
    Planar,
    /// The elements of a row of one channel.
    Rows,
    /// The channels of a pixel, and the pixels of a row.
    Pixels,
    /// Single elements.
    Elements,
}

impl Layout {
    /// A layout of `shape` (channels, rows, columns), whose strides are in bytes, for the same three axes; `None` if
    /// elements might share bytes, or have none, or the memory would be larger than any is.
    ///
    /// Of axes of length 1 the stride means nothing. The others must not lie within each other: from the shortest
    /// stride to the longest, each is at least what the axes before it take.
    #[must_use]
    pub fn new(shape: [usize; 3], strides: [usize; 3], element_bytes: usize) -> Option<Self> {
        if element_bytes == 0 {
            return None;
        }
        if shape.contains(&0) {
            return Some(Self { shape, strides, element_bytes });
        }
        let mut axes = [0, 1, 2].map(|axis| (strides[axis], shape[axis]));
        axes.sort_unstable();
        let mut extent = element_bytes;
        for (stride, length) in axes.into_iter().filter(|&(_, length)| length > 1) {
            if stride < extent {
                return None;
            }
            extent = stride.checked_mul(length - 1)?.checked_add(extent)?;
        }
        isize::try_from(extent).is_ok().then_some(Self { shape, strides, element_bytes })
    }

    /// Channel after channel without gaps; `None` as for [`Layout::new`].
    #[must_use]
    pub fn planar(shape: [usize; 3], element_bytes: usize) -> Option<Self> {
        let row = shape[2].checked_mul(element_bytes)?;
        Self::new(shape, [row.checked_mul(shape[1])?, row, element_bytes], element_bytes)
    }

    /// Channels, rows, columns.
    #[must_use]
    pub fn shape(&self) -> [usize; 3] {
        self.shape
    }

    /// Bytes of an element.
    #[must_use]
    pub fn element_bytes(&self) -> usize {
        self.element_bytes
    }

    /// Bytes from the first element's first to the last one's last.
    #[must_use]
    pub fn extent(&self) -> usize {
        if self.shape.contains(&0) {
            return 0;
        }
        let reach = |axis: usize| (self.shape[axis] - 1) * self.strides[axis];
        reach(0) + reach(1) + reach(2) + self.element_bytes
    }

    /// Bytes of all elements.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.shape.iter().product::<usize>() * self.element_bytes
    }

    /// Where an element begins.
    pub(crate) fn at(&self, channel: usize, row: usize, column: usize) -> usize {
        channel * self.strides[0] + row * self.strides[1] + column * self.strides[2]
    }

    /// Whether an axis's stride is this one, or means nothing.
    fn is(&self, axis: usize, stride: usize) -> bool {
        self.strides[axis] == stride || self.shape[axis] == 1
    }

    pub(crate) fn order(&self) -> Order {
        let [channels, height, width] = self.shape;
        let element = self.element_bytes;
        if self.is(2, element) || self.extent() == 0 {
            let planar =
                self.extent() == 0 || self.is(1, width * element) && self.is(0, height * width * element);
            return if planar { Order::Planar } else { Order::Rows };
        }
        let pixels = self.is(0, element) && self.is(2, channels * element);
        if pixels { Order::Pixels } else { Order::Elements }
    }
}

/// Where one image goes.
#[derive(Debug)]
pub struct Output<'o> {
    bytes: &'o mut [u8],
    layout: Option<Layout>,
}

impl<'o> From<&'o mut [u8]> for Output<'o> {
    /// Memory of exactly the image's size, channel after channel.
    fn from(bytes: &'o mut [u8]) -> Self {
        Output { bytes, layout: None }
    }
}

impl<'o> Output<'o> {
    /// Memory that a layout describes, from its first element on; `None` unless it is of the layout's extent.
    #[must_use]
    pub fn new(bytes: &'o mut [u8], layout: &Layout) -> Option<Self> {
        (bytes.len() == layout.extent()).then(|| {
            let layout = Some(*layout).filter(|layout| layout.order() != Order::Planar);
            Output { bytes, layout }
        })
    }

    /// The same, for a while.
    pub(crate) fn reborrow(&mut self) -> Output<'_> {
        Output { bytes: self.bytes, layout: self.layout }
    }

    /// The memory, and its layout if it is not channel after channel.
    pub(crate) fn into_parts(self) -> (&'o mut [u8], Option<Layout>) {
        (self.bytes, self.layout)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn orders_are_seen_through_axes_of_one() {
        let order = |shape, strides, element| Layout::new(shape, strides, element).unwrap().order();
        assert_eq!(order([3, 4, 5], [80, 20, 4], 4), Order::Planar);
        assert_eq!(order([1, 4, 5], [4, 20, 4], 4), Order::Planar);
        assert_eq!(order([3, 4, 5], [120, 30, 4], 4), Order::Rows);
        assert_eq!(order([3, 4, 5], [4, 60, 12], 4), Order::Pixels);
        assert_eq!(order([3, 4, 5], [4, 77, 12], 4), Order::Pixels);
        assert_eq!(order([3, 4, 1], [1, 3, 9], 1), Order::Rows);
        assert_eq!(order([3, 4, 5], [1, 20, 4], 1), Order::Elements);
    }

    proptest! {
        #[test]
        fn no_byte_is_an_elements_twice(
            shape in prop::array::uniform3(0usize..5),
            strides in prop::array::uniform3(0usize..40),
            element in 0usize..5,
        ) {
            let [channels, height, width] = shape;
            let Some(layout) = Layout::new(shape, strides, element) else { return Ok(()) };
            let mut seen = vec![false; layout.extent()];
            for c in 0..channels {
                for (y, x) in (0..height).flat_map(|y| (0..width).map(move |x| (y, x))) {
                    let at = layout.at(c, y, x);
                    for byte in &mut seen[at..at + element] {
                        prop_assert!(!std::mem::replace(byte, true));
                    }
                }
            }
            prop_assert_eq!(layout.bytes(), seen.iter().filter(|&&byte| byte).count());
            prop_assert!(seen.last() != Some(&false));
        }
    }

    #[test]
    fn what_is_not_a_layout_is_refused() {
        assert_eq!(Layout::new([3, 4, 5], [80, 20, 3], 4), None);
        assert_eq!(Layout::new([3, 4, 5], [80, 16, 4], 4), None);
        assert_eq!(Layout::new([3, 4, 5], [80, 20, 4], 0), None);
        assert_eq!(Layout::new([3, 4, 5], [usize::MAX / 2, 20, 4], 4), None);
        assert_eq!(Layout::planar([1 << 40, 1 << 40, 3], 4), None);
        let layout = Layout::planar([3, 4, 5], 4).unwrap();
        assert!(Output::new(&mut [0; 239], &layout).is_none());
        assert!(Output::new(&mut [0; 240], &layout).is_some());
    }
}
