//! Whose draws an operation has.

use super::choice::Choice;

/// torchvision's two generations of transforms draw different numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Generation {
    /// `torchvision.transforms`.
    V1,
    /// `torchvision.transforms.v2`.
    V2,
}

impl Choice for Generation {
    const ALL: &[(Self, &str)] = &[(Generation::V1, "v1"), (Generation::V2, "v2")];
}
