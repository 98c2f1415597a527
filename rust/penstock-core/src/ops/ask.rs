//! Functions of a library's, of which the last bit is asked for and not restated.

use std::fmt;
use std::sync::Arc;

use crate::random::Mt19937;

/// A function of numbers, called on the thread that draws.
#[derive(Clone)]
pub struct Ask(Arc<Answer>);

type Answer = dyn Fn(&[f64]) -> Vec<f64> + Send + Sync;

impl Ask {
    /// What the library gives for one number.
    #[must_use]
    pub fn new(function: impl Fn(f64) -> f64 + Send + Sync + 'static) -> Self {
        Ask::many(move |numbers| numbers.iter().map(|&x| function(x)).collect())
    }

    /// What the library gives for some numbers together.
    #[must_use]
    pub fn many(function: impl Fn(&[f64]) -> Vec<f64> + Send + Sync + 'static) -> Self {
        Ask(Arc::new(function))
    }

    /// Its answer; the number itself if there is none.
    #[must_use]
    pub fn of(&self, x: f64) -> f64 {
        (self.0)(&[x]).first().copied().unwrap_or(x)
    }

    /// Its answer, which may be of any length.
    #[must_use]
    pub fn list(&self, numbers: &[f64]) -> Vec<f64> {
        (self.0)(numbers)
    }

    /// Its answer of `N` numbers; `None` if it is of another length.
    #[must_use]
    pub fn all<const N: usize>(&self, numbers: &[f64]) -> Option<[f64; N]> {
        self.list(numbers).try_into().ok()
    }
}

/// A function of a library's that draws numbers by torch's generator, on the thread that draws.
#[derive(Clone)]
pub struct Noise(Arc<Drawing>);

type Drawing = dyn Fn(&mut Mt19937, [u32; 3]) -> Option<Vec<u8>> + Send + Sync;

impl Noise {
    /// What the library draws for channels, rows and columns: elements of the output, as bytes.
    #[must_use]
    pub fn new(function: impl Fn(&mut Mt19937, [u32; 3]) -> Option<Vec<u8>> + Send + Sync + 'static) -> Self {
        Noise(Arc::new(function))
    }

    /// The elements; `None` if the library has raised.
    #[must_use]
    pub fn draw(&self, generator: &mut Mt19937, shape: [u32; 3]) -> Option<Vec<u8>> {
        (self.0)(generator, shape)
    }
}

impl fmt::Debug for Noise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("noise")
    }
}

impl PartialEq for Noise {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl fmt::Debug for Ask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ask")
    }
}

impl PartialEq for Ask {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}
