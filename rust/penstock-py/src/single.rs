//! One image, made by the thread that asks for it.
#![expect(
    unsafe_code,
    reason = "the binding's pointer hand-over: what is read and written is held meanwhile"
)]

use std::ops::Range;

use penstock_core::engine::{Original, render_alone};
use penstock_core::image::ImageView;
use penstock_core::plan::size_after;
use penstock_core::source::files::Fallback;
use penstock_core::write::{Layout, Output, Table};
use pyo3::buffer::{PyBuffer, PyUntypedBuffer};
use pyo3::exceptions::{PyBufferError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::error::to_py;
use crate::gil;
use crate::plan::PyPlan;
use crate::record;

/// A file's content, or pixels.
#[derive(FromPyObject)]
pub(crate) enum Source<'py> {
    File(Bound<'py, PyBytes>),
    Pixels(PyBuffer<u8>),
}

/// Makes one image in `out`; why its file is left to Pillow if it is.
#[pyfunction]
pub(crate) fn render_image(
    py: Python<'_>,
    source: Source<'_>,
    record: &[u8],
    plan: &PyPlan,
    out: &Bound<'_, PyAny>,
) -> PyResult<Option<&'static str>> {
    let out = PyUntypedBuffer::get(out)?;
    let records = record::read(record)?;
    let [record] = records.as_slice() else {
        return Err(PyValueError::new_err(format!("one record is needed, not {}", records.len())));
    };
    let plan = plan.0.as_ref();
    let Some((height, width)) = size_after(record.header.size(), &record.steps) else {
        return Err(PyValueError::new_err("the record's steps do not fit its image"));
    };
    let channels = plan.table().channels();
    let layout = layout_of(&out, [channels, height as usize, width as usize], plan.table())?;
    let original = match &source {
        Source::File(content) => Original::File(content.as_bytes()),
        Source::Pixels(pixels) => {
            // SAFETY: the buffer is held until this function returns.
            let image = unsafe { image_of(pixels, plan.channels_before(&record.steps))? };
            if (image.height() as u32, image.width() as u32) != record.header.size() {
                return Err(PyValueError::new_err("the pixels are of another size than the record's image"));
            }
            Original::Pixels(image)
        }
    };
    if matches!(original, Original::File(_)) && !matches!(channels, 1 | 3) {
        return Err(PyValueError::new_err("files are decoded to one channel or three"));
    }
    if let Source::Pixels(pixels) = &source
        && overlap(&reach_of(pixels), &reach_of(&out))
    {
        return Err(PyValueError::new_err("the image would be written to memory that it is read from"));
    }
    // SAFETY: `layout_of` has found that a writable buffer, held until this function returns, has an element at each
    // place of the layout, so the memory from the first to the last is one piece; the caller promises that nobody else
    // uses it meanwhile.
    let bytes = unsafe { std::slice::from_raw_parts_mut(out.buf_ptr().cast::<u8>(), layout.extent()) };
    let output = Output::new(bytes, &layout).ok_or_else(|| PyValueError::new_err("no memory to write to"))?;
    let made = gil::without(py, || render_alone(original, record.header, plan, &record.steps, output));
    Ok(made.map_err(|error| to_py(&error))?.err().map(Fallback::name))
}

/// How an image of `shape` (channels, rows, columns) lies in a buffer.
pub(crate) fn layout_of(out: &PyUntypedBuffer, shape: [usize; 3], table: &Table) -> PyResult<Layout> {
    if out.readonly() || out.suboffsets().is_some() {
        return Err(PyBufferError::new_err("pixels are written to a writable buffer"));
    }
    let [channels, height, width] = shape;
    let (dimensions, steps, element) = (out.shape(), out.strides(), table.element_bytes());
    // Elements of types that buffers do not know come as their bytes, which touch.
    let of_bytes = out.item_size() == 1 && element > 1 && steps.last() == Some(&1);
    let columns = if of_bytes { width * element } else { width };
    let (found, strides) = match (dimensions, steps) {
        (&[rows, columns], &[row, column]) => ([1, rows, columns], [0, row, column]),
        (&[planes, rows, columns], &[plane, row, column]) => ([planes, rows, columns], [plane, row, column]),
        _ => ([0; 3], [0; 3]),
    };
    if found != [channels, height, columns] || (out.item_size() != element && !of_bytes) {
        return Err(PyValueError::new_err(format!(
            "the image is of shape {shape:?} and elements of {element} bytes; the buffer is of shape {dimensions:?} \
             and elements of {} bytes",
            out.item_size()
        )));
    }
    let mut strides = strides.map(|stride| usize::try_from(stride).ok());
    if of_bytes {
        strides[2] = Some(element);
    }
    // What the stride of a single one is means nothing.
    for (stride, length) in strides.iter_mut().zip(shape) {
        *stride = if length == 1 { Some(0) } else { *stride };
    }
    let layout = match strides {
        [Some(plane), Some(row), Some(column)] => Layout::new(shape, [plane, row, column], element),
        _ => None,
    };
    layout.ok_or_else(|| {
        PyValueError::new_err(format!("strides {steps:?} are negative, or elements share memory"))
    })
}

/// The addresses of a buffer's elements.
fn reach_of(buffer: &PyUntypedBuffer) -> Range<isize> {
    let start = buffer.buf_ptr() as isize;
    let reach = buffer.shape().iter().zip(buffer.strides()).map(|(&n, &stride)| (n as isize - 1) * stride);
    let (low, high) = reach.fold((0, 0), |(low, high), reach| (low + reach.min(0), high + reach.max(0)));
    start + low..start + high + buffer.item_size() as isize
}

fn overlap(one: &Range<isize>, other: &Range<isize>) -> bool {
    one.start < other.end && other.start < one.end
}

/// An image in a buffer of shape (H, W) or (H, W, C); gray feeds any number of channels.
///
/// # Safety
/// It must not be used after the buffer is gone.
unsafe fn image_of(pixels: &PyBuffer<u8>, channels: usize) -> PyResult<ImageView<'static>> {
    let (shape, strides) = match (pixels.shape(), pixels.strides()) {
        (&[height, width] | &[height, width, 1], &[row, column, ..]) => {
            ([height, width, channels], [row, column, 0])
        }
        (&[height, width, found], &[row, column, channel]) if found == channels => {
            ([height, width, found], [row, column, channel])
        }
        (found, _) => {
            return Err(PyValueError::new_err(format!(
                "pixels are (H, W) or (H, W, {channels}), got {found:?}"
            )));
        }
    };
    // SAFETY: the buffer's shape and strides say that this image lies in its memory; the caller keeps that.
    Ok(unsafe { ImageView::from_raw(pixels.buf_ptr().cast::<u8>().cast_const(), shape, strides) })
}
