//! Functions of a library's, which a plan asks while it draws.
//!
//! Drawing knows no failures but refusals. So an exception of the function, be it only Ctrl-C in the middle of
//! it, waits here for whoever asked for the draws: the two are one thread.

use std::cell::Cell;

use penstock_core::ops::Ask;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

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

/// An error if a function of this thread's has raised since the last call.
pub(crate) fn check() -> PyResult<()> {
    RAISED.take().map_or(Ok(()), Err)
}
