//! A plan's draws for one image, by a generator that is torch's own before and after.

use penstock_core::ops::recordable;
use penstock_core::plan::wire;
use penstock_core::random::{Mt19937, Streams};
use pyo3::buffer::PyBuffer;
use pyo3::exceptions::PyBufferError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::ask;
use crate::error::state_to_py;
use crate::plan::PyPlan;

/// What each step was drawn as, and the step as it is sent; height and width after all of them.
type Drawn<'py> = (Vec<(&'static str, Bound<'py, PyBytes>)>, (u32, u32));

/// Draws an image's steps; `None`, and nothing is drawn, where torch would raise, or a fill is unknown.
#[pyfunction]
#[pyo3(signature = (plan, size, fills, state=None))]
pub(crate) fn draw_steps<'py>(
    py: Python<'py>,
    plan: &PyPlan,
    size: (u32, u32),
    fills: Vec<[u8; 3]>,
    state: Option<PyBuffer<u8>>,
) -> PyResult<Option<Drawn<'py>>> {
    let mut bytes = state.as_ref().map(|state| state.to_vec(py)).transpose()?;
    let generator = match &bytes {
        Some(bytes) => Mt19937::from_torch_state(bytes).map_err(state_to_py)?,
        None => Mt19937::new(0),
    };
    let (mut streams, mut steps) = (Streams::from(generator), Vec::new());
    let after = plan.0.draw(size, &mut streams, &mut steps);
    ask::check()?;
    let Ok(after) = after else { return Ok(None) };
    let Some(named) = recordable(steps, size, &fills) else { return Ok(None) };
    if let (Some(state), Some(bytes)) = (&state, &mut bytes) {
        if state.readonly() {
            return Err(PyBufferError::new_err("the state is read-only"));
        }
        streams.torch.lend().write_torch_state(bytes).map_err(state_to_py)?;
        state.copy_from_slice(py, bytes)?;
    }
    let sent = |(name, step)| {
        let mut bytes = Vec::new();
        wire::write(&step, &mut bytes);
        (name, PyBytes::new(py, &bytes))
    };
    Ok(Some((named.into_iter().map(sent).collect(), after)))
}
