//! Operations: what each draws, and what it does to sizes, regions and pixels. One operation is one file, or one folder,
//! and one line in `list`.
//!
//! What the renderer has to know of an operation is its kind: [`kinds`].

mod ask;
mod block;
mod chance;
mod choice;
pub mod choose;
pub mod color;
mod crop;
mod crop_or_pad;
mod crop_step;
mod declare;
mod erase;
pub mod filter;
mod flip;
mod generation;
pub mod geometry;
pub mod kinds;
mod layout;
mod library;
mod list;
mod mask;
mod pad;
mod recordable;
mod rectangle;
mod refuse;
pub mod resize;
mod sides;
mod statistics;
mod tables;
mod truncated;
mod zoom_out;

pub use ask::{Ask, Noise};
pub use chance::Chance;
pub use choice::Choice;
pub use crop::{CenterCrop, RandomCrop};
pub use crop_or_pad::RandomCropOrPad;
pub use crop_step::Crop;
pub use erase::{Erase, Overprint, Paste, RandomErasing};
pub use flip::{FlipHorizontal, FlipVertical, RandomFlip};
pub use generation::Generation;
pub use layout::{Layout, Lying};
pub use library::Library;
pub use list::{
    AreaMemory, AreaStep, ElementsStep, FloatAreaStep, FloatMemory, FloatPixelsStep, LutStep, MapStep,
    MeasuredStep, Op, PixelsStep, Step, size_after,
};
pub use mask::holes;
pub use pad::{ImageKind, Margins, Pad, PadMode, Shown};
pub use recordable::{Named, recordable};
pub use rectangle::Rectangle;
pub use refuse::Refuse;
pub use statistics::Statistics;
pub use tables::Tables;
pub use zoom_out::RandomZoomOut;
