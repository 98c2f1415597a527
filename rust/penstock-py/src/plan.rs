//! A lowered pipeline, as Python builds it.

use std::sync::Arc;

use penstock_core::plan::{Op, Pad, PadMode, Plan, RandomCrop, World};
use penstock_core::write::{Affine, Table};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::error::to_py;

/// One operation of a pipeline, numbers not yet drawn.
#[pyclass(frozen, name = "Op", module = "penstock._native")]
pub(crate) struct PyOp(Op);

fn pad_mode(name: &str, fill: u16) -> PyResult<Option<PadMode>> {
    match name {
        "constant" => Ok(Some(PadMode::Constant(fill))),
        "edge" => Ok(Some(PadMode::Edge)),
        "reflect" => Ok(Some(PadMode::Reflect)),
        "symmetric" => Ok(Some(PadMode::Symmetric)),
        "refuse" => Ok(None),
        _ => Err(PyValueError::new_err(format!("no such padding mode: {name:?}"))),
    }
}

fn world(tensor: bool) -> World {
    if tensor { World::Tensor } else { World::Pil }
}

#[pymethods]
impl PyOp {
    #[staticmethod]
    fn pad(margins: [i32; 4], mode: &str, fill: u16, tensor: bool) -> PyResult<Self> {
        Ok(Self(Op::Pad(Pad { margins, mode: pad_mode(mode, fill)?, world: world(tensor) })))
    }

    #[staticmethod]
    fn center_crop(size: (u32, u32), fill: u16) -> Self {
        Self(Op::CenterCrop { size, fill })
    }

    #[staticmethod]
    fn random_crop(
        version: u8,
        size: (u32, u32),
        padding: Option<[i32; 4]>,
        pad_if_needed: bool,
        mode: &str,
        fill: u16,
        tensor: bool,
    ) -> PyResult<Self> {
        let crop =
            RandomCrop { size, padding, pad_if_needed, mode: pad_mode(mode, fill)?, world: world(tensor) };
        match version {
            1 => Ok(Self(Op::RandomCropV1(crop))),
            2 => Ok(Self(Op::RandomCropV2(crop))),
            _ => Err(PyValueError::new_err(format!("no such version of RandomCrop: {version}"))),
        }
    }

    #[staticmethod]
    fn random_flip(probability: f32, horizontal: bool) -> Self {
        Self(Op::RandomFlip { probability, horizontal })
    }

    #[staticmethod]
    fn refuse() -> Self {
        Self(Op::Refuse)
    }

    fn __repr__(&self) -> String {
        format!("{:?}", self.0)
    }
}

/// Whether bytes are divided by 255, and mean and std.
type Arithmetic = (bool, Option<(f32, f32)>);

/// A pipeline: operations in order, and the table that converts a byte to an output element.
#[pyclass(frozen, name = "Plan", module = "penstock._native")]
pub(crate) struct PyPlan(pub(crate) Arc<Plan>);

#[pymethods]
impl PyPlan {
    #[new]
    #[pyo3(signature = (ops, table, channels, element_bytes, affine=None))]
    fn new(
        ops: Vec<PyRef<'_, PyOp>>,
        table: &[u8],
        channels: usize,
        element_bytes: usize,
        affine: Option<Vec<Arithmetic>>,
    ) -> PyResult<Self> {
        let affine: Option<Vec<Affine>> = affine.map(|affine| {
            affine.into_iter().map(|(divide, normalize)| Affine { divide, normalize }).collect()
        });
        let table =
            Table::new(element_bytes, channels, table, affine.as_deref()).map_err(|e| to_py(&e.into()))?;
        let ops = ops.iter().map(|op| op.0.clone()).collect();
        Ok(Self(Arc::new(Plan::new(ops, table))))
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
