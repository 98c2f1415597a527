//! Files of images to arrays, decoded by the thread that asks.
#![expect(
    unsafe_code,
    reason = "the binding's pointer hand-over: the arrays that are read and written are held meanwhile"
)]

use std::cell::RefCell;
use std::path::PathBuf;

use penstock_core::codec::{Decoder, Format, Header, Order, Region, read_header, read_metadata};
use penstock_core::source::files::{Fallback, File};
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
    jpeg_header(data.as_bytes()).map_or(Ok(false), |header| decode(py, data, header, region, out))
}

/// Format, height, width and channels of a file, as its header tells; `None` if Pillow should decode it.
#[pyfunction]
pub(crate) fn image_shape(data: &[u8]) -> Option<(&'static str, usize, usize, usize)> {
    let Header { height, width, channels, format } = read_header(data).ok()?;
    Some((format.name(), height, width, channels))
}

/// Decodes the rectangle (left, top, width, height) of a file into `out`; false if Pillow should decode it.
#[pyfunction]
pub(crate) fn decode_image(
    py: Python<'_>,
    data: &Bound<'_, PyBytes>,
    region: [usize; 4],
    out: PyBuffer<u8>,
) -> PyResult<bool> {
    read_header(data.as_bytes()).map_or(Ok(false), |header| decode(py, data, header, region, out))
}

fn jpeg_header(data: &[u8]) -> Option<Header> {
    read_header(data).ok().filter(|header| header.format == Format::Jpeg)
}

fn decode(
    py: Python<'_>,
    data: &Bound<'_, PyBytes>,
    header: Header,
    region: [usize; 4],
    mut out: PyBuffer<u8>,
) -> PyResult<bool> {
    let [left, top, width, height] = region;
    let pixels = memory_of(&mut out, width, height, header.channels)?;
    let region = Region { left, top, width, height };
    let file = data.as_bytes();
    Ok(gil::without(py, || {
        DECODER.with_borrow_mut(|decoder| decoder.decode_into(file, header, region, pixels).is_ok())
    }))
}

/// What is written to, if it is just as long as it should be.
fn memory_of(out: &mut PyBuffer<u8>, width: usize, height: usize, channels: usize) -> PyResult<&mut [u8]> {
    if out.readonly() || !out.is_c_contiguous() {
        return Err(PyBufferError::new_err("pixels are written to a writable, C-contiguous buffer"));
    }
    let (needed, length) =
        (width.checked_mul(height).and_then(|pixels| pixels.checked_mul(channels)), out.len_bytes());
    if needed != Some(length) || length == 0 {
        return Err(PyValueError::new_err(format!("{length} bytes for {width} x {height} pixels")));
    }
    // SAFETY: the buffer, which outlives the slice, is writable memory of that length; the caller promises that nobody
    // else uses it meanwhile.
    Ok(unsafe { std::slice::from_raw_parts_mut(out.buf_ptr().cast::<u8>(), length) })
}

/// Where a file's bytes are.
enum Content {
    Own(File),
    /// Memory that nobody writes to.
    Lent(PyBuffer<u8>),
}

/// A JPEG whose header was read.
#[pyclass(frozen, name = "JpegFile", module = "penstock._native")]
pub(crate) struct PyJpegFile {
    content: Content,
    header: Header,
}

/// A file, or why it is none that is decoded here.
#[derive(IntoPyObject)]
pub(crate) enum Opened {
    File(PyJpegFile),
    Not(&'static str),
}

#[pymethods]
impl PyJpegFile {
    #[staticmethod]
    fn read(py: Python<'_>, path: PathBuf) -> Opened {
        Self::own(gil::without(py, || File::read(&path, u64::MAX)))
    }

    #[staticmethod]
    fn parse(content: PyBuffer<u8>) -> PyResult<Opened> {
        if !content.is_c_contiguous() {
            return Err(PyBufferError::new_err("a file is read from a C-contiguous buffer"));
        }
        Ok(match read_header(bytes_of(&content)) {
            Ok(header) if header.format != Format::Jpeg => Opened::Not(OTHER),
            Ok(header) if content.readonly() => {
                Opened::File(Self { content: Content::Lent(content), header })
            }
            // Who may write to it may do so while it is decoded.
            Ok(_) => Self::own(File::parse(bytes_of(&content).to_vec(), u64::MAX)),
            Err(irregular) => Opened::Not(irregular.name()),
        })
    }

    #[getter]
    fn shape(&self) -> (usize, usize, usize) {
        (self.header.height, self.header.width, self.header.channels)
    }

    #[getter]
    fn metadata(&self, py: Python<'_>) -> Py<PyBytes> {
        PyBytes::new(py, &read_metadata(self.bytes()).unwrap_or_default()).unbind()
    }

    /// Decodes all of it; false if its library should decode it.
    fn decode(&self, py: Python<'_>, order: &str, mut out: PyBuffer<u8>) -> PyResult<bool> {
        let order = match order {
            "BGR" => Order::Bgr,
            "RGB" => Order::Rgb,
            "gray" => Order::Gray,
            _ => return Err(PyValueError::new_err(format!("no order of channels: {order}"))),
        };
        let Self { header, .. } = *self;
        let (file, pixels) =
            (self.bytes(), memory_of(&mut out, header.width, header.height, order.channels())?);
        Ok(gil::without(py, || {
            DECODER.with_borrow_mut(|decoder| decoder.decode_jpeg(file, header, order, pixels).is_ok())
        }))
    }
}

/// What is told of files of other formats.
const OTHER: &str = "another format";

impl PyJpegFile {
    fn own(file: Result<File, Fallback>) -> Opened {
        match file {
            Ok(file) if file.header().format == Format::Jpeg => {
                let header = file.header();
                Opened::File(Self { content: Content::Own(file), header })
            }
            Ok(_) => Opened::Not(OTHER),
            Err(left) => Opened::Not(left.name()),
        }
    }

    fn bytes(&self) -> &[u8] {
        match &self.content {
            Content::Own(file) => file.bytes(),
            Content::Lent(buffer) => bytes_of(buffer),
        }
    }
}

fn bytes_of(buffer: &PyBuffer<u8>) -> &[u8] {
    if buffer.len_bytes() == 0 {
        return &[];
    }
    // SAFETY: the buffer, which outlives the slice, is C-contiguous memory of that length.
    unsafe { std::slice::from_raw_parts(buffer.buf_ptr().cast::<u8>(), buffer.len_bytes()) }
}
