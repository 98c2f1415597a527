//! The files of a batch, on their way from disk.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use penstock_core::engine::{Content, Origin, Reading};
use penstock_core::plan::Plan;
use penstock_core::source::files::Fallback;
use pyo3::exceptions::{PyIndexError, PyValueError};
use pyo3::prelude::*;

use crate::error::to_py;
use crate::gil;
use crate::plan::Plans;

/// Files that are being read, and the plans that each of their images passes through.
#[pyclass(frozen, name = "Files", module = "penstock._native")]
pub(crate) struct PyFiles {
    reading: Arc<Reading>,
    plans: Vec<Arc<Plan>>,
}

#[derive(FromPyObject)]
pub(crate) enum Place {
    Bytes(Vec<u8>),
    Path(PathBuf),
}

impl PyFiles {
    pub(crate) fn plans(&self) -> &[Arc<Plan>] {
        &self.plans
    }

    /// File `index`, which must be one that is decoded here.
    pub(crate) fn content(&self, index: i64) -> PyResult<Content> {
        let file = usize::try_from(index).ok().and_then(|index| self.reading.file(index)?.ok());
        let file = file.ok_or_else(|| PyIndexError::new_err(format!("file {index} is not decoded here")))?;
        Ok(Content::File(Arc::clone(file)))
    }
}

#[pymethods]
impl PyFiles {
    /// Begins to read. A place that is `None` is not looked at.
    #[new]
    fn new(places: Vec<Option<Place>>, plan: Plans<'_>, most_pixels: u64) -> PyResult<Self> {
        let plans = plan.read()?;
        if !plans.iter().all(|plan| matches!(plan.table().channels(), 1 | 3)) {
            return Err(PyValueError::new_err("files are decoded to one channel or three"));
        }
        let origins = places.into_iter().map(|place| match place {
            Some(Place::Bytes(bytes)) => Origin::Bytes(bytes),
            Some(Place::Path(path)) => Origin::Path(path),
            None => Origin::Elsewhere,
        });
        // With the GIL: a fork from another Python thread must not find the locks taken.
        let reading = Reading::start(origins.collect(), most_pixels).map_err(|error| to_py(&error))?;
        Ok(Self { reading, plans })
    }

    /// Whether all files are read.
    fn ready(&self) -> bool {
        self.reading.wait(Duration::ZERO)
    }

    /// Waits until all files are read, with this thread's help; for each, why it is not decoded here, if so.
    fn wait(&self, py: Python<'_>) -> PyResult<Vec<Option<&'static str>>> {
        if !self.reading.is_ours() {
            return Err(to_py(&penstock_core::Error::Forked));
        }
        gil::wait(py, None, |patience| {
            self.reading.help(patience);
            self.reading.wait(patience).then_some(())
        })?;
        let left = |index| self.reading.file(index)?.err().map(Fallback::name);
        Ok((0..self.reading.len()).map(left).collect())
    }

    /// Seconds that reading took, added up over threads.
    #[getter]
    fn seconds(&self) -> f64 {
        self.reading.time().as_secs_f64()
    }

    fn __len__(&self) -> usize {
        self.reading.len()
    }
}

impl Drop for PyFiles {
    fn drop(&mut self) {
        self.reading.cancel();
    }
}
