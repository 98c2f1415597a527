//! Pooled memory, handed to torch and `NumPy` through the buffer protocol.
#![expect(unsafe_code, reason = "the buffer protocol is raw: PyO3 leaves filling the view to us")]

use std::ffi::{c_int, c_void};

use penstock_core::engine::memory::{Buffer, trim, usage};
use penstock_core::system::heap;
use pyo3::exceptions::PyOverflowError;
use pyo3::ffi;
use pyo3::prelude::*;

/// Writable bytes that return to the pool when nothing refers to them any more.
#[pyclass(frozen, name = "Buffer", module = "penstock._native")]
pub(crate) struct PyBuffer(Buffer);

#[pymethods]
impl PyBuffer {
    #[new]
    fn new(nbytes: usize) -> PyResult<Self> {
        if nbytes > isize::MAX as usize / 2 {
            return Err(PyOverflowError::new_err(format!("a batch of {nbytes} bytes")));
        }
        Ok(Self(Buffer::new(nbytes)))
    }

    fn __len__(&self) -> usize {
        self.0.len()
    }

    unsafe fn __getbuffer__(slf: Bound<'_, Self>, view: *mut ffi::Py_buffer, flags: c_int) -> PyResult<()> {
        let buffer = &slf.get().0;
        // SAFETY: `view` is the one that Python asks to be filled; it takes a reference to `slf`, which owns the
        // memory, and the memory neither moves nor shrinks while `slf` lives.
        let filled = unsafe {
            let (start, length) = (buffer.as_ptr().cast::<c_void>(), buffer.len() as ffi::Py_ssize_t);
            ffi::PyBuffer_FillInfo(view, slf.as_ptr(), start, length, 0, flags)
        };
        if filled == 0 { Ok(()) } else { Err(PyErr::fetch(slf.py())) }
    }
}

/// Bytes of the pool that are in use, and bytes that wait to be used again.
#[pyfunction]
pub(crate) fn memory_usage() -> (usize, usize) {
    let usage = usage();
    (usage.live, usage.idle)
}

/// Gives the pool's idle memory back to the system.
#[pyfunction]
pub(crate) fn trim_memory() {
    trim();
}

/// Gives what the process's allocator holds free back to the system.
#[pyfunction]
pub(crate) fn trim_heap(py: Python<'_>) {
    py.detach(heap::trim);
}
