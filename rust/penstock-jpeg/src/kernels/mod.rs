//! What is done to many values alike: in plain code, and in vectors where that is quicker.

pub(crate) mod color;
pub(crate) mod dispatch;
pub(crate) mod idct;
#[cfg(test)]
mod tests;
pub(crate) mod unstuff;
pub(crate) mod upsample;
#[cfg(target_arch = "x86_64")]
mod x86_64;
