//! One batch and one iterator's queue.
#![expect(unsafe_code, reason = "the binding's pointer hand-over: a batch holds what its job points to")]

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use penstock_core::engine::{Content, DrawnBatch, Job, JobQueue, Reading, Slots};
use penstock_core::plan::Plan;
use penstock_core::random::Streams;
use penstock_core::stats::BatchStats;
use pyo3::buffer::PyBuffer;
use pyo3::exceptions::{PyBufferError, PyIndexError, PyRuntimeError, PyValueError};
use pyo3::prelude::*;

use crate::ask;
use crate::error::to_py;
use crate::files::PyFiles;
use crate::generator::PyGenerator;
use crate::gil;
use crate::integers::PyIntegers;
use crate::source::PyArrayImages;
use crate::tickets::{self, Gathered, Mixed, Ticket};

/// One iterator's queue of batches.
#[pyclass(frozen, name = "JobQueue", module = "penstock._native")]
pub(crate) struct PyJobQueue {
    stream: Arc<JobQueue>,
    #[pyo3(get)]
    threads: usize,
}

#[pymethods]
impl PyJobQueue {
    #[new]
    fn new(threads: usize) -> Self {
        Self { stream: Arc::new(JobQueue::new(threads)), threads }
    }
}

/// Images decoded, and those of known files; seconds of decoding and rendering; images left to Pillow, and why.
type PyBatchStats = (usize, usize, f64, f64, Vec<(usize, &'static str)>);

/// The image at which torch would have raised: position, operation, and the size that it met.
type Refused = (usize, usize, u32, u32);

/// A batch whose numbers are drawn; its pixels are made once it has memory.
#[pyclass(frozen, name = "Batch", module = "penstock._native")]
pub(crate) struct PyBatch {
    /// Taken when the batch is submitted; with the memory of its outputs, if that was given before.
    drawn_batch: Mutex<Option<(DrawnBatch, Vec<Slots>)>>,
    #[pyo3(get)]
    refused: Option<Refused>,
    #[pyo3(get)]
    shapes: Vec<[usize; 3]>,
    work: OnceLock<Work>,
    /// Own the images' memory, and that of the outputs that were given before.
    _held: Held,
    /// Of recorded images, for each sample its views.
    views: Vec<Vec<(usize, usize)>>,
    /// Files that may still be read.
    reading: Option<Arc<Reading>>,
}

/// What owns memory.
type Held = (Vec<Py<PyArrayImages>>, Vec<PyBuffer<u8>>);

struct Work {
    job: Arc<Job>,
    stream: Arc<JobQueue>,
    /// Own the outputs' memory, if that was given last.
    _out: Vec<PyBuffer<u8>>,
}

/// Where images come from: arrays, or files that were read.
#[derive(FromPyObject)]
enum Source<'py> {
    Array(PyRef<'py, PyArrayImages>),
    Files(PyRef<'py, PyFiles>),
}

impl Source<'_> {
    fn plans(&self) -> &[Arc<Plan>] {
        match self {
            Source::Array(source) => source.plans(),
            Source::Files(files) => files.plans(),
        }
    }

    /// Image `index`.
    ///
    /// # Safety
    /// It must not be used after the source is gone.
    unsafe fn content(&self, index: i64) -> PyResult<Content> {
        match self {
            // SAFETY: passed on.
            Source::Array(source) => Ok(Content::Pixels(unsafe { source.image(index)? })),
            Source::Files(files) => files.content(index),
        }
    }

    /// What keeps the images' memory; a file that is part of a batch keeps its own.
    fn owner(self) -> Option<Py<PyArrayImages>> {
        match self {
            Source::Array(source) => Some(source.into()),
            Source::Files(_) => None,
        }
    }
}

#[derive(FromPyObject)]
enum Sources<'py> {
    One(Source<'py>),
    Each(Vec<Source<'py>>),
}

/// Where the pixels go: to one tensor, or to one for each view of an image.
#[derive(FromPyObject)]
enum Outputs {
    One(PyBuffer<u8>),
    Each(Vec<PyBuffer<u8>>),
}

impl Outputs {
    fn read(self) -> Vec<PyBuffer<u8>> {
        match self {
            Outputs::One(out) => vec![out],
            Outputs::Each(outs) => outs,
        }
    }
}

/// Indices, read already or still Python's.
#[derive(FromPyObject)]
enum Indices<'py> {
    Read(PyRef<'py, PyIntegers>),
    Unread(Vec<i64>),
}

impl Indices<'_> {
    fn values(&self) -> &[i64] {
        match self {
            Indices::Read(integers) => integers.values(),
            Indices::Unread(integers) => integers,
        }
    }
}

#[pymethods]
impl PyBatch {
    #[new]
    #[pyo3(signature = (sources, indices, generator, python=None, samples=None))]
    fn new(
        sources: Sources<'_>,
        indices: Indices<'_>,
        generator: &PyGenerator,
        python: Option<&PyGenerator>,
        samples: Option<Indices<'_>>,
    ) -> PyResult<Self> {
        let indices = indices.values();
        let samples = samples.as_ref().map(Indices::values);
        if samples.is_some_and(|samples| samples.len() != indices.len()) {
            return Err(PyValueError::new_err("as many samples as indices are needed"));
        }
        if let Sources::Each(sources) = &sources
            && sources.len() != indices.len()
        {
            return Err(PyValueError::new_err("as many sources as indices are needed"));
        }
        let mut drawn_batch = DrawnBatch::with_capacity(indices.len());
        // A copy draws: torch's functions may be asked meanwhile, and they let other Python threads run, which
        // must not find the generator locked.
        let mut drawing = Streams::from(generator.lock().clone());
        if let Some(python) = python {
            drawing.python = python.lock().clone();
        }
        let mut draw = || {
            for (position, &index) in indices.iter().enumerate() {
                let source = match &sources {
                    Sources::One(source) => source,
                    Sources::Each(sources) => &sources[position],
                };
                // SAFETY: the batch holds its sources for as long as its drawn batch or job.
                let content = unsafe { source.content(index)? };
                if let Some(samples) = samples {
                    drawing.begin(samples[position] as u64);
                }
                if let Err(refusal) = drawn_batch.push(source.plans(), content, &mut drawing) {
                    return Ok(Some((position, refusal.op, refusal.height, refusal.width)));
                }
            }
            PyResult::Ok(None)
        };
        let drawn = draw();
        ask::check()?;
        *generator.lock() = drawing.torch;
        if let Some(python) = python {
            *python.lock() = drawing.python;
        }
        let refused = drawn?;
        let held = match sources {
            Sources::One(source) => source.owner().into_iter().collect(),
            Sources::Each(sources) => sources.into_iter().filter_map(Source::owner).collect(),
        };
        let shapes = if drawn_batch.is_ragged() || refused.is_some() {
            drawn_batch.shapes().collect()
        } else {
            drawn_batch.first_views().map(|(shape, _)| shape).collect()
        };
        let mut batch = Self::of(drawn_batch, Vec::new(), (held, Vec::new()));
        (batch.refused, batch.shapes) = (refused, shapes);
        Ok(batch)
    }

    /// A batch of images whose steps were drawn elsewhere, in files that may still be read.
    #[staticmethod]
    fn recorded(tickets: Vec<Ticket<'_>>) -> PyResult<Self> {
        // SAFETY: the batch holds the memory, and `drop` cancels its job before it lets go of that.
        let Gathered { drawn_batch, outputs, reading, memory, views } = unsafe { tickets::gather(tickets)? };
        let mut batch = Self::of(drawn_batch, outputs, (Vec::new(), memory));
        (batch.views, batch.reading) = (views, Some(reading));
        Ok(batch)
    }

    /// The views of a recorded image: for each its ticket, and the position in that.
    fn views(&self, position: usize) -> PyResult<Vec<(usize, usize)>> {
        let views = self.views.get(position);
        views.cloned().ok_or_else(|| PyIndexError::new_err(format!("no recorded image {position}")))
    }

    /// Has the pixels made in `out`, a buffer or one for each view, by the stream's threads, and mixed.
    #[pyo3(signature = (stream, out=None, mixes=Vec::new(), strides=None))]
    fn submit(
        &self,
        stream: &PyJobQueue,
        out: Option<Outputs>,
        mixes: Vec<Mixed>,
        strides: Option<[usize; 3]>,
    ) -> PyResult<()> {
        let work = self.begin(Arc::clone(&stream.stream), out, mixes, strides)?;
        // With the GIL: a fork from another Python thread must not find the engine's locks taken.
        work.stream.submit(Arc::clone(&work.job)).map_err(|error| to_py(&error))
    }

    /// Makes the pixels in `out` with this thread's help, and returns when they are made.
    #[pyo3(signature = (stream, out=None, mixes=Vec::new(), strides=None))]
    fn run(
        &self,
        py: Python<'_>,
        stream: &PyJobQueue,
        out: Option<Outputs>,
        mixes: Vec<Mixed>,
        strides: Option<[usize; 3]>,
    ) -> PyResult<()> {
        // Nothing is prepared ahead here, so a forked child goes on with threads of its own.
        let ours = stream.stream.is_ours();
        let queue = if ours { Arc::clone(&stream.stream) } else { Arc::new(JobQueue::new(stream.threads)) };
        let work = self.begin(queue, out, mixes, strides)?;
        work.stream.share(&work.job).map_err(|error| to_py(&error))?;
        let made = gil::wait(py, None, |patience| {
            let deadline = Instant::now() + patience;
            work.job.help(patience);
            work.job.wait(deadline.saturating_duration_since(Instant::now()))
        })?;
        made.transpose().map(|_| ()).map_err(|error| to_py(&error))
    }

    /// Waits until the pixels are made; false if that takes longer than `timeout` seconds.
    #[pyo3(signature = (timeout=None))]
    fn wait(&self, py: Python<'_>, timeout: Option<f64>) -> PyResult<bool> {
        let work = self.work.get().ok_or_else(|| PyRuntimeError::new_err("the batch was not submitted"))?;
        if !work.stream.is_ours() {
            return Err(to_py(&penstock_core::Error::Forked));
        }
        let timeout = timeout.map(|seconds| Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX));
        match gil::wait(py, timeout, |patience| work.job.wait(patience))? {
            None => Ok(false),
            Some(made) => made.map(|()| true).map_err(|error| to_py(&error)),
        }
    }

    /// What was done; complete once the pixels are made.
    fn tally(&self) -> PyBatchStats {
        let BatchStats { decoded, known, decoding, rendering, fallbacks } =
            self.work.get().map(|work| work.job.tally()).unwrap_or_default();
        let fallbacks = fallbacks.into_iter().map(|(position, why)| (position, why.name())).collect();
        (decoded, known, decoding.as_secs_f64(), rendering.as_secs_f64(), fallbacks)
    }

    /// Makes all views of such an image of the first one of `source`; false if that is not of its size.
    fn supply(&self, position: usize, source: &PyArrayImages) -> PyResult<bool> {
        let work = self.work.get().ok_or_else(|| PyRuntimeError::new_err("the batch was not submitted"))?;
        // SAFETY: the source outlives this call.
        let image = unsafe { source.image(0)? };
        work.job.supply(position, &image).map_err(|error| to_py(&error))
    }
}

impl PyBatch {
    fn of(drawn_batch: DrawnBatch, outputs: Vec<Slots>, held: Held) -> Self {
        Self {
            drawn_batch: Mutex::new(Some((drawn_batch, outputs))),
            refused: None,
            shapes: Vec::new(),
            work: OnceLock::new(),
            _held: held,
            views: Vec::new(),
            reading: None,
        }
    }

    /// Begins the work; strides are those of each image in elements, if it does not lie channel after channel.
    fn begin(
        &self,
        stream: Arc<JobQueue>,
        out: Option<Outputs>,
        mixes: Vec<Mixed>,
        strides: Option<[usize; 3]>,
    ) -> PyResult<&Work> {
        let out = out.map(Outputs::read).unwrap_or_default();
        if out.iter().any(|out| out.readonly() || !out.is_c_contiguous()) {
            return Err(PyBufferError::new_err("a batch is written to a writable, C-contiguous buffer"));
        }
        if out.len() > 1 && !mixes.is_empty() {
            return Err(PyValueError::new_err("images of several outputs are not mixed"));
        }
        let drawn_batch = self.drawn_batch.lock().unwrap_or_else(PoisonError::into_inner).take();
        let (drawn_batch, mut outputs) =
            drawn_batch.ok_or_else(|| PyRuntimeError::new_err("the batch was submitted already"))?;
        let mut views = drawn_batch.first_views();
        let mut mixes = Some(mixes);
        for out in &out {
            let (base, given) = (out.buf_ptr().cast(), out.len_bytes());
            let layout = views.next().map(|(shape, element)| tickets::layout(shape, element, strides));
            let needed = layout.map_or(Some(0), |layout| layout?.extent().checked_mul(drawn_batch.len()));
            if needed != Some(given) {
                let needed = needed.unwrap_or(usize::MAX);
                return Err(to_py(&penstock_core::Error::OutputSize { needed, given }));
            }
            // SAFETY: `Work` holds the buffer, and `drop` cancels the job before it lets go of it.
            let slots = layout.flatten().map(|layout| unsafe { Slots::new(base, given, layout) });
            let mixes = mixes.take().unwrap_or_default();
            outputs.extend(slots.map(|slots| tickets::mixed(slots, mixes)).transpose()?);
        }
        drop(views);
        let job = Arc::new(Job::new(drawn_batch, outputs).map_err(|error| to_py(&error))?);
        Ok(self.work.get_or_init(|| Work { job, stream, _out: out }))
    }
}

impl Drop for PyBatch {
    fn drop(&mut self) {
        // In a forked child nobody is at work, and the job's lock may be in any state.
        if let Some(work) = self.work.get()
            && work.stream.is_ours()
        {
            Python::attach(|py| {
                if let Some(reading) = &self.reading {
                    reading.cancel();
                }
                gil::without(py, || work.job.cancel());
            });
        }
    }
}
