//! How an image is looked at by a grid: from a copy with a border of nothing around it.

use penstock_jpeg::simd::Level;

use super::dispatch;
use super::sampled_grid::{BORDER, SampledGrid, Texels};
use crate::image::sheet::Sheet;
use crate::image::{ImageView, Region};
use crate::ops::kinds::{Area, Size};
use crate::ops::layout::{Layout, Lying};

/// Memory of one thread.
#[derive(Debug, Default)]
pub struct Sampler {
    texels: Vec<[u8; 4]>,
    line: Vec<u8>,
    out: Sheet,
}

impl Sampler {
    /// Copies an image.
    fn texels(&mut self, source: &ImageView<'_>) -> Option<usize> {
        let (channels, height, width) = (source.channels(), source.height(), source.width());
        let stride = width.checked_add(2 * BORDER)?;
        let count = height.checked_add(2 * BORDER)?.checked_mul(stride)?;
        self.texels.clear();
        self.texels.try_reserve_exact(count).ok()?;
        self.texels.resize(count, [0; 4]);
        self.line.resize(width, 0);
        let rows = self.texels.chunks_exact_mut(stride).skip(BORDER).take(height);
        for (y, row) in rows.enumerate() {
            let row = row.get_mut(BORDER..BORDER + width)?;
            for channel in 0..channels.min(3) {
                source.read(y, 0, 1, channel, &mut self.line);
                for (texel, byte) in row.iter_mut().zip(&self.line) {
                    texel[channel] = *byte;
                    texel[3] = 1;
                }
            }
        }
        Some(stride)
    }
}

impl Area for SampledGrid {
    type Memory = Sampler;

    fn laid(&self, given: Lying, size: Size) -> Lying {
        given.made(size, Layout::PLANAR)
    }

    fn size(&self, _size: Size) -> Option<Size> {
        Some(self.size)
    }

    fn support(&self, size: Size, wanted: &Region) -> Region {
        if wanted.is_empty() { Region::default() } else { Region::whole(size) }
    }

    fn make<'m>(
        &self,
        level: Level,
        source: &ImageView<'m>,
        size: Size,
        wanted: &Region,
        memory: &'m mut Sampler,
    ) -> Option<ImageView<'m>> {
        if (source.height(), source.width()) != (size.0 as usize, size.1 as usize) {
            return None;
        }
        if let Some(gray) = source.gray()
            && self.looking.fill.is_none_or(|fill| fill.map(f32::to_bits) == [fill[0].to_bits(); 3])
        {
            return Some(self.make(level, &gray, size, wanted, memory)?.with_channels(source.channels()));
        }
        let stride = memory.texels(source)?;
        let (rows, width, channels) = (wanted.rows.len(), wanted.columns.len(), source.channels());
        let Sampler { texels, out, .. } = memory;
        if !matches!(channels, 1 | 3) || !out.shape(1, rows, width, channels) {
            return None;
        }
        let texels = Texels { pixels: texels, stride, size };
        for (index, row) in wanted.rows.clone().enumerate() {
            let out = out.rows_mut(0, index, 1).get_mut(..width * channels)?;
            dispatch::sampled(level, self, &texels, channels, [row, wanted.columns.start], out);
        }
        out.image()
    }
}
