//! Functions of a library's, of which the last bit is asked for and not restated.

use std::fmt;
use std::sync::Arc;

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
