//! Why a PNG file is left to Pillow.

/// What kept a PNG file from being decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The data end too early.
    Truncated,
    /// A chunk that is out of place or that Pillow does not pass over.
    Chunk,
    /// A chunk whose checksum is wrong.
    Checksum,
    /// A chunk whose content is wrong or unusual.
    Content,
    /// A combination of colours, depth or interlacing that does not exist.
    Kind,
    /// Several images.
    Animation,
    /// No palette, or a pixel that is not in it.
    Palette,
    /// Transparency of which Pillow warns.
    Transparency,
    /// Text or a profile of the size that Pillow refuses.
    Text,
    /// Data that are no deflate stream.
    Deflate,
    /// More or fewer pixels than were announced.
    Length,
    /// An unknown filter.
    Filter,
    /// More memory would be needed than is granted.
    Limit,
}

impl Reason {
    /// The reason in a word or two.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Reason::Truncated => "truncated",
            Reason::Chunk => "unexpected chunk",
            Reason::Checksum => "wrong checksum",
            Reason::Content => "unusual chunk",
            Reason::Kind => "unknown kind of pixels",
            Reason::Animation => "animation",
            Reason::Palette => "palette missing or too short",
            Reason::Transparency => "transparency by palette",
            Reason::Text => "large text",
            Reason::Deflate => "invalid stream",
            Reason::Length => "pixels missing or left over",
            Reason::Filter => "unknown filter",
            Reason::Limit => "limit exceeded",
        }
    }
}
