//! What a thread needs to make pictures, kept from one to the next.

use std::cell::RefCell;
use std::time::Instant;

use crate::codec::{Decoder, Header};
use crate::image::Picture;
use crate::plan::{Plan, Step, Workspace};
use crate::source::files::Left;
use crate::stats::Tally;
use crate::write::{Output, RenderError};

/// One thread's buffers.
#[derive(Debug, Default)]
pub(super) struct Tools {
    pub(super) workspace: Workspace,
    pub(super) decoder: Decoder,
    /// What was done since somebody asked last.
    pub(super) tally: Tally,
}

/// What becomes of a picture.
#[derive(Debug, Clone, Copy)]
pub(super) struct View<'v> {
    pub(super) plan: &'v Plan,
    pub(super) steps: &'v [Step],
}

thread_local! {
    /// Of threads that are not the pool's.
    static TOOLS: RefCell<Tools> = RefCell::default();
}

impl Tools {
    /// Lends the buffers of the calling thread, which is none of the pool's.
    pub(super) fn lend<T>(work: impl FnOnce(&mut Tools) -> T) -> T {
        TOOLS.with_borrow_mut(work)
    }

    /// Makes a view of a file's picture, or says why the file is left to Pillow; `out` then holds anything.
    pub(super) fn view_file(
        &mut self,
        file: &[u8],
        header: Header,
        view: View<'_>,
        out: Output<'_>,
    ) -> Result<Result<(), Left>, RenderError> {
        let Tools { workspace, decoder, tally } = self;
        let View { plan, steps } = view;
        let looked_at = workspace.source_region(header.size(), steps);
        // If only margins are seen of it, damage must be found all the same.
        let only_margins = looked_at.is_empty();
        let region = if only_margins { header.whole() } else { looked_at.into() };
        let start = Instant::now();
        let decoded = decoder.decode(file, header, region);
        tally.decoding += start.elapsed();
        let decoded = match decoded {
            Ok(decoded) => decoded,
            Err(irregular) => return Ok(Err(Left::Irregular(irregular))),
        };
        tally.decoded += 1;
        tally.known += usize::from(decoded.known);
        let gray = decoded.picture.gray().filter(|_| plan.table().channels() == 1);
        let picture = gray.unwrap_or(decoded.picture);
        if only_margins {
            plan.render(&picture, steps, workspace, out).map(Ok)
        } else {
            plan.render_part(&picture, header.size(), steps, workspace, out).map(Ok)
        }
    }

    /// Makes a view of a picture in memory.
    pub(super) fn view_pixels(
        &mut self,
        picture: &Picture<'_>,
        view: View<'_>,
        out: Output<'_>,
    ) -> Result<(), RenderError> {
        view.plan.render(picture, view.steps, &mut self.workspace, out)
    }
}
