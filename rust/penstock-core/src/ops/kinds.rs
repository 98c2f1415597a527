//! What an operation is, to those who draw, plan and render: its two sides as traits.
//!
//! A [`Draw`] turns an image's size and a generator's numbers into steps. A step is concrete: its numbers are drawn
//! and its size arithmetic is done. The kind of a step says what the renderer may do with it. Most pipelines stay one
//! read and one write because only [`Pixels`] and [`Area`] need a pass of their own.

use std::fmt::Debug;

use penstock_jpeg::simd::Level;

use super::ask::{Ask, Noise};
use super::choice::Choice;
use super::layout::{Layout, Lying};
use super::statistics::Statistics;
use super::tables::Tables;
use crate::image::axis::Axis;
use crate::image::{ImageView, Planes, Region};
use crate::random::Streams;
use crate::random::draw::Uniform;

pub use super::block::{BLOCK_PIXELS, Block};

/// Height and width in pixels.
pub type Size = (u32, u32);

/// Bounds between which a number is drawn.
pub type Bounds = (f32, f32);

/// An operation of the user's pipeline, numbers not yet drawn. `S` is whatever its steps are put into.
pub trait Draw<S> {
    /// Draws the numbers for an image of `size`, in torch's order, and appends the steps that they mean. The size after
    /// them; `None` where torch raises, which then has drawn nothing for this operation.
    fn draw(&self, size: Size, streams: &mut Streams, steps: &mut Vec<S>) -> Option<Size>;
}

/// A step that only says where rows and columns come from: it edits the image's two index maps.
pub trait Map {
    /// The size that an image of `size` has after it; `None` if it does not fit.
    fn size(&self, size: Size) -> Option<Size>;

    /// Does this step to the index maps.
    fn edit(&self, rows: &mut Axis, columns: &mut Axis);

    /// The constant that it fills a margin with, if it does.
    fn fill(&self) -> Option<u16> {
        None
    }

    /// How torch has the tensor lie that it makes, of `size`, of one that lies so: in the same order, if nothing else is said.
    fn laid(&self, given: Lying, size: Size) -> Lying {
        given.made(size, given.layout)
    }
}

/// A step that looks at one value of one channel: a table of 256 entries, which becomes part of the last conversion.
pub trait Lut {
    /// What a byte becomes.
    fn value(&self, channel: usize, byte: u8) -> u8;

    /// What all bytes become. This is of steps for which all channels are alike; any other one has its own.
    fn tables(&self) -> Tables {
        Tables::of_each(|byte| self.value(0, byte))
    }
}

/// A step that looks at all channels of one pixel. Neighbouring ones share a pass. An image of one channel is left as it
/// is.
pub trait Pixels {
    /// Changes some pixels. The last block of an image is filled up with pixels that count for nothing.
    fn change(&self, level: Level, block: &mut Block);

    /// How torch has the tensor lie that it makes, of `size`, of one that lies so: in the same order, if nothing else is said.
    fn laid(&self, given: Lying, size: Size) -> Lying {
        given.made(size, given.layout)
    }
}

/// A step that is a table of bytes as soon as all pixels of its image were looked at. That takes the image whole; what
/// comes behind may be narrow again.
pub trait Measured {
    /// Counts the first `pixels` of a block in. Of an image of one channel only the block's first means something.
    fn look(&self, level: Level, block: &Block, pixels: usize, seen: &mut Statistics);

    /// What bytes become in an image of which this was seen.
    fn tables(&self, seen: &Statistics) -> Tables;

    /// How torch has the tensor lie that it makes, of `size`, of one that lies so: in the same order, if nothing else is said.
    fn laid(&self, given: Lying, size: Size) -> Lying {
        given.made(size, given.layout)
    }
}

/// A step that makes pixels of more than one pixel.
pub trait Area {
    /// What a thread keeps from one image to the next.
    type Memory: Debug + Default;

    /// The size that an image of `size` has after it; `None` if it cannot be made. The same one, if nothing else is said.
    fn size(&self, size: Size) -> Option<Size> {
        Some(size)
    }

    /// The channels that it makes of an image of so many. The same number, if nothing else is said.
    fn channels(&self, given: usize) -> usize {
        given
    }

    /// How torch has the tensor lie that it makes, of `size`, of one that lies so: in the same order, if nothing else is said.
    fn laid(&self, given: Lying, size: Size) -> Lying {
        given.made(size, given.layout)
    }

    /// How the tensor lies that it is given, if its roundings depend on it, for whoever knows to say so.
    fn layout(&mut self) -> Option<&mut Layout> {
        None
    }

    /// The region of an image of `size` that a region of the output is made of.
    fn support(&self, size: Size, wanted: &Region) -> Region;

    /// Makes a region of the output from `source`, which is exactly its support of an image of `size`. `None` if it is
    /// not, or if memory is short.
    fn make<'m>(
        &self,
        level: Level,
        source: &ImageView<'m>,
        size: Size,
        wanted: &Region,
        memory: &'m mut Self::Memory,
    ) -> Option<ImageView<'m>>;
}

/// A step that changes pixels which are numbers in single precision, each by itself or by what was seen of all of them.
/// Behind the first step of numbers nothing but such steps may follow, [`Map`]s, and [`Elements`] at the end.
pub trait FloatPixels {
    /// Whether it looks at all pixels of an image before it changes one.
    fn looks(&self) -> bool {
        false
    }

    /// Changes all pixels of an image.
    fn change(&self, level: Level, planes: &mut Planes);
}

/// A step that makes pixels, which are numbers in single precision, of more than one such pixel.
pub trait FloatArea {
    /// What a thread keeps from one image to the next.
    type Memory: Debug + Default;

    /// The size that an image of `size` has after it; `None` if it cannot be made. The same one, if nothing else is said.
    fn size(&self, size: Size) -> Option<Size> {
        Some(size)
    }

    /// The region of an image of `size` that a region of the output is made of.
    fn support(&self, size: Size, wanted: &Region) -> Region;

    /// Makes a region of the output from `source`, which is its support of an image of `size`. `None` if it is not, or if
    /// memory is short.
    fn make(
        &self,
        level: Level,
        source: &Planes,
        size: Size,
        wanted: &Region,
        memory: &mut Self::Memory,
        out: &mut Planes,
    ) -> Option<()>;
}

/// A step that overwrites a rectangle of the output, whose values are converted already. Nothing but such steps may
/// follow.
pub trait Elements {
    /// The rectangle, of an output of `size`; `None` if it does not fit.
    fn place(&self, size: Size) -> Option<Region>;

    /// What it writes.
    fn ink(&self) -> Ink<'_>;
}

/// What a rectangle of the output is overwritten with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ink<'s> {
    /// A constant of the plan's table.
    Constant(u16),
    /// Elements of the output, as bytes: one for each channel, or one for each pixel of each channel.
    Elements(&'s [u8]),
    /// For each channel the bits of its elements that stay, and those that are set besides.
    Bits(&'s [u8], &'s [u8]),
}

/// A step that can be sent to another process: its operands, one after the other.
pub trait Wire: Sized {
    /// Writes the operands.
    fn put(&self, to: &mut impl Put);

    /// Reads what [`Wire::put`] has written; `None` if these are no operands of this step.
    fn take(from: &mut impl Take) -> Option<Self>;
}

/// An operation of the user's pipeline whose parameters are given one after the other, as those of a step are.
pub trait Parameters: Sized {
    /// Reads the parameters; `None` if these are none of this operation.
    fn take(from: &mut impl Take) -> Option<Self>;
}

/// Where operands are written to.
pub trait Put {
    /// A whole number.
    fn word(&mut self, word: u32);

    /// Whole numbers.
    fn words<const N: usize>(&mut self, words: [u32; N]) {
        for word in words {
            self.word(word);
        }
    }

    /// A number in double precision.
    fn double(&mut self, double: f64);

    /// Bytes: how many there are, and then these, four in a word, the first one lowest.
    fn bytes(&mut self, bytes: &[u8]) {
        self.word(bytes.len() as u32);
        for part in bytes.chunks(4) {
            let mut word = [0; 4];
            word.iter_mut().zip(part).for_each(|(to, from)| *to = *from);
            self.word(u32::from_le_bytes(word));
        }
    }

    /// Numbers in double precision.
    fn doubles<const N: usize>(&mut self, doubles: [f64; N]) {
        for double in doubles {
            self.double(double);
        }
    }

    /// One of a few.
    fn choice(&mut self, choice: impl Choice) {
        self.word(choice.number());
    }
}

/// Where operands are read from.
pub trait Take {
    /// A whole number; `None` behind the end.
    fn word(&mut self) -> Option<u32>;

    /// Whole numbers; `None` behind the end.
    fn words<const N: usize>(&mut self) -> Option<[u32; N]> {
        let mut words = [0; N];
        for word in &mut words {
            *word = self.word()?;
        }
        Some(words)
    }

    /// A whole number that may be negative; `None` behind the end.
    fn integer(&mut self) -> Option<i32> {
        self.word().map(u32::cast_signed)
    }

    /// Whether something is so; `None` behind the end.
    fn flag(&mut self) -> Option<bool> {
        match self.word()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }

    /// Whether an operand that may be missing is there, and follows; `None` behind the end.
    fn is_there(&mut self) -> Option<bool> {
        self.flag()
    }

    /// A number in double precision; `None` behind the end.
    fn double(&mut self) -> Option<f64>;

    /// Numbers in double precision; `None` behind the end.
    fn doubles<const N: usize>(&mut self) -> Option<[f64; N]> {
        let mut doubles = [0.0; N];
        for double in &mut doubles {
            *double = self.double()?;
        }
        Some(doubles)
    }

    /// Bytes, as [`Put::bytes`] puts them; `None` if the end comes before theirs.
    fn bytes(&mut self) -> Option<Vec<u8>> {
        let count = self.word()? as usize;
        let mut bytes = Vec::new();
        while bytes.len() < count {
            bytes.extend(self.word()?.to_le_bytes());
        }
        bytes.truncate(count);
        Some(bytes)
    }

    /// Two bounds, rounded to single precision as torch rounds them; `None` behind the end.
    fn bounds(&mut self) -> Option<Bounds> {
        let [low, high] = self.doubles()?;
        Some((low as f32, high as f32))
    }

    /// How torch's `uniform_` rounds: whether it is fused, and whether half open; `None` behind the end.
    fn uniform(&mut self) -> Option<Uniform> {
        Some(Uniform { fused: self.flag()?, half_open: self.flag()? })
    }

    /// A height and a width; `None` behind the end.
    fn size(&mut self) -> Option<Size> {
        self.words().map(|[height, width]| (height, width))
    }

    /// A function of a library's; `None` where there can be none.
    fn ask(&mut self) -> Option<Ask> {
        None
    }

    /// A function of a library's that draws; `None` where there can be none.
    fn noise(&mut self) -> Option<Noise> {
        None
    }

    /// A step or an operation that was made of operands of its own; `None` where there can be none.
    fn made<T: 'static>(&mut self) -> Option<T> {
        None
    }

    /// One of a few; `None` behind the end, or if there is none of that number.
    fn choice<C: Choice>(&mut self) -> Option<C> {
        C::numbered(self.word()?)
    }
}
