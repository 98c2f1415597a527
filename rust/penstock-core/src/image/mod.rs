//! The ground that everything stands on: pixels in memory, rectangles of them, and where a row's or a column's
//! pixels come from. Nothing here imports from another folder.

pub(crate) mod ahead;
pub mod axis;
pub(crate) mod lines;
pub mod planes;
pub mod region;
pub(crate) mod sheet;
pub mod view;

pub use planes::{Number, Planes};
pub use region::Region;
pub use view::ImageView;
