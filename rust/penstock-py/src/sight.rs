//! A look at files that Python opened.
#![expect(unsafe_code, reason = "the binding's hand-over of a file descriptor")]

use std::cell::RefCell;
use std::fs::File;
use std::os::fd::{BorrowedFd, RawFd};

use penstock_core::codec::{Decoder, Header};
use penstock_core::source::sights::{Identity, Sight, Sights};
use pyo3::exceptions::PyOSError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::gil;

thread_local! {
    static DECODER: RefCell<Decoder> = RefCell::default();
}

/// Files that Pillow gets through, which were seen by this process or by one that told it.
pub(crate) static SIGHTS: Sights = Sights::new();

/// Height, width, channels and format.
type Seen = (usize, usize, usize, &'static str);

fn seen(header: Header) -> Seen {
    (header.height, header.width, header.channels, header.format.name())
}

/// What the header of an open file says, its identity, and whether it was changed just now; `None` if Pillow should
/// look at it.
#[pyfunction]
pub(crate) fn look_at_file(py: Python<'_>, descriptor: RawFd) -> PyResult<Option<(Seen, Py<PyBytes>, bool)>> {
    // SAFETY: the caller holds the file open until this returns.
    let file = unsafe { BorrowedFd::borrow_raw(descriptor) }.try_clone_to_owned().map(File::from);
    let file = file.map_err(PyOSError::new_err)?;
    let Ok(Some(sight)) = Sight::of(&file) else { return Ok(None) };
    let found =
        |header| (seen(header), PyBytes::new(py, &sight.identity.0.to_le_bytes()).unbind(), sight.fresh);
    if let Some(header) = SIGHTS.get(sight.identity) {
        return Ok(Some(found(header)));
    }
    let header = gil::without(py, || {
        let content = sight.read(&file).ok()??;
        DECODER.with_borrow_mut(|decoder| decoder.survey(&content).ok())
    });
    if let Some(header) = header
        && !sight.fresh
    {
        SIGHTS.put(sight.identity, header);
    }
    Ok(header.map(found))
}

/// What the header of a file's content says; `None` if Pillow should look at it.
#[pyfunction]
pub(crate) fn look_through(py: Python<'_>, content: &Bound<'_, PyBytes>) -> Option<Seen> {
    let content = content.as_bytes();
    gil::without(py, || DECODER.with_borrow_mut(|decoder| decoder.survey(content).ok())).map(seen)
}

/// The identity in a record; `None` if nothing should be remembered of the file.
pub(crate) fn identity(bytes: [u8; 16]) -> Option<Identity> {
    Some(u128::from_le_bytes(bytes)).filter(|&number| number != 0).map(Identity)
}
