//! One picture, here and now, by the thread that asks for it.

use super::tools::{Tools, View};
use crate::codec::{Header, read_header};
use crate::error::Error;
use crate::image::Picture;
use crate::plan::{Plan, Step};
use crate::source::files::Left;
use crate::write::{Output, Stores};

/// What a picture is made of.
#[derive(Debug, Clone, Copy)]
pub enum Original<'a> {
    /// A file's content.
    File(&'a [u8]),
    /// Pixels, of as many channels as the plan's.
    Pixels(Picture<'a>),
}

/// Makes one picture, of steps that were drawn for one of this header; or says why its file is left to Pillow, and
/// `out` then holds anything.
///
/// # Errors
/// [`Error::Render`] if the steps were drawn for another size, or `out` is of another one.
pub fn render_alone(
    original: Original<'_>,
    header: Header,
    plan: &Plan,
    steps: &[Step],
    out: Output<'_>,
) -> Result<Result<(), Left>, Error> {
    let view = View { plan, steps };
    let made = Tools::lend(|tools| {
        tools.workspace.set_stores(Stores::Cached);
        let made = match original {
            Original::Pixels(picture) => tools.view_pixels(&picture, view, out).map(Ok),
            Original::File(bytes) => match read_header(bytes) {
                Ok(found) if found == header => tools.view_file(bytes, header, view, out),
                Ok(_) => Ok(Err(Left::Changed)),
                Err(irregular) => Ok(Err(Left::Irregular(irregular))),
            },
        };
        tools.tally = Default::default();
        made
    });
    made.map_err(|source| Error::Render { sample: 0, source })
}
