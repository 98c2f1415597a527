//! What a thread needs to make images, kept from one to the next.

use std::cell::RefCell;
use std::time::Instant;

use super::shared::{Cluster, clusters};
use crate::codec::{Decoder, Header};
use crate::image::{ImageView, Region};
use crate::plan::{Plan, Step, Workspace};
use crate::source::files::Fallback;
use crate::stats::BatchStats;
use crate::write::{Output, RenderError};

/// One thread's buffers.
#[derive(Debug, Default)]
pub(super) struct Tools {
    pub(super) workspace: Workspace,
    pub(super) decoder: Decoder,
    /// What was done since somebody asked last.
    pub(super) tally: BatchStats,
}

/// What becomes of an image.
#[derive(Debug, Clone, Copy)]
pub(super) struct View<'v> {
    pub(super) plan: &'v Plan,
    pub(super) steps: &'v [Step],
}

/// Views of one image, and where each goes; a place is asked for once.
pub(super) trait Views<'v> {
    fn count(&self) -> usize;
    fn view(&self, index: usize) -> View<'v>;
    fn output(&mut self, index: usize) -> Output<'v>;
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

    /// Makes the views of a file's image, or says why the file is left to Pillow; their memory then holds anything.
    pub(super) fn view_file<'v>(
        &mut self,
        file: &[u8],
        header: Header,
        views: &mut impl Views<'v>,
    ) -> Result<Result<(), Fallback>, RenderError> {
        let size = header.size();
        if views.count() == 1 {
            let region = self.workspace.source_region(size, views.view(0).steps);
            return self.view_region(file, header, &region, [0], views);
        }
        let regions = (0..views.count()).map(|i| self.workspace.source_region(size, views.view(i).steps));
        let regions: Vec<Region> = regions.collect();
        for Cluster { region, members } in clusters(&regions, Decoder::knows(file, header)) {
            if let Err(left) = self.view_region(file, header, &region, members, views)? {
                return Ok(Err(left));
            }
        }
        Ok(Ok(()))
    }

    /// Decodes a region and makes the views that need no more of the image.
    fn view_region<'v>(
        &mut self,
        file: &[u8],
        header: Header,
        region: &Region,
        members: impl IntoIterator<Item = usize>,
        views: &mut impl Views<'v>,
    ) -> Result<Result<(), Fallback>, RenderError> {
        let Tools { workspace, decoder, tally } = self;
        // If only margins are seen of it, damage must be found all the same.
        let whole = region.is_empty();
        let start = Instant::now();
        let decoded =
            decoder.decode(file, header, if whole { header.whole() } else { region.clone().into() });
        tally.decoding += start.elapsed();
        let decoded = match decoded {
            Ok(decoded) => decoded,
            Err(irregular) => return Ok(Err(Fallback::Irregular(irregular))),
        };
        tally.decoded += 1;
        tally.known += usize::from(decoded.known);
        for member in members {
            let View { plan, steps } = views.view(member);
            let gray = decoded.image.gray().filter(|_| plan.channels_before(steps) == 1);
            let (image, out) = (gray.unwrap_or(decoded.image), views.output(member));
            if whole {
                plan.render(&image, steps, workspace, out)?;
                continue;
            }
            let wanted = workspace.source_region(header.size(), steps);
            let part = if wanted.is_empty() {
                // Only margins are seen of it, which lies nowhere in what others need.
                let shape = [wanted.rows.len(), wanted.columns.len(), image.channels()];
                ImageView::from_strided(&[], 0, shape, [0; 3])
            } else {
                image.part(
                    &(wanted.rows.start - region.rows.start..wanted.rows.end - region.rows.start),
                    &(wanted.columns.start - region.columns.start..wanted.columns.end - region.columns.start),
                )
            };
            plan.render_part(&part.ok_or(RenderError::Axis)?, header.size(), steps, workspace, out)?;
        }
        Ok(Ok(()))
    }

    /// Makes the views of an image in memory, which has as many channels as each of their plans, or is gray.
    pub(super) fn view_pixels<'v>(
        &mut self,
        image: &ImageView<'_>,
        views: &mut impl Views<'v>,
    ) -> Result<(), RenderError> {
        for index in 0..views.count() {
            let View { plan, steps } = views.view(index);
            let channels = plan.channels_before(steps);
            let fitting = if image.channels() == channels {
                *image
            } else {
                let gray = if image.channels() == 1 { Some(*image) } else { image.gray() };
                gray.map_or(*image, |gray| gray.with_channels(channels))
            };
            plan.render(&fitting, steps, &mut self.workspace, views.output(index))?;
        }
        Ok(())
    }
}
