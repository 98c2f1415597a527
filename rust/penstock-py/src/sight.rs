//! A look at files that Python opened.
#![expect(unsafe_code, reason = "the binding's hand-over of a file descriptor")]

use std::cell::RefCell;
use std::fs::File;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use penstock_core::codec::{Decoder, Header, has_checksums};
use penstock_core::source::descriptors::Kept;
use penstock_core::source::header_cache::{FileStamp, Identity};
use penstock_core::source::known::{self, HEADER_CACHE};
use penstock_core::system;
use pyo3::exceptions::{PyOSError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::gil;

thread_local! {
    static DECODER: RefCell<Decoder> = RefCell::default();
}

/// Height, width, channels and format.
type Seen = (usize, usize, usize, &'static str);

fn seen(header: Header) -> Seen {
    (header.height, header.width, header.channels, header.format.name())
}

/// Content of files that is held at a time, at most.
const MOST_CONTENT: usize = 64 << 20;
static CONTENT: AtomicUsize = AtomicUsize::new(0);

/// All bytes of a file.
struct Content(Vec<u8>);

impl Content {
    /// Reads a file, if there is room for it.
    fn read(sight: FileStamp, file: &File) -> Option<Self> {
        let room = |held: usize| held.checked_add(sight.length).filter(|&held| held <= MOST_CONTENT);
        CONTENT.fetch_update(Ordering::Relaxed, Ordering::Relaxed, room).ok()?;
        let content = sight.read(file).ok().flatten();
        if content.is_none() {
            CONTENT.fetch_sub(sight.length, Ordering::Relaxed);
        }
        content.map(Self)
    }
}

impl Drop for Content {
    fn drop(&mut self) {
        CONTENT.fetch_sub(self.0.len(), Ordering::Relaxed);
    }
}

/// How a file is kept.
enum Keep {
    Open(Kept),
    /// No descriptor is to be had for it, or it will not stay as it is.
    Content(Content),
}

/// A file that was looked at, kept for as long as this lives, whatever happens to its path.
#[pyclass(frozen, name = "OpenFile", module = "penstock._native")]
pub(crate) struct PyOpenFile {
    keep: Keep,
    sight: FileStamp,
    stays: bool,
}

#[pymethods]
impl PyOpenFile {
    /// Whether a path leads to it, unchanged and for as long as anybody may want it.
    fn is_at(&self, path: PathBuf) -> bool {
        self.stays && self.sight.is_at(&path)
    }

    /// All of it, as it is now.
    fn read(&self, py: Python<'_>) -> PyResult<Py<PyBytes>> {
        let kept = match &self.keep {
            Keep::Open(kept) => kept,
            Keep::Content(content) => return Ok(PyBytes::new(py, &content.0).unbind()),
        };
        let content = gil::without(py, || self.sight.read(kept.file())).map_err(PyOSError::new_err)?;
        let content =
            content.ok_or_else(|| PyOSError::new_err("the file was changed while it was being loaded"))?;
        Ok(PyBytes::new(py, &content).unbind())
    }

    /// Whether the checksums of all chunks of this PNG are right.
    fn has_checksums(&self, py: Python<'_>) -> bool {
        if self.stays && HEADER_CACHE.is_checked(self.sight.identity) {
            return true;
        }
        let right = gil::without(py, || match &self.keep {
            Keep::Open(kept) => self
                .sight
                .read(kept.file())
                .is_ok_and(|content| content.as_deref().is_some_and(has_checksums)),
            Keep::Content(content) => has_checksums(&content.0),
        });
        if right && self.stays {
            HEADER_CACHE.put_checked(self.sight.identity);
        }
        right
    }
}

/// What was seen, by what the file is known again (zeros if it is not), and the file; or why Pillow should look at it.
#[derive(IntoPyObject)]
pub(crate) enum Look {
    Found(Seen, Py<PyBytes>, PyOpenFile),
    Not(&'static str),
}

/// What the header of an open file says. It `stays` if its path leads to it for as long as anybody may want it.
#[pyfunction]
pub(crate) fn look_at_file(py: Python<'_>, descriptor: i32, stays: bool) -> Look {
    // SAFETY: the caller holds the file open until this returns.
    let Some(file) = (unsafe { system::files::of_descriptor(descriptor) }) else {
        return Look::Not("this system has no descriptors");
    };
    let Ok(Some(sight)) = FileStamp::of(&file) else { return Look::Not("irregular file") };
    let header = HEADER_CACHE.get(sight.identity).or_else(|| {
        let header = gil::without(py, || {
            let content = sight.read(&file).ok()??;
            HEADER_CACHE.count();
            DECODER.with_borrow_mut(|decoder| decoder.survey(&content).ok())
        })?;
        if !sight.fresh {
            HEADER_CACHE.put(sight.identity, header);
        }
        Some(header)
    });
    let Some(header) = header else { return Look::Not("irregular file") };
    // Written just now, it may be a file for this one purpose, and gone when its pixels are made.
    let stays = stays && !sight.fresh;
    let kept = if stays { Kept::duplicate(&file) } else { None };
    let keep =
        kept.map(Keep::Open).or_else(|| gil::without(py, || Content::read(sight, &file)).map(Keep::Content));
    let Some(keep) = keep else { return Look::Not("so many files are held already") };
    let identity = if stays { sight.identity.0 } else { 0 };
    let identity = PyBytes::new(py, &identity.to_le_bytes()).unbind();
    Look::Found(seen(header), identity, PyOpenFile { keep, sight, stays })
}

/// What the header of a file's content says; `None` if Pillow should look at it.
#[pyfunction]
pub(crate) fn look_through(py: Python<'_>, content: &Bound<'_, PyBytes>) -> Option<Seen> {
    let content = content.as_bytes();
    HEADER_CACHE.count();
    gil::without(py, || DECODER.with_borrow_mut(|decoder| decoder.survey(content).ok())).map(seen)
}

/// Whether the checksums of all chunks of a PNG's content are right.
#[pyfunction(name = "has_checksums")]
pub(crate) fn content_has_checksums(py: Python<'_>, content: &Bound<'_, PyBytes>) -> bool {
    let content = content.as_bytes();
    gil::without(py, || has_checksums(content))
}

/// Files that this process has looked through, and those that it has stepped through for where their parts are.
#[pyfunction]
pub(crate) fn first_sights() -> (usize, usize) {
    (HEADER_CACHE.looks(), penstock_core::codec::passes())
}

/// Makes this process one of which others can be forked.
#[pyfunction]
pub(crate) fn prepare_for_workers() {
    known::prepare();
}

/// Has this process, a worker, keep what it learns to be taken.
#[pyfunction]
pub(crate) fn be_worker() {
    known::be_worker();
}

/// What this worker learned of files since the last call.
#[pyfunction]
pub(crate) fn take_learned(py: Python<'_>) -> Py<PyBytes> {
    PyBytes::new(py, &known::take_learned()).unbind()
}

/// What this process knows of files, in about so many bytes at most.
#[pyfunction]
pub(crate) fn known_files(py: Python<'_>, most: usize) -> Py<PyBytes> {
    PyBytes::new(py, &known::write(most)).unbind()
}

/// Learns what another process gave, and takes over its keys if this one begins with it.
#[pyfunction]
pub(crate) fn learn(content: &Bound<'_, PyBytes>, begins: bool) -> PyResult<()> {
    let learn = if begins { known::inherit } else { known::learn };
    if learn(content.as_bytes()) { Ok(()) } else { Err(PyValueError::new_err("this is nothing of files")) }
}

/// The identity in a record; `None` if nothing should be remembered of the file.
pub(crate) fn identity(bytes: [u8; 16]) -> Option<Identity> {
    Some(u128::from_le_bytes(bytes)).filter(|&number| number != 0).map(Identity)
}
