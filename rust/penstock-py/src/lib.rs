//! The Python binding of penstock: module `penstock._native`.
//!
//! It converts arguments, calls the core without the GIL and converts the results; it decides nothing. What
//! each class means stands in `python/penstock/_native.pyi`, which `mypy.stubtest` compares with this module.

#![expect(clippy::needless_pass_by_value, reason = "PyO3 hands arguments over by value")]

use pyo3::prelude::*;

mod ask;
mod batch;
mod buffer;
mod drawn;
mod error;
mod files;
mod generator;
mod gil;
mod integers;
mod jpeg;
mod operands;
mod plan;
mod record;
mod sight;
mod single;
mod source;
mod steps;
mod tickets;

#[pymodule]
mod _native {
    use penstock_core::level;
    use pyo3::prelude::*;

    #[pymodule_export]
    use super::batch::{PyBatch, PyJobQueue};
    #[pymodule_export]
    use super::buffer::{PyBuffer, memory_usage, trim_heap, trim_memory};
    #[pymodule_export]
    use super::drawn::draw_steps;
    #[pymodule_export]
    use super::files::PyFiles;
    #[pymodule_export]
    use super::generator::PyGenerator;
    #[pymodule_export]
    use super::integers::PyIntegers;
    #[pymodule_export]
    use super::jpeg::{PyJpegFile, decode_image, decode_jpeg, image_shape, jpeg_shape};
    #[pymodule_export]
    use super::operands::PyOp;
    #[pymodule_export]
    use super::plan::PyPlan;
    #[pymodule_export]
    use super::sight::{
        PyOpenFile, be_worker, content_has_checksums, first_sights, known_files, learn, look_at_file,
        look_through, prepare_for_workers, take_learned,
    };
    #[pymodule_export]
    use super::single::render_image;
    #[pymodule_export]
    use super::source::PyArrayImages;
    #[pymodule_export]
    use super::steps::{cascade_sum, mask_holes, operands_of, operation_names, step};
    #[pymodule_export]
    use super::{available_parallelism, index_usage, simd_level};

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        // A second interpreter in the process finds the logger set already.
        let _ = pyo3_log::try_init();
        if let Some(name) = level::misnamed() {
            log::warn!(
                "{}={name} names no level of vector instructions of this machine's kind",
                level::VARIABLE
            );
        }
        module.add("system", penstock_core::system::NAME)?;
        module.add("__version__", env!("CARGO_PKG_VERSION"))?;
        module.add("build_profile", if cfg!(debug_assertions) { "debug" } else { "release" })
    }
}

/// Threads that this process may run at once: its affinity and its cgroup's quota.
#[pyfunction]
fn available_parallelism() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Number of files of which this process knows where their parts are, and the bytes that this takes.
#[pyfunction]
fn index_usage() -> (usize, usize) {
    let penstock_core::codec::Usage { files, bytes } = penstock_core::codec::usage();
    (files, bytes)
}

/// The vector instructions that the kernels use on this machine.
#[pyfunction]
fn simd_level() -> &'static str {
    penstock_core::level::in_use().name()
}
