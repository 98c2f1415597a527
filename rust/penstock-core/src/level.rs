//! The level of vector instructions in use: the processor's best one, unless the environment names a lower one.

use std::sync::LazyLock;

pub use penstock_jpeg::Level;

/// Environment variable that names the level to use.
pub const VARIABLE: &str = "PENSTOCK_SIMD";

/// The level in use, and a name that leads to none. Looked up once.
static CHOSEN: LazyLock<(Level, Option<String>)> = LazyLock::new(|| choose(std::env::var(VARIABLE).ok()));

/// The level in use.
#[must_use]
pub fn in_use() -> Level {
    CHOSEN.0
}

/// What the environment says, if that is no level's name here, so that it is not followed.
#[must_use]
pub fn misnamed() -> Option<&'static str> {
    CHOSEN.1.as_deref()
}

fn choose(name: Option<String>) -> (Level, Option<String>) {
    match name.as_deref().map(Level::named) {
        Some(Some(level)) => (level, None),
        Some(None) => (Level::detect(), name),
        None => (Level::detect(), None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_followed_or_told() {
        assert_eq!(choose(Some("scalar".to_owned())), (Level::SCALAR, None));
        assert_eq!(choose(Some("mmx".to_owned())), (Level::detect(), Some("mmx".to_owned())));
        assert_eq!(choose(None), (Level::detect(), None));
    }
}
