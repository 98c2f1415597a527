//! A lowered pipeline, as Python builds it.

use std::sync::Arc;

use penstock_core::ops::resize::{Method, RandomResizedCrop, Resize, Target};
use penstock_core::ops::{CenterCrop, Generation, Op, Pad, PadMode, RandomCrop, RandomFlip, Refuse, World};
use penstock_core::plan::Plan;
use penstock_core::random::draw::Uniform;
use penstock_core::write::{Affine, Table};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::error::to_py;
use crate::exp;
use crate::generator::PyGenerator;
use crate::steps::named;

/// One operation of a pipeline, numbers not yet drawn.
#[pyclass(frozen, name = "Op", module = "penstock._native")]
pub(crate) struct PyOp(Op);

fn pad_mode(name: &str, fill: u16) -> PyResult<Option<PadMode>> {
    if name == "refuse" {
        return Ok(None);
    }
    Ok(Some(PadMode::new(named(name, "padding mode")?, fill)))
}

fn world(tensor: bool) -> World {
    if tensor { World::Tensor } else { World::Pil }
}

fn method(filter: &str, arithmetic: &str) -> PyResult<Method> {
    Ok(Method { filter: named(filter, "filter")?, arithmetic: named(arithmetic, "arithmetic")? })
}

fn resize(target: Target, kernel: &str, arithmetic: &str) -> PyResult<PyOp> {
    Ok(PyOp(Resize { target, method: method(kernel, arithmetic)? }.into()))
}

#[pymethods]
impl PyOp {
    #[staticmethod]
    fn pad(margins: [i32; 4], mode: &str, fill: u16, tensor: bool) -> PyResult<Self> {
        Ok(Self(Pad { margins, mode: pad_mode(mode, fill)?, world: world(tensor) }.into()))
    }

    #[staticmethod]
    fn center_crop(size: (u32, u32), fill: u16) -> Self {
        Self(CenterCrop { size, fill }.into())
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
        let generation = match version {
            1 => Generation::V1,
            2 => Generation::V2,
            _ => return Err(PyValueError::new_err(format!("no such version of RandomCrop: {version}"))),
        };
        let (mode, world) = (pad_mode(mode, fill)?, world(tensor));
        Ok(Self(RandomCrop { generation, size, padding, pad_if_needed, mode, world }.into()))
    }

    #[staticmethod]
    fn random_flip(probability: f32, horizontal: bool) -> Self {
        Self(RandomFlip { probability, horizontal }.into())
    }

    #[staticmethod]
    fn resize(size: (u32, u32), kernel: &str, arithmetic: &str) -> PyResult<Self> {
        resize(Target::Exact(size.0, size.1), kernel, arithmetic)
    }

    #[staticmethod]
    fn resize_short(length: u32, longest: Option<u32>, kernel: &str, arithmetic: &str) -> PyResult<Self> {
        resize(Target::Short { length, longest }, kernel, arithmetic)
    }

    #[staticmethod]
    fn resize_long(length: u32, kernel: &str, arithmetic: &str) -> PyResult<Self> {
        resize(Target::Long(length), kernel, arithmetic)
    }

    #[staticmethod]
    #[expect(clippy::too_many_arguments, reason = "they are the transform's")]
    fn random_resized_crop(
        size: (u32, u32),
        scale: (f32, f32),
        log_ratio: (f32, f32),
        ratio: (f64, f64),
        kernel: &str,
        arithmetic: &str,
        uniform: (bool, bool),
        exp: Py<PyAny>,
    ) -> PyResult<Self> {
        let (method, exp) = (method(kernel, arithmetic)?, exp::ask(exp));
        let uniform = Uniform { fused: uniform.0, half_open: uniform.1 };
        let crop = RandomResizedCrop { size, scale, log_ratio, ratio, method, uniform, exp };
        Ok(Self(crop.into()))
    }

    /// Draws the rectangle of a `RandomResizedCrop`: top, left, height, width; `None` if it is empty.
    fn rectangle(&self, size: (u32, u32), generator: &PyGenerator) -> PyResult<Option<[u32; 4]>> {
        let Op::RandomResizedCrop(crop) = &self.0 else {
            return Err(PyValueError::new_err("only a RandomResizedCrop draws a rectangle"));
        };
        // A copy draws, as for a batch.
        let mut drawing = generator.lock().clone();
        let rectangle = crop.rectangle(size, &mut drawing);
        exp::check()?;
        *generator.lock() = drawing;
        Ok(rectangle)
    }

    #[staticmethod]
    fn refuse() -> Self {
        Self(Refuse.into())
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

#[pymethods]
impl PyPlan {
    #[new]
    #[pyo3(signature = (ops, table, channels, element_bytes, affine=None, inks=None))]
    fn new(
        ops: Vec<PyRef<'_, PyOp>>,
        table: &[u8],
        channels: usize,
        element_bytes: usize,
        affine: Option<Vec<Conversion>>,
        inks: Option<&[u8]>,
    ) -> PyResult<Self> {
        let affine: Option<Vec<Affine>> = affine.map(|affine| {
            affine.into_iter().map(|(divide, normalize)| Affine { divide, normalize }).collect()
        });
        let table =
            Table::new(element_bytes, channels, table, affine.as_deref()).map_err(|e| to_py(&e.into()))?;
        let ops = ops.iter().map(|op| op.0.clone()).collect();
        let plan = Plan::new(ops, table, inks).map_err(|e| to_py(&e.into()))?;
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
