//! torch's CPU generator, and Python's, outside of them; and the words of single samples.

use std::sync::{Mutex, MutexGuard, PoisonError};

use penstock_core::random::draw::{self, Uniform};
use penstock_core::random::{Generator, Mt19937, Philox, Words};
use pyo3::buffer::PyBuffer;
use pyo3::exceptions::{PyBufferError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyTuple};

use crate::error::state_to_py;

/// A stream of random numbers equal to `torch.Generator`'s, or one of each sample's own.
#[pyclass(frozen, name = "Generator", module = "penstock._native")]
pub(crate) struct PyGenerator(Mutex<Generator>);

impl PyGenerator {
    pub(crate) fn lock(&self) -> MutexGuard<'_, Generator> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a state can be made of.
    fn running(&self) -> PyResult<Mt19937> {
        match &*self.lock() {
            Generator::Running(generator) => Ok(generator.clone()),
            Generator::Sample(_) => Err(PyValueError::new_err("the numbers of samples have no state")),
        }
    }
}

#[pymethods]
impl PyGenerator {
    #[new]
    fn new(seed: u64) -> Self {
        Self(Mutex::new(Mt19937::new(seed).into()))
    }

    /// The words of single samples, in the stream of that number.
    #[staticmethod]
    fn of_samples(seed: u32, epoch: u32, stream: u32) -> Self {
        Self(Mutex::new(Philox::new(seed, epoch, stream).into()))
    }

    /// Goes to the first word of a sample, if samples have any of their own.
    fn begin(&self, index: i64) {
        self.lock().begin(index as u64);
    }

    /// Another generator at the same position.
    fn copy(&self) -> Self {
        Self(Mutex::new(self.lock().clone()))
    }

    /// Continues from another one's position.
    fn follow(&self, other: &Self) {
        let position = other.lock().clone();
        *self.lock() = position;
    }

    /// Continues from the bytes of `torch.Generator.get_state()`.
    fn load(&self, py: Python<'_>, state: PyBuffer<u8>) -> PyResult<()> {
        *self.lock() = Mt19937::from_torch_state(&state.to_vec(py)?).map_err(state_to_py)?.into();
        Ok(())
    }

    /// Writes this generator's position into the bytes of a state, for `torch.Generator.set_state()`.
    fn store(&self, py: Python<'_>, state: PyBuffer<u8>) -> PyResult<()> {
        if state.readonly() {
            return Err(PyBufferError::new_err("the state is read-only"));
        }
        let mut bytes = state.to_vec(py)?;
        self.running()?.write_torch_state(&mut bytes).map_err(state_to_py)?;
        state.copy_from_slice(py, &bytes)
    }

    /// Continues from the numbers of Python's `random.getstate()[1]`.
    fn load_python(&self, numbers: Vec<u32>) -> PyResult<()> {
        *self.lock() = Mt19937::from_python_state(&numbers).map_err(state_to_py)?.into();
        Ok(())
    }

    /// This generator's position as the numbers of Python's `random.getstate()[1]`.
    fn python_state<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, self.running()?.python_state())
    }

    /// What `torch.empty(1).uniform_(low, high)` draws, if it rounds like this.
    fn uniform(&self, low: f32, high: f32, fused: bool, half_open: bool) -> f32 {
        Uniform { fused, half_open }.draw(&mut *self.lock(), (low, high))
    }

    /// What `torch.multinomial(probabilities, 1)` draws, if it draws by exponential variates of its own generator.
    fn multinomial(&self, probabilities: Vec<f32>) -> usize {
        draw::multinomial(&mut *self.lock(), probabilities)
    }

    /// The next `count` 32-bit words in native byte order.
    fn words(&self, py: Python<'_>, count: usize) -> PyResult<Py<PyBytes>> {
        let mut generator = self.lock();
        PyBytes::new_with(py, 4 * count, |bytes| {
            for word in bytes.chunks_exact_mut(4) {
                word.copy_from_slice(&generator.next_u32().to_ne_bytes());
            }
            Ok(())
        })
        .map(Bound::unbind)
    }
}
