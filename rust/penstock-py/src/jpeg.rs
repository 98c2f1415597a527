//! Files of pictures to arrays, outside of any loader.
#![expect(
    unsafe_code,
    reason = "the binding's pointer hand-over: the array that is written to is held meanwhile"
)]

use std::cell::RefCell;

use penstock_core::codec::{Decoder, Format, Header, Region, read_header};
use pyo3::buffer::PyBuffer;
use pyo3::exceptions::{PyBufferError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::gil;

thread_local! {
    static DECODER: RefCell<Decoder> = RefCell::default();
}

/// Height, width and channels of a JPEG, as its header tells; `None` if Pillow should decode it.
#[pyfunction]
pub(crate) fn jpeg_shape(data: &[u8]) -> Option<(usize, usize, usize)> {
    jpeg_header(data).map(|Header { height, width, channels, .. }| (height, width, channels))
}

/// Decodes the rectangle (left, top, width, height) of a JPEG into `out`; false if Pillow should decode it.
#[pyfunction]
pub(crate) fn decode_jpeg(
    py: Python<'_>,
    data: &Bound<'_, PyBytes>,
    region: [usize; 4],
    out: PyBuffer<u8>,
) -> PyResult<bool> {
    jpeg_header(data.as_bytes()).map_or(Ok(false), |header| decode(py, data, header, region, &out))
}

/// Format, height, width and channels of a file, as its header tells; `None` if Pillow should decode it.
#[pyfunction]
pub(crate) fn picture_shape(data: &[u8]) -> Option<(&'static str, usize, usize, usize)> {
    let Header { height, width, channels, format } = read_header(data).ok()?;
    Some((format.name(), height, width, channels))
}

/// Decodes the rectangle (left, top, width, height) of a file into `out`; false if Pillow should decode it.
#[pyfunction]
pub(crate) fn decode_picture(
    py: Python<'_>,
    data: &Bound<'_, PyBytes>,
    region: [usize; 4],
    out: PyBuffer<u8>,
) -> PyResult<bool> {
    read_header(data.as_bytes()).map_or(Ok(false), |header| decode(py, data, header, region, &out))
}

fn jpeg_header(data: &[u8]) -> Option<Header> {
    read_header(data).ok().filter(|header| header.format == Format::Jpeg)
}

fn decode(
    py: Python<'_>,
    data: &Bound<'_, PyBytes>,
    header: Header,
    region: [usize; 4],
    out: &PyBuffer<u8>,
) -> PyResult<bool> {
    let [left, top, width, height] = region;
    if out.readonly() || !out.is_c_contiguous() {
        return Err(PyBufferError::new_err("pixels are written to a writable, C-contiguous buffer"));
    }
    let needed = width.checked_mul(height).and_then(|pixels| pixels.checked_mul(header.channels));
    if needed != Some(out.len_bytes()) || needed == Some(0) {
        return Err(PyValueError::new_err(format!("{} bytes for a rectangle {region:?}", out.len_bytes())));
    }
    let region = Region { left, top, width, height };
    let file = data.as_bytes();
    // SAFETY: the buffer, held until after the call, is writable memory of that length; the caller promises that
    // nobody else uses it meanwhile.
    let pixels = unsafe { std::slice::from_raw_parts_mut(out.buf_ptr().cast::<u8>(), out.len_bytes()) };
    Ok(gil::without(py, || {
        DECODER.with_borrow_mut(|decoder| decoder.decode_into(file, header, region, pixels).is_ok())
    }))
}
