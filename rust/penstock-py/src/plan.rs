//! A lowered pipeline, as Python builds it.

use std::sync::Arc;

use penstock_core::ops::Op;
use penstock_core::plan::Plan;
use penstock_core::write::{Affine, Table};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::ask;
use crate::error::to_py;
use crate::generator::PyGenerator;
use crate::operands::{self, PyOp};

#[pymethods]
impl PyOp {
    #[new]
    #[pyo3(signature = (name, *operands))]
    fn new(name: &str, operands: &Bound<'_, PyTuple>) -> PyResult<Self> {
        operands::read(name, operands, |given| Op::named(name, given)).map(Self)
    }

    /// Draws the rectangle of a `RandomResizedCrop`: top, left, height, width; `None` if it is empty.
    fn rectangle(&self, size: (u32, u32), generator: &PyGenerator) -> PyResult<Option<[u32; 4]>> {
        let Op::RandomResizedCrop(crop) = &self.0 else {
            return Err(PyValueError::new_err("only a RandomResizedCrop draws a rectangle"));
        };
        // A copy draws, as for a batch.
        let mut drawing = generator.lock().clone();
        let rectangle = crop.rectangle(size, &mut drawing);
        ask::check()?;
        *generator.lock() = drawing;
        Ok(rectangle)
    }

    fn __repr__(&self) -> String {
        format!("{:?}", self.0)
    }
}

/// Whether bytes are divided by 255, and mean and std.
type Conversion = (bool, Option<(f32, f32)>);

/// A pipeline: operations in order, and the table that converts a byte to an output element.
#[pyclass(frozen, name = "Plan", module = "penstock._native")]
pub(crate) struct PyPlan(pub(crate) Arc<Plan>);

/// A plan, or one for each view of an image.
#[derive(FromPyObject)]
pub(crate) enum Plans<'py> {
    One(PyRef<'py, PyPlan>),
    Each(Vec<PyRef<'py, PyPlan>>),
}

impl Plans<'_> {
    pub(crate) fn read(&self) -> PyResult<Vec<Arc<Plan>>> {
        match self {
            Plans::One(plan) => Ok(vec![Arc::clone(&plan.0)]),
            Plans::Each(plans) if plans.is_empty() => Err(PyValueError::new_err("a plan is needed")),
            Plans::Each(plans) => Ok(plans.iter().map(|plan| Arc::clone(&plan.0)).collect()),
        }
    }
}

#[pymethods]
impl PyPlan {
    #[new]
    #[expect(clippy::too_many_arguments, reason = "those of Python's class")]
    #[pyo3(signature = (ops, table, channels, element_bytes, affine=None, inks=None, colours=None, tensors_from=None))]
    fn new(
        ops: Vec<PyRef<'_, PyOp>>,
        table: &[u8],
        channels: usize,
        element_bytes: usize,
        affine: Option<Vec<Conversion>>,
        inks: Option<&[u8]>,
        colours: Option<&[u8]>,
        tensors_from: Option<usize>,
    ) -> PyResult<Self> {
        let affine: Option<Vec<Affine>> = affine.map(|affine| {
            affine.into_iter().map(|(divide, normalize)| Affine { divide, normalize }).collect()
        });
        let table =
            Table::new(element_bytes, channels, table, affine.as_deref()).map_err(|e| to_py(&e.into()))?;
        let ops = ops.iter().map(|op| op.0.clone()).collect();
        let plan = Plan::new(ops, table, inks)
            .and_then(|plan| plan.with_colours(colours.unwrap_or_default()))
            .map(|plan| plan.with_tensors_from(tensors_from))
            .map_err(|e| to_py(&e.into()))?;
        Ok(Self(Arc::new(plan)))
    }

    /// How bytes become elements: "copy", "arithmetic" or "lookup".
    #[getter]
    fn kernel(&self) -> &'static str {
        self.0.table().kernel_name()
    }

    /// Bytes of one output element.
    #[getter]
    fn element_bytes(&self) -> usize {
        self.0.table().element_bytes()
    }

    /// Channels of the output.
    #[getter]
    fn channels(&self) -> usize {
        self.0.table().channels()
    }
}
