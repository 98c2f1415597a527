//! Images in memory that Python owns.
#![expect(
    unsafe_code,
    reason = "the binding's pointer hand-over: the buffer that is held keeps its memory alive"
)]

use std::sync::Arc;

use penstock_core::image::ImageView;
use penstock_core::plan::Plan;
use pyo3::buffer::PyBuffer;
use pyo3::exceptions::{PyIndexError, PyValueError};
use pyo3::prelude::*;

use crate::plan::Plans;

/// Uint8 images (N, H, W) or (N, H, W, C) of any strides, and the plans that each passes through.
#[pyclass(frozen, name = "ArrayImages", module = "penstock._native")]
pub(crate) struct PyArrayImages {
    /// Held for as long as the source lives: Python keeps exported memory where it is.
    pixels: PyBuffer<u8>,
    plans: Vec<Arc<Plan>>,
    count: usize,
    shape: [usize; 3],
    strides: [isize; 4],
}

impl PyArrayImages {
    pub(crate) fn plans(&self) -> &[Arc<Plan>] {
        &self.plans
    }

    /// Image `index`, negative ones counted from the end.
    ///
    /// # Safety
    /// The image must not be used after the source is gone.
    pub(crate) unsafe fn image(&self, index: i64) -> PyResult<ImageView<'static>> {
        let count = self.count as i64;
        let position = if index < 0 { index + count } else { index };
        if !(0..count).contains(&position) {
            return Err(PyIndexError::new_err(format!("index {index} is out of range for {count} images")));
        }
        let [_, row, column, channel] = self.strides;
        // SAFETY: the buffer's shape and strides say that this image lies in its memory.
        Ok(unsafe {
            let base =
                self.pixels.buf_ptr().cast::<u8>().cast_const().offset(position as isize * self.strides[0]);
            ImageView::from_raw(base, self.shape, [row, column, channel])
        })
    }
}

#[pymethods]
impl PyArrayImages {
    #[new]
    fn new(pixels: PyBuffer<u8>, plan: Plans<'_>) -> PyResult<Self> {
        let (dimensions, steps) = (pixels.shape(), pixels.strides());
        let plans = plan.read()?;
        let mut channels = plans.iter().map(|plan| plan.table().channels());
        let wanted = channels.next().unwrap_or_default();
        if channels.any(|other| other != wanted) {
            return Err(PyValueError::new_err("the plans convert different numbers of channels"));
        }
        let (channels, channel_stride) = match *dimensions {
            [_, _, _] => (1, 0),
            [_, _, _, channels] => (channels, steps[3]),
            _ => {
                return Err(PyValueError::new_err(format!(
                    "images are (N, H, W) or (N, H, W, C), got {dimensions:?}"
                )));
            }
        };
        // Steps may keep one of three channels.
        let wanted = if wanted == 1 && channels == 3 { channels } else { wanted };
        // A gray image feeds any number of channels: Normalize with three means makes three of one.
        let channel_stride = if channels == 1 { 0 } else { channel_stride };
        if channels != 1 && channels != wanted {
            return Err(PyValueError::new_err(format!(
                "the plan converts {wanted} channels, got {channels}"
            )));
        }
        let [count, height, width] = [dimensions[0], dimensions[1], dimensions[2]];
        if [height, width].iter().any(|&length| length == 0 || length > i32::MAX as usize) {
            return Err(PyValueError::new_err(format!("images of {height} x {width} pixels")));
        }
        let strides = [steps[0], steps[1], steps[2], channel_stride];
        Ok(Self { plans, count, shape: [height, width, wanted], strides, pixels })
    }

    fn __len__(&self) -> usize {
        self.count
    }
}
