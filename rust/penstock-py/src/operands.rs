//! Operands of operations, as Python gives and takes them.
//!
//! Whole numbers and flags are ints and bools, numbers in double precision floats, one of a few its name; what may be
//! missing is None. Steps and bytes are bytes, and operations what was made of their operands. Tuples stand for what they hold.

use std::any::Any;

use penstock_core::ops::kinds::{Put, Take};
use penstock_core::ops::{Ask, Choice, Noise, Op, Step};
use penstock_core::plan::wire;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{
    PyBool, PyBoolMethods, PyBytes, PyBytesMethods, PyFloat, PyInt, PyList, PyString, PyTuple,
};

use crate::ask;

/// One operation of a pipeline, numbers not yet drawn.
#[pyclass(frozen, name = "Op", module = "penstock._native")]
pub(crate) struct PyOp(pub(crate) Op);

/// The step that was sent as these bytes; `None` if they are none.
pub(crate) fn step_of(bytes: &[u8]) -> Option<Step> {
    let mut rest = bytes;
    wire::read(&mut rest).filter(|_| rest.is_empty())
}

/// What `read` makes of all operands.
///
/// # Errors
/// `ValueError` if it makes nothing of them, or leaves some.
pub(crate) fn read<T>(
    name: &str,
    operands: &Bound<'_, PyTuple>,
    read: impl FnOnce(&mut Given<'_>) -> Option<T>,
) -> PyResult<T> {
    let mut given = Given { operands: Vec::new(), next: 0 };
    flatten(operands.as_any(), &mut given.operands)?;
    read(&mut given).filter(|_| given.next == given.operands.len()).ok_or_else(|| {
        PyValueError::new_err(format!("{name:?} is no operation with the operands {operands:?}"))
    })
}

fn flatten<'py>(value: &Bound<'py, PyAny>, into: &mut Vec<Bound<'py, PyAny>>) -> PyResult<()> {
    if value.is_instance_of::<PyTuple>() || value.is_instance_of::<PyList>() {
        return value.try_iter()?.try_for_each(|item| flatten(&item?, into));
    }
    into.push(value.clone());
    Ok(())
}

/// Operands that Python gives.
pub(crate) struct Given<'py> {
    operands: Vec<Bound<'py, PyAny>>,
    next: usize,
}

impl<'py> Given<'py> {
    fn next(&mut self) -> Option<&Bound<'py, PyAny>> {
        self.next += 1;
        self.operands.get(self.next - 1)
    }

    fn whole<N: TryFrom<i64>>(&mut self) -> Option<N> {
        let operand = self.next()?;
        let whole: i64 = operand.is_instance_of::<PyInt>().then(|| operand.extract().ok())??;
        whole.try_into().ok()
    }
}

impl Take for Given<'_> {
    fn word(&mut self) -> Option<u32> {
        self.whole()
    }

    fn integer(&mut self) -> Option<i32> {
        self.whole()
    }

    fn flag(&mut self) -> Option<bool> {
        self.next()?.cast::<PyBool>().ok().map(PyBoolMethods::is_true)
    }

    fn is_there(&mut self) -> Option<bool> {
        let is_there = !self.operands.get(self.next)?.is_none();
        self.next += usize::from(!is_there);
        Some(is_there)
    }

    fn double(&mut self) -> Option<f64> {
        let operand = self.next()?;
        let is_number = operand.is_instance_of::<PyFloat>() || operand.is_instance_of::<PyInt>();
        is_number.then(|| operand.extract().ok())?
    }

    fn bytes(&mut self) -> Option<Vec<u8>> {
        self.next()?.cast::<PyBytes>().ok().map(|bytes| bytes.as_bytes().to_vec())
    }

    fn choice<C: Choice>(&mut self) -> Option<C> {
        C::named(self.next()?.cast::<PyString>().ok()?.to_str().ok()?)
    }

    fn made<T: 'static>(&mut self) -> Option<T> {
        let operand = self.next()?;
        let made: Box<dyn Any> = match operand.cast::<PyBytes>() {
            Ok(bytes) => Box::new(step_of(bytes.as_bytes())?),
            Err(_) => Box::new(operand.cast::<PyOp>().ok()?.get().0.clone()),
        };
        made.downcast().ok().map(|made| *made)
    }

    fn ask(&mut self) -> Option<Ask> {
        let function = self.next()?;
        function.is_callable().then(|| ask::ask(function.clone().unbind()))
    }

    fn noise(&mut self) -> Option<Noise> {
        let function = self.next()?;
        function.is_callable().then(|| ask::noise(function.clone().unbind()))
    }
}

/// Operands that Python takes.
#[derive(Default)]
pub(crate) struct Taken(Vec<Operand>);

enum Operand {
    Word(u32),
    Double(f64),
    Name(&'static str),
    Bytes(Vec<u8>),
}

impl Put for Taken {
    fn word(&mut self, word: u32) {
        self.0.push(Operand::Word(word));
    }

    fn double(&mut self, double: f64) {
        self.0.push(Operand::Double(double));
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.0.push(Operand::Bytes(bytes.to_vec()));
    }

    fn choice(&mut self, choice: impl Choice) {
        self.0.push(Operand::Name(choice.name()));
    }
}

impl<'py> IntoPyObject<'py> for Taken {
    type Target = PyTuple;
    type Output = Bound<'py, PyTuple>;
    type Error = PyErr;

    fn into_pyobject(self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, self.0)
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
            Operand::Bytes(bytes) => PyBytes::new(py, &bytes).into_any(),
        })
    }
}
