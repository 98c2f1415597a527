//! Steps as bytes, by which they are sent to other processes.
//!
//! A step is its number and the number of words that its operands take, two bytes each, and then these words of four
//! bytes; a number in double precision takes two. All numbers are little-endian.

use crate::ops::Step;
use crate::ops::kinds::{Put, Take};

/// Appends a step.
pub fn write(step: &Step, bytes: &mut Vec<u8>) {
    let start = bytes.len();
    bytes.extend(step.number().to_le_bytes());
    bytes.extend([0; 2]);
    step.put(&mut Writer(bytes));
    let words = (bytes.len() - start - 4) / 4;
    if let Some(count) = bytes.get_mut(start + 2..start + 4) {
        count.copy_from_slice(&(words as u16).to_le_bytes());
    }
}

/// Takes a step off the front of `bytes`; `None` if there is none.
pub fn read(bytes: &mut &[u8]) -> Option<Step> {
    let (&[number, high, count, many], behind) = bytes.split_first_chunk()?;
    let words = u16::from_le_bytes([count, many]);
    let (operands, behind) = behind.split_at_checked(4 * usize::from(words))?;
    let mut reader = Reader(operands);
    let step = Step::take(u16::from_le_bytes([number, high]), &mut reader)?;
    *bytes = behind;
    reader.0.is_empty().then_some(step)
}

/// Appends operands to bytes.
struct Writer<'b>(&'b mut Vec<u8>);

impl Put for Writer<'_> {
    fn word(&mut self, word: u32) {
        self.0.extend(word.to_le_bytes());
    }

    fn double(&mut self, double: f64) {
        self.0.extend(double.to_le_bytes());
    }
}

/// Takes operands off the front of bytes.
struct Reader<'b>(&'b [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (&bytes, behind) = self.0.split_first_chunk()?;
        self.0 = behind;
        Some(bytes)
    }
}

impl Take for Reader<'_> {
    fn word(&mut self) -> Option<u32> {
        self.take().map(u32::from_le_bytes)
    }

    fn double(&mut self) -> Option<f64> {
        self.take().map(f64::from_le_bytes)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::ops::color::{
        AutoContrast, Brightness, BrightnessFloats, Channel, Contrast, ContrastFloats, Conversion, Equalize,
        Gray, GrayFloats, Hue, HueFloats, Invert, InvertFloats, NormalizeFloats, Permute, Point, Posterize,
        Saturation, SaturationFloats, Solarize, SolarizeFloats, Space,
    };
    use crate::ops::filter::{
        Blend, BoxBlur, Convolution, ConvolutionFloats, GaussianBlur, Kernel, Sharpness,
    };
    use crate::ops::geometry::{
        Affine, AffineGrid, Interpolation, Looking, Perspective, Places, Quarter, SampledFloats, SampledGrid,
        Turn,
    };
    use crate::ops::resize::{Arithmetic, Filter, Method, Order, Resample, ResampleFloats};
    use crate::ops::{
        Crop, Erase, FlipHorizontal, FlipVertical, Generation, Library, Margins, Overprint, PadMode, Paste,
        Rectangle, Tables,
    };

    /// One step of every kind of operands.
    fn every_step() -> Vec<Step> {
        let methods = [Filter::Nearest, Filter::Lanczos, Filter::Corner].into_iter().flat_map(|filter| {
            [Arithmetic::Pillow(Order::Tall), Arithmetic::Torch]
                .map(|arithmetic| Method { filter, arithmetic })
        });
        let resizes = methods.map(|method| Resample { height: 224, width: 1 << 30, method }.into());
        let modes = [PadMode::Constant(0), PadMode::Constant(u16::MAX), PadMode::Edge, PadMode::Symmetric];
        let pads = modes.into_iter().chain([PadMode::Reflect]);
        let pads = pads.map(|mode| Margins { margins: [1, 2, 3, u32::MAX], mode }.into());
        let solarizes = [Library::Pillow, Library::Torch1, Library::Torch2]
            .map(|library| Solarize { threshold: 238.000_001, library }.into());
        let library = Library::Torch2Unfused;
        let looking = Looking {
            generation: Generation::V1,
            places: Places::Fused,
            interpolation: Interpolation::Bilinear,
            fill: Some([0.1, 0.2, 0.3]),
        };
        let grid = SampledGrid::affine([0.1; 6], (6, 7), looking).unwrap();
        let others = [
            Brightness { factor: 0.1, library }.into(),
            Saturation { factor: 1.7, library }.into(),
            Hue { turn: -0.5, library }.into(),
            Gray { library }.into(),
            Contrast { factor: 0.0, library }.into(),
            AutoContrast { library }.into(),
            Equalize.into(),
            Channel { number: 2 }.into(),
            Space { conversion: Conversion::OfHsv }.into(),
            Rectangle { top: 1, left: 2, height: 3, width: 4, color: [5, 6, 255] }.into(),
            Point { tables: Arc::new(Tables::of_each(|byte| byte / 3)) }.into(),
            Point { tables: Arc::new(Tables::of(|channel, byte| byte >> channel)) }.into(),
            Crop { top: 1, left: 2, height: 3, width: 4 }.into(),
            FlipHorizontal.into(),
            FlipVertical.into(),
            Invert.into(),
            Posterize { bits: 3 }.into(),
            Permute { from: [2, 0, 1] }.into(),
            Erase { top: 1, left: 2, height: 3, width: 4, fill: 5 }.into(),
            Paste { top: 1, left: 2, height: 3, width: 4, elements: Arc::new([5, 6, 7, 8, 9]) }.into(),
            Overprint { top: 1, left: 2, height: 3, width: 4, bits: Arc::new([5, 6, 7, 8, 9, 10]) }.into(),
            BoxBlur::new([0.0, 1.5]).unwrap().into(),
            GaussianBlur::new([2.0, 0.1]).unwrap().into(),
            Convolution::new(vec![1.0], vec![0.25, 0.5, 0.25]).unwrap().into(),
            Sharpness { factor: 1.7, blend: Blend::Torch2Fused }.into(),
            Kernel::new([[1.0, -2.5, 3.0]; 3], 2.0, -1.0).unwrap().into(),
            Kernel::new([[1.0, -2.5, 3.0, 0.0, 9.0]; 5], 2.0, -1.0).unwrap().into(),
            Turn { quarter: Quarter::Transverse }.into(),
            Affine::new([1.0, 0.1, 2.0, 0.3, -4.0, 5.0], (6, 7), Interpolation::Bicubic, [8, 9, 255])
                .unwrap()
                .into(),
            AffineGrid::new([0.1; 6], Places::Fused, (6, 7), Interpolation::Nearest, [8, 9, 255])
                .unwrap()
                .into(),
            Perspective::new([0.1; 8], (6, 7), Interpolation::Nearest, [8, 9, 255]).unwrap().into(),
            NormalizeFloats { mean: [0.1, 0.2, 0.3], deviation: [1.0, 2.0, 3.0] }.into(),
            BrightnessFloats { factor: 0.3 }.into(),
            ContrastFloats { factor: 0.3, threads: 2 }.into(),
            SaturationFloats { factor: 0.3, library }.into(),
            HueFloats { turn: 0.3, library }.into(),
            GrayFloats { library }.into(),
            InvertFloats.into(),
            SolarizeFloats { threshold: 0.5 }.into(),
            SampledFloats { grid }.into(),
            ConvolutionFloats { weights: Convolution::new(vec![1.0], vec![0.25, 0.5, 0.25]).unwrap() }.into(),
            ResampleFloats { height: 3, width: 4, filter: Filter::Bicubic }.into(),
        ];
        resizes.chain(pads).chain(solarizes).chain(others).collect()
    }

    #[test]
    fn steps_come_back_one_after_the_other() {
        let steps = every_step();
        let mut bytes = Vec::new();
        for step in &steps {
            write(step, &mut bytes);
        }
        let mut rest = bytes.as_slice();
        let found: Vec<Step> = std::iter::from_fn(|| read(&mut rest)).collect();
        assert!(rest.is_empty());
        assert_eq!(found, steps);
        for step in steps {
            let mut bytes = Vec::new();
            write(&step, &mut bytes);
            for end in 0..bytes.len() {
                assert_eq!(read(&mut &bytes[..end]), None, "{step:?}");
            }
        }
    }

    #[test]
    fn steps_are_a_few_words() {
        // A batch has thousands; what is longer stands elsewhere.
        assert!(size_of::<Step>() <= 88, "{} bytes", size_of::<Step>());
    }

    #[test]
    fn no_two_steps_have_a_number_or_a_name_in_common() {
        let of: std::collections::BTreeMap<_, _> =
            every_step().into_iter().map(|step| (step.number(), step.name())).collect();
        let numbers: Vec<u16> = of.keys().copied().collect();
        assert_eq!(
            numbers,
            (0..11).chain(16..24).chain(40..50).chain(62..66).chain(70..81).collect::<Vec<_>>()
        );
        let names: std::collections::BTreeSet<_> = of.values().collect();
        assert_eq!(names.len(), of.len());
        assert_eq!(Step::take(11, &mut Reader(&[0; 64])), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let mut rest = bytes.as_slice();
            while read(&mut rest).is_some() {}
        }
    }
}
