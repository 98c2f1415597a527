//! Functions of a library's, of which the last bit is asked for and not restated.

use std::fmt;
use std::sync::Arc;

/// A function of one number, called on the thread that draws.
#[derive(Clone)]
pub struct Ask(Arc<dyn Fn(f64) -> f64 + Send + Sync>);

impl Ask {
    /// What the library gives.
    #[must_use]
    pub fn new(function: impl Fn(f64) -> f64 + Send + Sync + 'static) -> Self {
        Ask(Arc::new(function))
    }

    /// Its answer.
    #[must_use]
    pub fn of(&self, x: f64) -> f64 {
        (self.0)(x)
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
