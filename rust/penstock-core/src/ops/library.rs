//! Whose arithmetic an operation has.

use super::choice::Choice;

/// Pixels differ between them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Library {
    /// Pillow's.
    Pillow,
    /// That of torchvision's first generation of transforms on uint8 tensors.
    Torch1,
    /// That of its second generation, where torch multiplies and adds with one rounding: with AVX2 and above.
    Torch2,
    /// That of its second generation where torch rounds twice.
    Torch2Unfused,
}

impl Choice for Library {
    const ALL: &[(Self, &str)] = &[
        (Library::Pillow, "pillow"),
        (Library::Torch1, "torch1"),
        (Library::Torch2, "torch2"),
        (Library::Torch2Unfused, "torch2_unfused"),
    ];
}
