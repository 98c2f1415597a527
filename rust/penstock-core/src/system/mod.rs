//! What systems differ in: a small module for each thing, and a plain way to do without all of them.
//!
//! The code above asks for what it wants, and is told where there is none of it. The feature `plain` has any system do
//! without, so that the plain way is tested where everything else is.
//!
//! | module | | the plain way |
//! | --- | --- | --- |
//! | `descriptors` | how many files may be open, and where a copy of a descriptor lies | no bound, and no copies |
//! | `files` | a file that Python opened; opening what may be a pipe | Python reads it; opening waits |
//! | `forks` | a call before every fork | no call, and nothing that needs one |
//! | `heap` | what the allocator holds free goes back to the system | it stays |
//! | `identity` | by what a file, as it is now, is known again | no file is |
//! | `pages` | memory straight from the system, of huge pages where it is large, kept from children | the allocator's |
//! | `waits` | how often a thread has waited | not told |

#[cfg(any(test, not(unix), feature = "plain"))]
mod plain;
pub(crate) mod scratch;
#[cfg(all(unix, not(feature = "plain")))]
mod unix;

#[cfg(any(not(unix), feature = "plain"))]
pub use plain::*;
#[cfg(all(unix, not(feature = "plain")))]
pub use unix::*;
