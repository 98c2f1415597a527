//! torchvision's `GaussianBlur`, whose deviation is drawn.

use super::convolution::Convolution;
use super::convolution_floats::ConvolutionFloats;
use crate::ops::ask::Ask;
use crate::ops::kinds::{Bounds, Draw, Parameters, Size, Take};
use crate::random::Streams;
use crate::random::draw::Uniform;

/// `GaussianBlur`; its two generations draw the same. Operands: how torch's `uniform_` rounds, whether it is fused and
/// whether half open; the bounds of the deviation; how many weights there are along rows; the function that gives these,
/// and those down columns, for height, width and deviation, and none where torch raises; whether pixels are numbers in
/// single precision.
#[derive(Debug, Clone, PartialEq)]
pub struct RandomGaussianBlur {
    /// How torch's `uniform_` rounds.
    pub uniform: Uniform,
    /// Of the deviation, in pixels.
    pub bounds: Bounds,
    /// The number of weights along rows.
    pub across: usize,
    /// torchvision's weights, of which the last bit is the exponential function's that torch was built with.
    pub weights: Ask,
    /// Whether pixels are numbers in single precision.
    pub floats: bool,
}

impl<S: From<Convolution> + From<ConvolutionFloats>> Draw<S> for RandomGaussianBlur {
    fn draw(
        &self,
        size: Size,
        Streams { torch: generator, .. }: &mut Streams,
        steps: &mut Vec<S>,
    ) -> Option<Size> {
        let deviation = self.uniform.draw(generator, self.bounds);
        let weights = self.weights.list(&[size.0.into(), size.1.into(), deviation.into()]);
        let mut weights = weights.into_iter().map(|weight| weight as f32);
        let across = weights.by_ref().take(self.across).collect();
        let weights = Convolution::new(across, weights.collect())?;
        steps.push(if self.floats { ConvolutionFloats { weights }.into() } else { weights.into() });
        Some(size)
    }
}

impl Parameters for RandomGaussianBlur {
    fn take(from: &mut impl Take) -> Option<Self> {
        Some(RandomGaussianBlur {
            uniform: from.uniform()?,
            bounds: from.bounds()?,
            across: from.word()? as usize,
            weights: from.ask()?,
            floats: from.flag()?,
        })
    }
}
