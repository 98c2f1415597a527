//! The files that are measured: up to 40 of those under the folder that `PENSTOCK_PHOTOS` names, or without it the tests'
//! images, which are so small that tables dominate.

use std::path::Path;

#[path = "../../tests/samples/mod.rs"]
#[expect(dead_code, reason = "the benchmark compares no pixels")]
mod samples;

/// Files measured at most.
const FILES: usize = 40;

/// The bytes of each.
pub(crate) fn files() -> Vec<Vec<u8>> {
    let mut files = Vec::new();
    match std::env::var_os("PENSTOCK_PHOTOS") {
        Some(folder) => files_under(Path::new(&folder), &mut files),
        None => files.extend(samples::IMAGES.iter().map(samples::Sample::file)),
    }
    let step = files.len().div_ceil(FILES).max(1);
    files.into_iter().step_by(step).collect()
}

fn files_under(folder: &Path, found: &mut Vec<Vec<u8>>) {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<_> = entries.map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            files_under(&path, found);
        } else if let Ok(data) = std::fs::read(&path) {
            found.push(data);
        }
    }
}
