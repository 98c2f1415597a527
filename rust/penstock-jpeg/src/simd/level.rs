//! Which vector instructions a kernel may use.

use super::arch::Vectors;

/// The name of the level without vectors.
const SCALAR: &str = "scalar";

/// A set of vector instructions that this processor has, or none. The result never depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level(Option<Vectors>);

impl Level {
    /// What the compiler makes of plain code; exists everywhere.
    pub const SCALAR: Level = Level(None);

    /// The best level that this processor has.
    #[must_use]
    pub fn detect() -> Level {
        Level::available().last().unwrap_or(Level::SCALAR)
    }

    /// The level of that name, or the best one below it that the processor has. `None` for other names.
    #[must_use]
    pub fn named(name: &str) -> Option<Level> {
        let up_to = Level::known().position(|level| level.name() == name)?;
        Level::known().take(up_to + 1).filter(|level| level.is_there()).last()
    }

    /// Every level that the processor has, lowest first.
    pub fn available() -> impl Iterator<Item = Level> {
        Level::known().filter(|level| level.is_there())
    }

    /// Every level of this architecture, lowest first.
    pub fn known() -> impl Iterator<Item = Level> {
        [Level::SCALAR].into_iter().chain(Vectors::ALL.iter().map(|&vectors| Level(Some(vectors))))
    }

    /// What [`Level::named`] finds it by.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.0.map_or(SCALAR, Vectors::name)
    }

    /// The instructions, which the processor has. Kernels without a variant for them are plain code.
    #[inline]
    #[must_use]
    pub fn vectors(self) -> Option<Vectors> {
        self.0
    }

    fn is_there(self) -> bool {
        self.0.is_none_or(Vectors::are_there)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_to_levels_that_exist() {
        assert_eq!(Level::named("scalar"), Some(Level::SCALAR));
        assert_eq!(Level::named("mmx"), None);
        for level in Level::available() {
            assert_eq!(Level::named(level.name()), Some(level));
        }
        let highest = Level::known().last().and_then(|level| Level::named(level.name()));
        assert_eq!(highest, Some(Level::detect()));
    }
}
