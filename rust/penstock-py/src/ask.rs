//! Functions of a library's, which a plan asks while it draws.
//!
//! Drawing knows no failures but refusals. So an exception of the function, be it only Ctrl-C in the middle of
//! it, waits here for whoever asked for the draws: the two are one thread.

use std::cell::Cell;

use penstock_core::ops::{Ask, Noise};
use penstock_core::random::Mt19937;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyTuple};

use crate::error::state_to_py;

thread_local! {
    static RAISED: Cell<Option<PyErr>> = const { Cell::new(None) };
}

/// A function of Python's as one of numbers, which gives one number or a list of them. What is drawn after it has raised counts for nothing.
pub(crate) fn ask(function: Py<PyAny>) -> Ask {
    let call = move |py: Python<'_>, numbers: &[f64]| {
        let answer = function.call1(py, PyTuple::new(py, numbers)?)?;
        answer.extract::<f64>(py).map(|number| vec![number]).or_else(|_| answer.extract(py))
    };
    Ask::many(move |numbers| {
        Python::attach(|py| call(py, numbers)).unwrap_or_else(|error| {
            RAISED.set(Some(error));
            Vec::new()
        })
    })
}

/// A function of Python's that draws: given the state of torch's generator as bytes, and channels, rows and columns, it gives
/// bytes of elements and the state after that.
pub(crate) fn noise(function: Py<PyAny>) -> Noise {
    let call = move |py: Python<'_>, generator: &mut Mt19937, [channels, height, width]: [u32; 3]| {
        let state = PyBytes::new(py, &generator.torch_state());
        let answer = function.call1(py, (state, channels, height, width))?;
        let (elements, state): (Bound<'_, PyBytes>, Bound<'_, PyBytes>) = answer.extract(py)?;
        *generator = Mt19937::from_torch_state(state.as_bytes()).map_err(state_to_py)?;
        PyResult::Ok(elements.as_bytes().to_vec())
    };
    Noise::new(move |generator, shape| {
        Python::attach(|py| call(py, generator, shape)).map_err(|error| RAISED.set(Some(error))).ok()
    })
}

/// An error if a function of this thread's has raised since the last call.
pub(crate) fn check() -> PyResult<()> {
    RAISED.take().map_or(Ok(()), Err)
}
