//! Whose arithmetic an operation has.

/// Pixels differ between them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Library {
    /// Pillow's.
    Pillow,
    /// That of torchvision's first generation of transforms on uint8 tensors.
    Torch1,
    /// That of its second generation.
    Torch2,
}

impl Library {
    /// Its number where steps are sent.
    pub(super) fn number(self) -> u32 {
        match self {
            Library::Pillow => 0,
            Library::Torch1 => 1,
            Library::Torch2 => 2,
        }
    }

    /// The library of that number.
    pub(super) fn numbered(number: u32) -> Option<Library> {
        [Library::Pillow, Library::Torch1, Library::Torch2]
            .into_iter()
            .find(|library| library.number() == number)
    }
}
