//! Steps that Python records, as other processes read them.

use penstock_core::ops::color::{Invert, Permute, Posterize, Solarize};
use penstock_core::ops::kinds::Put;
use penstock_core::ops::resize::{Method, Resample};
use penstock_core::ops::{Choice, Crop, FlipHorizontal, FlipVertical, Step, size_after};
use penstock_core::plan::wire;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyTuple};

/// The parameter of that name.
pub(crate) fn named<C: Choice>(name: &str, what: &str) -> PyResult<C> {
    C::named(name).ok_or_else(|| PyValueError::new_err(format!("no such {what}: {name:?}")))
}

/// Steps, one after the other; none of the methods changes them.
#[pyclass(frozen, name = "Steps", module = "penstock._native")]
pub(crate) struct PySteps(Vec<Step>);

impl PySteps {
    fn then(&self, step: impl Into<Step>) -> Self {
        let mut steps = Vec::with_capacity(self.0.len() + 1);
        steps.extend_from_slice(&self.0);
        steps.push(step.into());
        Self(steps)
    }
}

#[pymethods]
impl PySteps {
    #[new]
    fn new() -> Self {
        Self(Vec::new())
    }

    fn crop(&self, top: u32, left: u32, height: u32, width: u32) -> Self {
        self.then(Crop { top, left, height, width })
    }

    fn resize(&self, height: u32, width: u32, kernel: &str, arithmetic: &str) -> PyResult<Self> {
        let method =
            Method { filter: named(kernel, "filter")?, arithmetic: named(arithmetic, "arithmetic")? };
        Ok(self.then(Resample { height, width, method }))
    }

    fn flip_horizontal(&self) -> Self {
        self.then(FlipHorizontal)
    }

    fn flip_vertical(&self) -> Self {
        self.then(FlipVertical)
    }

    fn invert(&self) -> Self {
        self.then(Invert)
    }

    fn posterize(&self, bits: u8) -> Self {
        self.then(Posterize { bits })
    }

    fn solarize(&self, threshold: f64, library: &str) -> PyResult<Self> {
        Ok(self.then(Solarize { threshold, library: named(library, "library")? }))
    }

    fn permute(&self, channels: [u8; 3]) -> PyResult<Self> {
        if channels.iter().any(|&channel| channel > 2) {
            return Err(PyValueError::new_err(format!("no order of three channels: {channels:?}")));
        }
        Ok(self.then(Permute { from: channels }))
    }

    /// The size that a picture has after the steps; `None` if one of them does not fit.
    fn size_after(&self, height: u32, width: u32) -> Option<(u32, u32)> {
        size_after((height, width), &self.0)
    }

    fn __bytes__<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        let mut bytes = Vec::new();
        for step in &self.0 {
            wire::write(step, &mut bytes);
        }
        PyBytes::new(py, &bytes)
    }

    fn __len__(&self) -> usize {
        self.0.len()
    }

    /// Name and operands of each step.
    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let named = |step: &Step| {
            let mut operands = Operands(Vec::new());
            step.put(&mut operands);
            (step.name(), PyTuple::new(py, operands.0)?).into_pyobject(py)
        };
        let steps = self.0.iter().map(named).collect::<PyResult<Vec<_>>>()?;
        Ok(PyList::new(py, steps)?.try_iter()?.into_any())
    }
}

/// An operand as Python has it.
enum Operand {
    Word(u32),
    Double(f64),
    Name(&'static str),
}

/// A step's operands.
struct Operands(Vec<Operand>);

impl Put for Operands {
    fn word(&mut self, word: u32) {
        self.0.push(Operand::Word(word));
    }

    fn double(&mut self, double: f64) {
        self.0.push(Operand::Double(double));
    }

    fn choice(&mut self, choice: impl Choice) {
        self.0.push(Operand::Name(choice.name()));
    }
}

impl<'py> IntoPyObject<'py> for Operand {
    type Target = PyAny;
    type Output = Bound<'py, PyAny>;
    type Error = PyErr;

    fn into_pyobject(self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        Ok(match self {
            Operand::Word(word) => word.into_pyobject(py)?.into_any(),
            Operand::Double(double) => double.into_pyobject(py)?.into_any(),
            Operand::Name(name) => name.into_pyobject(py)?.into_any(),
        })
    }
}
