//! One image, here and now, by the thread that asks for it.

use super::tools::{Tools, View, Views};
use crate::codec::{Header, read_header};
use crate::error::Error;
use crate::image::ImageView;
use crate::plan::{Plan, Step};
use crate::source::files::Fallback;
use crate::stats::BatchStats;
use crate::write::{Output, Stores};

/// What an image is made of.
#[derive(Debug, Clone, Copy)]
pub enum Original<'a> {
    /// A file's content.
    File(&'a [u8]),
    /// Pixels, of as many channels as the plan's.
    Pixels(ImageView<'a>),
}

/// Makes one image, of steps that were drawn for one of this header; or says why its file is left to Pillow, and
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
) -> Result<Result<(), Fallback>, Error> {
    let mut single = Single { view: View { plan, steps }, out: Some(out) };
    let made = Tools::lend(|tools| {
        tools.workspace.set_stores(Stores::Cached);
        let made = match original {
            Original::Pixels(image) => tools.view_pixels(&image, &mut single).map(Ok),
            Original::File(bytes) => match read_header(bytes) {
                Ok(found) if header.is_of(found) => tools.view_file(bytes, header, &mut single),
                Ok(_) => Ok(Err(Fallback::Changed)),
                Err(irregular) => Ok(Err(Fallback::Irregular(irregular))),
            },
        };
        tools.tally = BatchStats::default();
        made
    });
    made.map_err(|source| Error::Render { sample: 0, source })
}

struct Single<'v> {
    view: View<'v>,
    out: Option<Output<'v>>,
}

impl<'v> Views<'v> for Single<'v> {
    fn count(&self) -> usize {
        1
    }

    fn view(&self, _index: usize) -> View<'v> {
        self.view
    }

    fn output(&mut self, _index: usize) -> Output<'v> {
        self.out.take().unwrap_or_else(|| unreachable!("there is one view"))
    }
}
