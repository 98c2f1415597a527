//! How an image is convolved: band by band, so that what is read again is in the caches.

use penstock_jpeg::simd::Level;

use super::convolution::{Convolution, Given, Lines, Seen, Taps, grown};
use super::dispatch;
use crate::image::sheet::Sheet;
use crate::image::{ImageView, Region};
use crate::ops::kinds::{Area, Size};
use crate::ops::layout::{Layout, Lying};

/// Memory of one thread.
#[derive(Debug, Default)]
pub struct Convolver {
    taps: Taps,
    given: Given,
    line: Vec<u8>,
    out: Sheet,
}

impl Area for Convolution {
    type Memory = Convolver;

    fn laid(&self, given: Lying, size: Size) -> Lying {
        given.made(size, Layout::PLANAR)
    }

    fn size(&self, size: Size) -> Option<Size> {
        let [across, down] = self.margins();
        (size.0 > down && size.1 > across).then_some(size)
    }

    fn support(&self, size: Size, wanted: &Region) -> Region {
        if wanted.is_empty() {
            return Region::default();
        }
        let [across, down] = self.margins();
        Region { rows: grown(&wanted.rows, down, size.0), columns: grown(&wanted.columns, across, size.1) }
    }

    fn make<'m>(
        &self,
        level: Level,
        source: &ImageView<'m>,
        size: Size,
        wanted: &Region,
        memory: &'m mut Convolver,
    ) -> Option<ImageView<'m>> {
        let support = self.support(size, wanted);
        if source.height() != support.rows.len() || source.width() != support.columns.len() {
            return None;
        }
        if let Some(gray) = source.gray() {
            return Some(self.make(level, &gray, size, wanted, memory)?.with_channels(source.channels()));
        }
        let lines = source.rows()?;
        let Convolver { taps, given, line, out } = memory;
        if !out.shape(lines.planes, wanted.rows.len(), wanted.columns.len(), lines.step) {
            return None;
        }
        taps.fill(&self.weights, lines.step);
        let [across, down] = self.margins();
        let columns = Seen::new(&wanted.columns, across, size.1, support.columns.start);
        let stride = out.stride();
        let band = given.rows_at_a_time(columns.count() * lines.step, down);
        for plane in 0..lines.planes {
            for first in (0..wanted.rows.len()).step_by(band) {
                let start = wanted.rows.start + first as u32;
                let rows = start..wanted.rows.end.min(start + band as u32);
                let rows = Seen::new(&rows, down, size.0, support.rows.start);
                given.fill(&lines, plane, [&rows, &columns], line)?;
                let bytes = out.rows_mut(plane, first, band);
                let width = wanted.columns.len() * lines.step;
                dispatch::convolve(level, taps, given, &mut Lines { bytes, stride, width });
            }
        }
        out.image()
    }
}
