//! Contrast of tensors where its last bit depends on more than values: on how torch adds them up, and where they lie.
//!
//! Beyond 65,793 pixels torch rounds the sum of gray values, in the order in which they lie in memory. And where it has
//! fused multiplications and additions, the loop that adds the mean does not fuse all of what is left of a thread's values
//! behind the last sixteen: the first of them, and then four at a time, which its compiler made vectors of.

use std::ops::Range;

use penstock_jpeg::simd::Level;

use super::blend::{self, Blend};
use super::cascade;
use super::contrast::Contrast;
use super::dispatch;
use crate::image::sheet::Sheet;
use crate::image::{ImageView, Region};
use crate::ops::kinds::{Area, BLOCK_PIXELS, Draw, Parameters, Put, Size, Take, Wire};
use crate::ops::layout::Layout;
use crate::ops::library::Library;
use crate::random::Streams;

/// Pixels up to which a sum of gray values is exact.
const MOST_PIXELS: u64 = ((1 << 24) - 1) / 255;
/// Values that torch's loop takes at a time.
const AT_A_TIME: usize = 16;

/// What torch's roundings depend on besides values. Operands: the tensor's channels; the threads that torch has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sums {
    /// Channels of the tensor, 1 or 3.
    pub channels: u32,
    /// Threads that torch has.
    pub threads: u32,
}

impl Sums {
    pub(super) fn take(from: &mut impl Take) -> Option<Self> {
        Some(Sums { channels: from.word()?, threads: from.word()? })
    }

    /// The step that is contrast for an image of `size`, if that is a tensor as it is made of an image.
    pub(super) fn contrast<S>(self, factor: f64, library: Library, (height, width): Size) -> S
    where
        S: From<Contrast> + From<SummedContrast>,
    {
        let pixels = u64::from(height) * u64::from(width);
        let values = pixels as usize * self.channels as usize;
        let threads = self.threads as usize;
        let alike = library != Library::Torch2 || unfused(values, threads).all(|range| range.is_empty());
        if library == Library::Pillow || (pixels <= MOST_PIXELS && alike) {
            return Contrast { factor, library }.into();
        }
        SummedContrast { factor, library, threads: self.threads, layout: Layout::INTERLEAVED }.into()
    }
}

/// Contrast by a factor that is known before anything is drawn. Operands: the factor; whose arithmetic; those of [`Sums`].
#[derive(Debug, Clone, PartialEq)]
pub struct Contrasted {
    /// How much of the image there is in the mixture.
    pub factor: f64,
    /// Whose arithmetic.
    pub library: Library,
    /// What else the result depends on.
    pub sums: Sums,
}

impl<S: From<Contrast> + From<SummedContrast>> Draw<S> for Contrasted {
    fn draw(&self, size: Size, _streams: &mut Streams, steps: &mut Vec<S>) -> Option<Size> {
        steps.push(self.sums.contrast(self.factor, self.library, size));
        Some(size)
    }
}

impl Parameters for Contrasted {
    fn take(from: &mut impl Take) -> Option<Self> {
        let (factor, library) = blend::take(from)?;
        Some(Contrasted { factor, library, sums: Sums::take(from)? })
    }
}

/// Mixes with the mean of gray. Operands: the factor; whose arithmetic, which is not Pillow's; the threads that torch has;
/// those of the [`Layout`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SummedContrast {
    /// How much of the image there is in the mixture; finite in single precision.
    pub factor: f64,
    /// Whose arithmetic.
    pub library: Library,
    /// Threads that torch has.
    pub threads: u32,
    /// How the tensor lies in memory.
    pub layout: Layout,
}

/// Operands: whether channels are interleaved, and whether columns go before rows.
impl Layout {
    fn put(self, to: &mut impl Put) {
        to.words([u32::from(self.interleaved), u32::from(self.transposed)]);
    }

    fn take(from: &mut impl Take) -> Option<Self> {
        Some(Layout { interleaved: from.flag()?, transposed: from.flag()? })
    }
}

/// Memory of one thread.
#[derive(Debug, Default)]
pub struct Mixer {
    gray: Vec<f32>,
    out: Sheet,
    /// The channel, row, column and value of what has another rounding.
    others: Vec<([usize; 3], u8)>,
}

impl Area for SummedContrast {
    type Memory = Mixer;

    fn layout(&mut self) -> Option<&mut Layout> {
        Some(&mut self.layout)
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
        memory: &'m mut Mixer,
    ) -> Option<ImageView<'m>> {
        if (source.height(), source.width()) != (size.0 as usize, size.1 as usize) {
            return None;
        }
        // Rows are what lies together.
        let turned = self.layout.transposed;
        let image = if turned { source.transposed() } else { *source };
        self.mix(level, &image, memory)?;
        let made = memory.out.image()?;
        if turned { made.transposed() } else { made }.part(&wanted.rows, &wanted.columns)
    }
}

impl SummedContrast {
    /// Makes all of an image, as planes.
    fn mix(&self, level: Level, image: &ImageView<'_>, memory: &mut Mixer) -> Option<()> {
        let (channels, height, width) = (image.channels(), image.height(), image.width());
        let Mixer { gray, out, others } = memory;
        if !out.shape(channels, height, width, 1) {
            return None;
        }
        for channel in 0..channels {
            for y in 0..height {
                image.read(y, 0, 1, channel, out.rows_mut(channel, y, 1).get_mut(..width)?);
            }
        }
        gray.clear();
        gray.try_reserve_exact(height.checked_mul(width)?).ok()?;
        for y in 0..height {
            for at in (0..width).step_by(BLOCK_PIXELS) {
                let count = BLOCK_PIXELS.min(width - at);
                let mut block = [[0; BLOCK_PIXELS]; 3];
                for (channel, plane) in block.iter_mut().enumerate().take(channels) {
                    plane[..count].copy_from_slice(out.rows_mut(channel, y, 1).get(at..at + count)?);
                }
                let values =
                    if channels == 1 { block[0] } else { dispatch::gray(level, self.library, &block) };
                gray.extend(values[..count].iter().map(|&value| f32::from(value)));
            }
        }
        let threads = self.threads as usize;
        let mean = cascade::sum(gray, threads) / gray.len() as f32;
        let blend = Blend::new(self.factor, self.library);
        others.clear();
        if self.library == Library::Torch2 {
            let twice = Blend { library: Library::Torch2Unfused, ..blend };
            for place in unfused(channels * height * width, threads).flatten() {
                let [channel, y, x] = self.place(place, [channels, height, width]);
                let byte = *out.rows_mut(channel, y, 1).get(x)?;
                others.push(([channel, y, x], twice.byte(mean, byte)));
            }
        }
        let table: [u8; 256] = std::array::from_fn(|byte| blend.byte(mean, byte as u8));
        for channel in 0..channels {
            for y in 0..height {
                for byte in out.rows_mut(channel, y, 1).iter_mut().take(width) {
                    *byte = table[usize::from(*byte)];
                }
            }
        }
        for ([channel, y, x], byte) in others.drain(..) {
            *out.rows_mut(channel, y, 1).get_mut(x)? = byte;
        }
        Some(())
    }

    /// Channel, row and column of a value that lies in a place in memory.
    fn place(&self, place: usize, [channels, height, width]: [usize; 3]) -> [usize; 3] {
        let (channel, pixel) = if self.layout.interleaved {
            (place % channels, place / channels)
        } else {
            (place / (height * width), place % (height * width))
        };
        [channel, pixel / width, pixel % width]
    }
}

/// The places of values, of so many, that torch rounds twice where it rounds others once.
fn unfused(count: usize, threads: usize) -> impl Iterator<Item = Range<usize>> {
    cascade::parts(count, threads).map(|part| {
        let left = part.len() % AT_A_TIME;
        let first = part.end - left + 1;
        first..first + left.saturating_sub(1) / 4 * 4
    })
}

impl Wire for SummedContrast {
    fn put(&self, to: &mut impl Put) {
        blend::put(self.factor, self.library, to);
        to.word(self.threads);
        self.layout.put(to);
    }

    fn take(from: &mut impl Take) -> Option<Self> {
        let (factor, library) = blend::take(from)?;
        let (threads, layout) = (from.word()?, Layout::take(from)?);
        (library != Library::Pillow).then_some(SummedContrast { factor, library, threads, layout })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::kinds::Measured;
    use crate::ops::statistics::Statistics;

    #[test]
    fn what_is_left_behind_the_last_sixteen_is_rounded_twice_four_at_a_time() {
        let of = |count, threads| unfused(count, threads).flatten().collect::<Vec<_>>();
        assert!([1, 4, 16, 32, 36].into_iter().all(|count| of(count, 1).is_empty()));
        assert_eq!(of(37, 1), [33, 34, 35, 36]);
        assert_eq!(of(40, 1), [33, 34, 35, 36]);
        assert_eq!(of(31, 1), (17..29).collect::<Vec<_>>());
        // Of two parts, of 32,773 and 32,772 values.
        assert_eq!(of(65_545, 2), [32_769, 32_770, 32_771, 32_772]);
    }

    #[test]
    fn it_is_contrast_where_sums_are_exact_and_nothing_is_left() {
        let (height, width) = (24, 32);
        let bytes: Vec<u8> = (0..height * width * 3).map(|i| (i * 89 % 256) as u8).collect();
        let image = ImageView::from_slice(&bytes, height, width, 3).unwrap();
        let whole = Region { rows: 0..height as u32, columns: 0..width as u32 };
        let part = Region { rows: 3..9, columns: 7..32 };
        for library in [Library::Torch1, Library::Torch2, Library::Torch2Unfused] {
            let contrast = Contrast { factor: 1.7, library };
            let mut seen = Statistics::new(3);
            for pixels in bytes.chunks(3 * BLOCK_PIXELS) {
                let mut block = [[0; BLOCK_PIXELS]; 3];
                for (i, pixel) in pixels.chunks_exact(3).enumerate() {
                    (0..3).for_each(|channel| block[channel][i] = pixel[channel]);
                }
                contrast.look(Level::SCALAR, &block, pixels.len() / 3, &mut seen);
            }
            let tables = contrast.tables(&seen);
            for (interleaved, transposed) in [(false, false), (false, true), (true, false), (true, true)] {
                let layout = Layout { interleaved, transposed };
                let step = SummedContrast { factor: 1.7, library, threads: 1, layout };
                for region in [&whole, &part] {
                    let mut memory = Mixer::default();
                    let size = (height as u32, width as u32);
                    let made = step.make(Level::SCALAR, &image, size, region, &mut memory).unwrap();
                    for (y, row) in region.rows.clone().enumerate() {
                        for (x, column) in region.columns.clone().enumerate() {
                            for channel in 0..3 {
                                let byte = image.get(row as usize, column as usize, channel);
                                let expected = tables.channel(channel)[usize::from(byte)];
                                assert_eq!(made.get(y, x, channel), expected);
                            }
                        }
                    }
                }
            }
        }
    }
}
