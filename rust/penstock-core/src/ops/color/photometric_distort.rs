//! `RandomPhotometricDistort`: brightness, contrast, saturation and hue, each or not, and channels in another order or not.
//!
//! Operands: whose arithmetic; those of [`Sums`]; the probability of each change; how torch's `uniform_`
//! rounds, whether it is fused and whether half open; and the two bounds of the factor of brightness, contrast,
//! saturation and hue. It is of the second generation, which draws for each of the four whether it is made, and its
//! factor; then whether contrast comes before saturation and hue or behind them; and then the order of channels.

use super::jitter::step;
use super::permute::permutation;
use super::{Brightness, Contrast, Hue, Permute, Saturation, SummedContrast, Sums};
use crate::ops::chance::Chance;
use crate::ops::kinds::{Bounds, Draw, Parameters, Size, Take};
use crate::ops::library::Library;
use crate::random::Streams;
use crate::random::draw::{self, Uniform};

/// `RandomPhotometricDistort`.
#[derive(Debug, Clone, PartialEq)]
pub struct RandomPhotometricDistort {
    /// Whose arithmetic.
    pub library: Library,
    /// The image's channels, and what contrast of tensors depends on besides.
    pub sums: Sums,
    /// Whether each change is made.
    pub chance: Chance,
    /// How torch's `uniform_` rounds.
    pub uniform: Uniform,
    /// Of the factors of brightness, contrast, saturation and hue.
    pub bounds: [Bounds; 4],
}

impl<S> Draw<S> for RandomPhotometricDistort
where
    S: From<Brightness>
        + From<Contrast>
        + From<SummedContrast>
        + From<Saturation>
        + From<Hue>
        + From<Permute>,
{
    fn draw(
        &self,
        size: Size,
        Streams { torch: generator, .. }: &mut Streams,
        steps: &mut Vec<S>,
    ) -> Option<Size> {
        let factors = self.bounds.map(|bounds| {
            let made = self.chance.draw(generator);
            made.then(|| f64::from(self.uniform.draw(generator, bounds)))
        });
        let order = if draw::rand(generator) < 0.5 { [0, 1, 2, 3] } else { [0, 2, 3, 1] };
        for which in order {
            steps.extend(step(which, factors, (self.library, self.sums), size));
        }
        if self.chance.draw(generator) {
            steps.extend(permutation(self.sums.channels, generator).map(S::from));
        }
        Some(size)
    }
}

impl Parameters for RandomPhotometricDistort {
    fn take(from: &mut impl Take) -> Option<Self> {
        let (library, sums) = (from.choice()?, Sums::take(from)?);
        let chance = Chance::Single(from.double()? as f32);
        let uniform = from.uniform()?;
        let bounds = [from.bounds()?, from.bounds()?, from.bounds()?, from.bounds()?];
        Some(RandomPhotometricDistort { library, sums, chance, uniform, bounds })
    }
}
