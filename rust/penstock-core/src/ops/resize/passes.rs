//! How an image is resized: by which filter, in whose arithmetic, and in which passes.

use super::filter::{Filter, Precision, Scaling};
use crate::image::Region;
use crate::ops::choice::Choice;
use crate::ops::kinds::{Put, Take};

/// Which pass comes first. The result depends on it, since what lies between the passes is rounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// The horizontal one: Pillow up to version 12.0.
    Across,
    /// The vertical one if the height shrinks and was more than a hundred times the width; else the horizontal one:
    /// Pillow 12.3.
    Tall,
    /// The vertical one if the height shrinks, and by more than twice as many pixels as the width; else the
    /// horizontal one: Pillow from version 13 on.
    Shrinkage,
}

/// Whose resize it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arithmetic {
    /// Pillow's.
    Pillow(Order),
    /// torch's, of uint8 tensors.
    Torch,
}

impl Choice for Arithmetic {
    const ALL: &[(Self, &str)] = &[
        (Arithmetic::Pillow(Order::Across), "across"),
        (Arithmetic::Pillow(Order::Shrinkage), "shrinkage"),
        (Arithmetic::Pillow(Order::Tall), "tall"),
        (Arithmetic::Torch, "torch"),
    ];
}

/// How an image is resized.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Method {
    /// How pixels are weighted.
    pub filter: Filter,
    /// How the weights are rounded, and which pass comes first.
    pub arithmetic: Arithmetic,
}

impl Method {
    /// Writes the operands.
    pub(super) fn put(self, to: &mut impl Put) {
        to.choice(self.filter);
        to.choice(self.arithmetic);
    }

    /// Reads what [`Method::put`] has written.
    pub(super) fn take(from: &mut impl Take) -> Option<Self> {
        Some(Method { filter: from.choice()?, arithmetic: from.choice()? })
    }
}

/// The two passes of a resize of an image from one size to another. No size is zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Passes {
    /// What happens to its height.
    pub rows: Scaling,
    /// What happens to its width.
    pub columns: Scaling,
    /// Whether the vertical pass comes first.
    pub down_first: bool,
}

impl Passes {
    /// The passes from one (height, width) to another.
    #[must_use]
    pub fn new(from: (u32, u32), to: (u32, u32), method: Method) -> Self {
        let Method { filter, arithmetic } = method;
        let shrinks = |from: u32, to: u32| i64::from(from) - i64::from(to);
        let (rows, columns) = (shrinks(from.0, to.0), shrinks(from.1, to.1));
        let (precision, down_first) = match arithmetic {
            Arithmetic::Pillow(Order::Across) => (Precision::Fixed, false),
            Arithmetic::Pillow(Order::Tall) => {
                (Precision::Fixed, u64::from(from.0) > 100 * u64::from(from.1))
            }
            Arithmetic::Pillow(Order::Shrinkage) => (Precision::Fixed, rows > 2 * columns),
            Arithmetic::Torch => (Precision::Fitted, false),
        };
        Passes {
            rows: Scaling { from: from.0, to: to.0, filter, precision },
            columns: Scaling { from: from.1, to: to.1, filter, precision },
            down_first: down_first && rows > 0,
        }
    }

    /// The region of the source that a region of the output is made of.
    #[must_use]
    pub fn support(&self, output: &Region) -> Region {
        if output.is_empty() {
            return Region::default();
        }
        Region { rows: self.rows.support(&output.rows), columns: self.columns.support(&output.columns) }
    }
}
