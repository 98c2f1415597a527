//! A look at files that Python opened.
#![expect(unsafe_code, reason = "the binding's hand-over of a file descriptor")]

use std::cell::RefCell;
use std::fs::File;
use std::os::fd::{BorrowedFd, RawFd};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

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

/// Files that are held open at a time, at most: a process may have some thousand.
const MOST_HELD: usize = 256;
static HELD: AtomicUsize = AtomicUsize::new(0);

/// How a file is kept.
enum Kept {
    Open(File),
    /// All of it: enough files are open.
    Content(Vec<u8>),
}

/// A file that was looked at, kept for as long as this lives, whatever happens to its path.
#[pyclass(frozen, name = "OpenFile", module = "penstock._native")]
pub(crate) struct PyOpenFile {
    kept: Kept,
    sight: Sight,
}

#[pymethods]
impl PyOpenFile {
    /// Whether a path leads to it, unchanged.
    fn is_at(&self, path: PathBuf) -> bool {
        self.sight.is_at(&path)
    }

    /// All of it, as it is now.
    fn read(&self, py: Python<'_>) -> PyResult<Py<PyBytes>> {
        let file = match &self.kept {
            Kept::Open(file) => file,
            Kept::Content(content) => return Ok(PyBytes::new(py, content).unbind()),
        };
        let content = gil::without(py, || self.sight.read(file)).map_err(PyOSError::new_err)?;
        let content =
            content.ok_or_else(|| PyOSError::new_err("the file was changed while it was being loaded"))?;
        Ok(PyBytes::new(py, &content).unbind())
    }
}

impl Drop for PyOpenFile {
    fn drop(&mut self) {
        if matches!(self.kept, Kept::Open(_)) {
            HELD.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// What was seen, by what the file is known again, whether it was changed just now, and the file.
type Look = (Seen, Py<PyBytes>, bool, PyOpenFile);

/// What the header of an open file says; `None` if Pillow should look at it.
#[pyfunction]
pub(crate) fn look_at_file(py: Python<'_>, descriptor: RawFd) -> PyResult<Option<Look>> {
    // SAFETY: the caller holds the file open until this returns.
    let file = unsafe { BorrowedFd::borrow_raw(descriptor) }.try_clone_to_owned().map(File::from);
    let file = file.map_err(PyOSError::new_err)?;
    let Ok(Some(sight)) = Sight::of(&file) else { return Ok(None) };
    let header = SIGHTS.get(sight.identity).or_else(|| {
        let header = gil::without(py, || {
            let content = sight.read(&file).ok()??;
            DECODER.with_borrow_mut(|decoder| decoder.survey(&content).ok())
        })?;
        if !sight.fresh {
            SIGHTS.put(sight.identity, header);
        }
        Some(header)
    });
    let Some(header) = header else { return Ok(None) };
    let kept = if HELD.fetch_add(1, Ordering::Relaxed) < MOST_HELD {
        Kept::Open(file)
    } else {
        HELD.fetch_sub(1, Ordering::Relaxed);
        let Ok(Some(content)) = gil::without(py, || sight.read(&file)) else { return Ok(None) };
        Kept::Content(content)
    };
    let identity = PyBytes::new(py, &sight.identity.0.to_le_bytes()).unbind();
    Ok(Some((seen(header), identity, sight.fresh, PyOpenFile { kept, sight })))
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
