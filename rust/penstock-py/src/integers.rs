//! A batch's indices and class numbers: lists of whole numbers, read in one go.

use pyo3::buffer::PyBuffer;
use pyo3::exceptions::{PyIndexError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyInt, PyIterator, PyList};

/// Numbers of an int64 tensor.
#[pyclass(frozen, sequence, name = "Integers", module = "penstock._native")]
pub(crate) struct PyIntegers(Vec<i64>);

/// The number of one of Python's own ints, if it is not too large. A bool is an int to Python, but not to an index
/// or a tensor.
fn plain(value: &Bound<'_, PyAny>) -> Option<i64> {
    value.is_exact_instance_of::<PyInt>().then(|| value.extract().ok())?
}

impl PyIntegers {
    pub(crate) fn values(&self) -> &[i64] {
        &self.0
    }
}

#[pymethods]
impl PyIntegers {
    /// The numbers of a list of Python's own ints; `None` if anything else is in it, or one too large.
    #[staticmethod]
    fn read(values: &Bound<'_, PyList>) -> Option<Self> {
        let mut integers = Vec::with_capacity(values.len());
        for value in values {
            integers.push(plain(&value)?);
        }
        Some(Self(integers))
    }

    /// Whether all are indices of a sequence of this length, negative ones counted from its end.
    fn index(&self, length: i64) -> bool {
        self.0.iter().all(|&integer| -length <= integer && integer < length)
    }

    /// The items of a list at these indices; as numbers, if all are such.
    fn pick<'py>(&self, values: &Bound<'py, PyList>) -> PyResult<Bound<'py, PyAny>> {
        let count = values.len() as i64;
        let item = |&index: &i64| {
            let place = if index < 0 { index + count } else { index };
            let place =
                usize::try_from(place).map_err(|_| PyIndexError::new_err("list index out of range"))?;
            values.get_item(place)
        };
        let items = || self.0.iter().map(item);
        let mut integers = Vec::with_capacity(self.0.len());
        for item in items() {
            let Some(integer) = plain(&item?) else {
                return Ok(PyList::new(values.py(), items().collect::<PyResult<Vec<_>>>()?)?.into_any());
            };
            integers.push(integer);
        }
        Ok(Bound::new(values.py(), Self(integers))?.into_any())
    }

    /// Writes the numbers to memory for exactly so many.
    fn write(&self, py: Python<'_>, out: PyBuffer<i64>) -> PyResult<()> {
        if out.item_count() != self.0.len() {
            return Err(PyValueError::new_err(format!("{} numbers for {}", self.0.len(), out.item_count())));
        }
        out.copy_from_slice(py, &self.0)
    }

    fn __len__(&self) -> usize {
        self.0.len()
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyIterator>> {
        PyList::new(py, &self.0)?.try_iter()
    }

    fn __getitem__(&self, place: usize) -> PyResult<i64> {
        self.0.get(place).copied().ok_or_else(|| PyIndexError::new_err("index out of range"))
    }
}
