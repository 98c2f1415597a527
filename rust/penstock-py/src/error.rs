//! The core's errors as Python's exceptions.

use penstock_core::Error;
use penstock_core::random::StateError;
use pyo3::PyErr;
use pyo3::exceptions::{PyRuntimeError, PyValueError};

/// The exception for an error of the core.
pub(crate) fn to_py(error: &Error) -> PyErr {
    let message = error.to_string();
    match error {
        Error::State(_) | Error::Table(_) | Error::OutputSize { .. } | Error::Ragged => {
            PyValueError::new_err(message)
        }
        _ => PyRuntimeError::new_err(message),
    }
}

/// The exception for bytes that are no generator's state.
pub(crate) fn state_to_py(error: StateError) -> PyErr {
    to_py(&Error::State(error))
}
