//! Steps that Python records, as other processes read them.

use penstock_core::ops::{Op, Step, color, holes};
use penstock_core::plan::wire;
use pyo3::buffer::PyBuffer;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyTuple};

use crate::operands::{self, Taken};

/// One step, as it is sent.
#[pyfunction]
#[pyo3(signature = (name, *operands))]
pub(crate) fn step<'py>(
    py: Python<'py>,
    name: &str,
    operands: &Bound<'py, PyTuple>,
) -> PyResult<Bound<'py, PyBytes>> {
    let step = operands::read(name, operands, |given| Step::named(name, given))?;
    let mut bytes = Vec::new();
    wire::write(&step, &mut bytes);
    Ok(PyBytes::new(py, &bytes))
}

/// Name and operands of a step.
#[pyfunction]
pub(crate) fn operands_of(step: &[u8]) -> PyResult<(&'static str, Taken)> {
    let step = operands::step_of(step).ok_or_else(|| PyValueError::new_err("this is no step"))?;
    let mut operands = Taken::default();
    step.put(&mut operands);
    Ok((step.name(), operands))
}

/// Top, left, height and width of each rectangle in which a mask is zero.
#[pyfunction]
pub(crate) fn mask_holes(
    content: &[u8],
    width: usize,
    one: &[u8],
    most: usize,
) -> Option<Vec<(u32, u32, u32, u32)>> {
    let found = holes(content, width, one, most)?;
    let sides = found
        .into_iter()
        .map(|hole| (hole.rows.start, hole.columns.start, hole.rows.len() as u32, hole.columns.len() as u32));
    Some(sides.collect())
}

/// The sum of some numbers as torch makes it.
#[pyfunction]
pub(crate) fn cascade_sum(py: Python<'_>, values: PyBuffer<f32>, threads: usize) -> PyResult<f32> {
    Ok(color::cascade_sum(&values.to_vec(py)?, threads))
}

/// The names of all operations that are drawn, and of all steps.
#[pyfunction]
pub(crate) fn operation_names() -> (Vec<&'static str>, Vec<&'static str>) {
    (Op::NAMES.to_vec(), Step::NAMES.to_vec())
}
