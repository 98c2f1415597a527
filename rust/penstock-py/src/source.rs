//! Pictures in memory that Python owns.
#![expect(
    unsafe_code,
    reason = "the binding's pointer hand-over: the buffer that is held keeps its memory alive"
)]

use std::sync::Arc;

use penstock_core::image::Picture;
use penstock_core::plan::Plan;
use pyo3::buffer::PyBuffer;
use pyo3::exceptions::{PyIndexError, PyValueError};
use pyo3::prelude::*;

use crate::plan::PyPlan;

/// Uint8 pictures (N, H, W) or (N, H, W, C) of any strides, and the plan that they pass through.
#[pyclass(frozen, name = "Source", module = "penstock._native")]
pub(crate) struct PySource {
    /// Held for as long as the source lives: Python keeps exported memory where it is.
    pixels: PyBuffer<u8>,
    plan: Arc<Plan>,
    count: usize,
    shape: [usize; 3],
    strides: [isize; 4],
}

impl PySource {
    pub(crate) fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    /// Picture `index`, negative ones counted from the end.
    ///
    /// # Safety
    /// The picture must not be used after the source is gone.
    pub(crate) unsafe fn picture(&self, index: i64) -> PyResult<Picture<'static>> {
        let count = self.count as i64;
        let position = if index < 0 { index + count } else { index };
        if !(0..count).contains(&position) {
            return Err(PyIndexError::new_err(format!("index {index} is out of range for {count} pictures")));
        }
        let [_, row, column, channel] = self.strides;
        // SAFETY: the buffer's shape and strides say that this picture lies in its memory.
        Ok(unsafe {
            let base =
                self.pixels.buf_ptr().cast::<u8>().cast_const().offset(position as isize * self.strides[0]);
            Picture::from_raw(base, self.shape, [row, column, channel])
        })
    }
}

#[pymethods]
impl PySource {
    #[new]
    fn new(pixels: PyBuffer<u8>, plan: &PyPlan) -> PyResult<Self> {
        let (dimensions, steps) = (pixels.shape(), pixels.strides());
        let wanted = plan.0.table().channels();
        let (channels, channel_stride) = match *dimensions {
            [_, _, _] => (1, 0),
            [_, _, _, channels] => (channels, steps[3]),
            _ => {
                return Err(PyValueError::new_err(format!(
                    "pictures are (N, H, W) or (N, H, W, C), got {dimensions:?}"
                )));
            }
        };
        // Steps may keep one of three channels.
        let wanted = if wanted == 1 && channels == 3 { channels } else { wanted };
        // A gray picture feeds any number of channels: Normalize with three means makes three of one.
        let channel_stride = if channels == 1 { 0 } else { channel_stride };
        if channels != 1 && channels != wanted {
            return Err(PyValueError::new_err(format!(
                "the plan converts {wanted} channels, got {channels}"
            )));
        }
        let [count, height, width] = [dimensions[0], dimensions[1], dimensions[2]];
        if [height, width].iter().any(|&length| length == 0 || length > i32::MAX as usize) {
            return Err(PyValueError::new_err(format!("pictures of {height} x {width} pixels")));
        }
        let strides = [steps[0], steps[1], steps[2], channel_stride];
        Ok(Self { plan: Arc::clone(&plan.0), count, shape: [height, width, wanted], strides, pixels })
    }

    fn __len__(&self) -> usize {
        self.count
    }
}
