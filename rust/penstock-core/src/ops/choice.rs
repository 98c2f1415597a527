//! Parameters that are one of a few, by number where steps are sent and by name in other languages.

/// One of a few. A place in the list is a number that was sent, and stays.
pub trait Choice: Copy + PartialEq + 'static {
    /// All of them, with their names.
    const ALL: &'static [(Self, &'static str)];

    /// Its number.
    fn number(self) -> u32 {
        Self::ALL.iter().position(|&(other, _)| other == self).unwrap_or(Self::ALL.len()) as u32
    }

    /// Its name.
    fn name(self) -> &'static str {
        Self::ALL.iter().find(|&&(other, _)| other == self).map_or("", |&(_, name)| name)
    }

    /// The one of that number.
    fn numbered(number: u32) -> Option<Self> {
        Self::ALL.get(number as usize).map(|&(choice, _)| choice)
    }

    /// The one of that name.
    fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|&&(_, other)| other == name).map(|&(choice, _)| choice)
    }
}
