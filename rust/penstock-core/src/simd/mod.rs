//! Which vector instructions there are, and the little that must be `unsafe` to use them.
//!
//! [`Level`] is found once and can be forced down by `PENSTOCK_SIMD`. A value of it is a proof that the
//! processor has the level, which is what makes the functions in the files called `dispatch` sound. Loads and stores on checked
//! slices are in `memory`. The kernels themselves are safe code and live beside what they compute.
#![expect(unsafe_code, reason = "vector loads and stores, and calls of functions that enable CPU features")]

#[cfg(target_arch = "x86_64")]
pub(crate) mod memory;

use std::sync::OnceLock;

/// Environment variable that lowers the level: `scalar`, `avx2` or `avx512`.
const LEVEL_VARIABLE: &str = "PENSTOCK_SIMD";

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Scalar,
    Avx2,
    Avx512,
}

/// A set of vector instructions that this processor has. The result never depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Level(Kind);

impl Level {
    /// What the compiler makes of plain code; exists everywhere.
    pub const SCALAR: Level = Level(Kind::Scalar);

    /// The level in use: the best one, unless `PENSTOCK_SIMD` names a lower one. Looked up once.
    #[must_use]
    pub fn detect() -> Level {
        static LEVEL: OnceLock<Level> = OnceLock::new();
        *LEVEL.get_or_init(|| {
            let best = Level::best();
            let Ok(name) = std::env::var(LEVEL_VARIABLE) else { return best };
            Level::named(&name).unwrap_or_else(|| {
                log::warn!("{LEVEL_VARIABLE}={name} is none of scalar, avx2, avx512; using {}", best.name());
                best
            })
        })
    }

    /// The level of that name, or the best one below it that the processor has. `None` for other names.
    #[must_use]
    pub fn named(name: &str) -> Option<Level> {
        let kind = [Kind::Scalar, Kind::Avx2, Kind::Avx512].into_iter().find(|&k| Level(k).name() == name)?;
        Some(Level(kind).min(Level::best()))
    }

    /// Every level that the processor has, lowest first.
    pub fn available() -> impl Iterator<Item = Level> {
        let best = Level::best();
        [Kind::Scalar, Kind::Avx2, Kind::Avx512].into_iter().map(Level).filter(move |&level| level <= best)
    }

    /// `scalar`, `avx2` or `avx512`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self.0 {
            Kind::Scalar => "scalar",
            Kind::Avx2 => "avx2",
            Kind::Avx512 => "avx512",
        }
    }

    pub(crate) fn kind(self) -> Kind {
        self.0
    }

    /// The best level of this processor.
    fn best() -> Level {
        #[cfg(target_arch = "x86_64")]
        {
            let avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
            let avx512 = is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512vl")
                && is_x86_feature_detected!("avx512vbmi")
                && is_x86_feature_detected!("avx512vnni");
            match (avx2, avx512) {
                (true, true) => return Level(Kind::Avx512),
                (true, false) => return Level(Kind::Avx2),
                _ => {}
            }
        }
        Level::SCALAR
    }
}

/// Asks for the cache line at an address. Any address will do: a prefetch never faults. It goes to the second-level
/// cache: the first level's few outstanding lines are needed for what is being written.
#[inline]
pub(crate) fn prefetch(address: *const u8) {
    // SAFETY: prefetching reads nothing and cannot fault; SSE is part of x86-64.
    #[cfg(target_arch = "x86_64")]
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T1>(address.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = address;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_to_levels_that_exist() {
        assert_eq!(Level::named("scalar"), Some(Level::SCALAR));
        assert_eq!(Level::named("neon"), None);
        for level in Level::available() {
            assert_eq!(Level::named(level.name()), Some(level));
        }
        assert!(Level::named("avx512") <= Level::available().max());
        assert!(Level::available().any(|level| level == Level::detect()));
    }
}
