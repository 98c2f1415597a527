//! The lowered pipeline: what to draw for a picture, and what that comes to.
//!
//! A [`Plan`] holds the pipeline's operations with their parameters as they stand in the user's transforms.
//! [`Plan::draw`] takes a picture's size and a generator and appends concrete [`Step`]s, numbers drawn
//! already; [`Plan::render`] needs only those steps. Drawing is sequential and cheap, rendering is neither:
//! keeping the two apart is what lets any thread make any picture.

mod crop;
mod op;
mod pad;

pub use crop::RandomCrop;
pub use op::{Op, Pad, PadMode, Step, World};

use crate::ops::axis::Axis;
use crate::random::Mt19937;
use crate::source::array::Picture;
use crate::write::{self, RenderError, Scratch, Stores, Table};

/// A pipeline that was read from the user's transforms.
#[derive(Debug)]
pub struct Plan {
    ops: Vec<Op>,
    table: Table,
}

/// Why a picture cannot pass through a plan: the operation at which torch raises, and the size it meets.
///
/// torch has drawn nothing for this operation when it raises, so the generator already stands where torch's
/// would.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    /// Index of the operation in the plan.
    pub op: usize,
    /// Height of the picture that the operation was given.
    pub height: u32,
    /// Width of the picture that the operation was given.
    pub width: u32,
}

/// Buffers that one thread reuses from picture to picture.
#[derive(Debug, Default)]
pub struct Workspace {
    rows: Axis,
    columns: Axis,
    scratch: Scratch,
}

impl Workspace {
    /// Chooses how output is stored from now on.
    pub fn set_stores(&mut self, stores: Stores) {
        self.scratch.set_stores(stores);
    }
}

impl Plan {
    /// A plan of `ops` in order, whose values are converted by `table`.
    #[must_use]
    pub fn new(ops: Vec<Op>, table: Table) -> Self {
        Self { ops, table }
    }

    /// The conversion from source bytes to output elements.
    #[must_use]
    pub fn table(&self) -> &Table {
        &self.table
    }

    /// Draws one picture's parameters and appends the steps that they mean.
    ///
    /// `size` is the source's (height, width); the result is the output's.
    ///
    /// # Errors
    /// [`Refusal`] if torch would raise for this size; what torch had drawn until then is drawn.
    pub fn draw(
        &self,
        size: (u32, u32),
        generator: &mut Mt19937,
        steps: &mut Vec<Step>,
    ) -> Result<(u32, u32), Refusal> {
        let mut size = size;
        for (index, op) in self.ops.iter().enumerate() {
            size = op.draw(size, generator, steps).ok_or(Refusal {
                op: index,
                height: size.0,
                width: size.1,
            })?;
        }
        Ok(size)
    }

    /// Makes one picture: `steps` as [`Plan::draw`] gave them, `out` of exactly the output's size in bytes.
    ///
    /// # Errors
    /// [`RenderError`] if the steps were not drawn for this picture or `out` has another size.
    pub fn render(
        &self,
        picture: &Picture<'_>,
        steps: &[Step],
        workspace: &mut Workspace,
        out: &mut [u8],
    ) -> Result<(), RenderError> {
        let Workspace { rows, columns, scratch } = workspace;
        rows.reset(picture.height() as u32);
        columns.reset(picture.width() as u32);
        for step in steps {
            step.apply(rows, columns);
        }
        write::render(picture, rows, columns, &self.table, scratch, out)
    }
}
