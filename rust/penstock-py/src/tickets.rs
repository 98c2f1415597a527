//! Batches of images whose steps other processes drew.
#![expect(unsafe_code, reason = "the binding's pointer hand-over: a batch holds what its job points to")]

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::path::PathBuf;
use std::sync::Arc;

use penstock_core::batch::Mix;
use penstock_core::batch::mirrored::Share;
use penstock_core::codec::Header;
use penstock_core::engine::{Content, Drawn, DrawnBatch, Origin, Place, Reading, Slots};
use penstock_core::plan::{Plan, size_after};
use penstock_core::write::Layout;
use pyo3::buffer::PyBuffer;
use pyo3::exceptions::{PyBufferError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::error::to_py;
use crate::plan::PyPlan;
use crate::record::{self, Record};

/// A tensor to be made: plan, who opens the files that are not decoded, places of the files, their records, the slot of
/// each (the next one if `None`), the tensor's memory, the strides of one image in elements (channel after channel if
/// `None`), how the images are mixed, and a plan that converts them afterwards.
pub(crate) type Ticket<'py> = (
    PyRef<'py, PyPlan>,
    String,
    Vec<Bound<'py, PyAny>>,
    Bound<'py, PyBytes>,
    Option<Vec<usize>>,
    PyBuffer<u8>,
    Option<[usize; 3]>,
    Vec<Mixed>,
    Option<PyRef<'py, PyPlan>>,
);

/// A mixing: the two shares of `MixUp`, the rows and columns of `CutMix`, or for each image what it gets of its
/// mirrored one.
#[derive(FromPyObject)]
pub(crate) enum Mixed {
    Up(f64, f64),
    Cut(usize, usize, usize, usize),
    Mirrored(Vec<Option<Shared>>),
}

/// What an image gets of another one: the own share and the other one's, or rows and columns.
#[derive(FromPyObject)]
pub(crate) enum Shared {
    Blend(f32, f32),
    Cut(usize, usize, usize, usize),
}

impl From<Shared> for Share {
    fn from(shared: Shared) -> Self {
        match shared {
            Shared::Blend(own, other) => Share::Blend { own, other },
            Shared::Cut(top, bottom, left, right) => Share::Cut { rows: top..bottom, columns: left..right },
        }
    }
}

/// The same memory, of which the images are mixed.
pub(crate) fn mixed(slots: Slots, mixes: Vec<Mixed>) -> PyResult<Slots> {
    let mixes = mixes.into_iter().map(|mix| match mix {
        Mixed::Up(rolled, own) => Mix::Up { rolled, own },
        Mixed::Cut(top, bottom, left, right) => Mix::Cut { rows: top..bottom, columns: left..right },
        Mixed::Mirrored(shares) => {
            Mix::Mirrored(shares.into_iter().map(|share| share.map_or(Share::Whole, Share::from)).collect())
        }
    });
    let mixed = slots.mixed(mixes.collect());
    mixed.ok_or_else(|| PyValueError::new_err("images of this type or size cannot be mixed so"))
}

/// A batch that is drawn, and all that it consists of.
pub(crate) struct Gathered {
    pub(crate) drawn_batch: DrawnBatch,
    pub(crate) outputs: Vec<Slots>,
    pub(crate) reading: Arc<Reading>,
    /// Own the outputs' memory.
    pub(crate) memory: Vec<PyBuffer<u8>>,
    /// For each sample its views: ticket, and position in that.
    pub(crate) views: Vec<Vec<(usize, usize)>>,
}

/// What is the same image: a path, or a content's address; what was seen of it; and who opens it.
#[derive(PartialEq, Eq, Hash)]
struct Key {
    path: Option<PathBuf>,
    content: usize,
    header: (usize, usize, usize, &'static str),
    opener: String,
}

struct Sample {
    header: Header,
    views: Vec<(usize, usize)>,
}

/// Gathers the images of all tickets, each file's once.
///
/// # Safety
/// The memory must be held until the batch's job is done or cancelled.
pub(crate) unsafe fn gather(tickets: Vec<Ticket<'_>>) -> PyResult<Gathered> {
    let (mut origins, mut samples) = (Vec::new(), Vec::<Sample>::new());
    let mut known = HashMap::<Key, usize>::new();
    let (mut outputs, mut memory, mut parts) = (Vec::new(), Vec::new(), Vec::new());
    for (number, ticket) in tickets.into_iter().enumerate() {
        let (plan, opener, places, records, slots, buffer, strides, mixes, after) = ticket;
        let plan = Arc::clone(&plan.0);
        let records = record::read(records.as_bytes())?;
        if records.len() != places.len() || slots.as_ref().is_some_and(|slots| slots.len() != places.len()) {
            return Err(PyValueError::new_err("as many records and slots as files are needed"));
        }
        let layout = layout_of(&records, &plan, strides)?;
        if buffer.readonly() || !buffer.is_c_contiguous() {
            return Err(PyBufferError::new_err("pixels are written to writable, contiguous memory"));
        }
        // SAFETY: the buffer is given back with the slots, and held by the promise to this function.
        let memory_of = unsafe { Slots::new(buffer.buf_ptr().cast(), buffer.len_bytes(), layout) };
        let memory_of = match after {
            Some(after) => memory_of.converted(Arc::clone(&after.0)).ok_or_else(|| {
                PyValueError::new_err("images of this type or size cannot be converted so afterwards")
            })?,
            None => memory_of,
        };
        outputs.push(mixed(memory_of, mixes)?);
        memory.push(buffer);
        for (position, (place, record)) in places.iter().zip(&records).enumerate() {
            let content = place.cast::<PyBytes>().ok();
            let Header { height, width, channels, format } = record.header;
            let key = Key {
                path: if content.is_some() { None } else { Some(place.extract()?) },
                content: content.map_or(0, |content| content.as_ptr() as usize),
                header: (height, width, channels, format.name()),
                opener: opener.clone(),
            };
            let sample = match known.entry(key) {
                Entry::Occupied(entry) => *entry.get(),
                Entry::Vacant(entry) => {
                    origins.push(match (content, &entry.key().path) {
                        (None, Some(path)) => Origin::Path(path.clone()),
                        (Some(content), _) => Origin::Bytes(content.as_bytes().to_vec()),
                        (None, None) => Origin::Elsewhere,
                    });
                    samples.push(Sample { header: record.header, views: Vec::new() });
                    *entry.insert(samples.len() - 1)
                }
            };
            samples[sample].views.push((number, position));
        }
        parts.push((plan, records, slots));
    }
    // With the GIL: a fork from another Python thread must not find the locks taken.
    let reading = Reading::start(origins, u64::MAX).map_err(|error| to_py(&error))?;
    let mut drawn_batch = DrawnBatch::with_capacity(samples.len());
    let mut views = Vec::with_capacity(samples.len());
    for (index, sample) in samples.into_iter().enumerate() {
        let drawn = sample.views.iter().map(|&(output, position)| {
            let (plan, records, slots) = &parts[output];
            let slot = slots.as_ref().map_or(position, |slots| slots[position]);
            Drawn { plan, steps: &records[position].steps, place: Place { output, slot } }
        });
        let content = Content::Coming { reading: Arc::clone(&reading), index, header: sample.header };
        if !drawn_batch.push_drawn(content, &drawn.collect::<Vec<_>>()) {
            return Err(PyValueError::new_err("a record does not fit its image"));
        }
        views.push(sample.views);
    }
    Ok(Gathered { drawn_batch, outputs, reading, memory, views })
}

/// How each image of a ticket lies.
fn layout_of(records: &[Record], plan: &Plan, strides: Option<[usize; 3]>) -> PyResult<Layout> {
    let table = plan.table();
    let (channels, element) = (table.channels(), table.element_bytes());
    if !matches!(channels, 1 | 3) {
        return Err(PyValueError::new_err("files are decoded to one channel or three"));
    }
    let first = records.first().ok_or_else(|| PyValueError::new_err("a ticket of no images"))?;
    let size = size_after(first.header.size(), &first.steps);
    let (height, width) = size.ok_or_else(|| PyValueError::new_err("a record does not fit its image"))?;
    let shape = [channels, height as usize, width as usize];
    layout(shape, element, strides).ok_or_else(|| PyValueError::new_err("elements share memory"))
}

/// How an image lies whose strides are given in elements, channel after channel if they are not; `None` if elements
/// share memory.
pub(crate) fn layout(shape: [usize; 3], element: usize, strides: Option<[usize; 3]>) -> Option<Layout> {
    match strides.map(|strides| strides.map(|stride| stride.checked_mul(element))) {
        None => Layout::planar(shape, element),
        Some([Some(plane), Some(row), Some(column)]) => Layout::new(shape, [plane, row, column], element),
        Some(_) => None,
    }
}
