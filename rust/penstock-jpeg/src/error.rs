//! The one way to fail: an image that somebody else had better decode.

use std::fmt;

/// What kept an image from being decoded; for statistics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// The data do not begin like a JPEG file.
    NotJpeg,
    /// The data end too early.
    Truncated,
    /// A marker that is unknown, out of place, or preceded by garbage.
    Marker,
    /// A marker segment whose content is wrong or unusual.
    Segment,
    /// A kind of JPEG that this crate does not decode: arithmetic coding, lossless, hierarchical.
    Process,
    /// Samples of other than 8 bits.
    Precision,
    /// Neither one nor three components.
    Components,
    /// Sampling factors that libjpeg does not decode either.
    Sampling,
    /// A colour transform that libjpeg would have to guess.
    Color,
    /// A file of several images.
    MultiImage,
    /// A table that is missing or invalid.
    Table,
    /// A scan header that is wrong or unusual.
    Scan,
    /// Scans that do not add up to the whole image.
    Progression,
    /// A bit sequence that is no code, or a code without a meaning here.
    Code,
    /// Coefficients past the end of their block or band.
    Run,
    /// Restart markers that are missing, surplus or out of order.
    Restart,
    /// Entropy-coded data end before the scan does.
    Shortage,
    /// Entropy-coded data are left over at the end of a scan.
    Leftover,
    /// A coefficient that no encoder makes, and on which decoders disagree.
    Coefficient,
    /// More memory would be needed than [`Limits`](crate::Limits) grant.
    Limit,
    /// The caller's rectangle or buffer does not fit the image.
    Request,
    /// The index was made from another file.
    Index,
}

impl Reason {
    /// The reason in a word or two.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Reason::NotJpeg => "not JPEG",
            Reason::Truncated => "truncated",
            Reason::Marker => "unexpected marker",
            Reason::Segment => "unusual marker segment",
            Reason::Process => "unsupported process",
            Reason::Precision => "not 8 bits",
            Reason::Components => "unsupported number of components",
            Reason::Sampling => "unsupported sampling",
            Reason::Color => "unknown colour transform",
            Reason::MultiImage => "several images",
            Reason::Table => "missing or invalid table",
            Reason::Scan => "unusual scan",
            Reason::Progression => "incomplete scans",
            Reason::Code => "invalid code",
            Reason::Run => "run past the block",
            Reason::Restart => "restart markers out of order",
            Reason::Shortage => "scan data missing",
            Reason::Leftover => "scan data left over",
            Reason::Coefficient => "coefficient out of range",
            Reason::Limit => "limit exceeded",
            Reason::Request => "request does not fit the image",
            Reason::Index => "index of another file",
        }
    }
}

/// The image is not one that this crate vouches for: decode it with libjpeg, which may warn, repair or fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Irregular {
    /// What was met first.
    pub reason: Reason,
}

impl Irregular {
    pub(crate) fn new(reason: Reason) -> Self {
        Irregular { reason }
    }
}

impl From<Reason> for Irregular {
    fn from(reason: Reason) -> Self {
        Irregular::new(reason)
    }
}

impl fmt::Display for Irregular {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "irregular JPEG: {}", self.reason.name())
    }
}

impl std::error::Error for Irregular {}

/// Returns an [`Irregular`] from the calling function.
macro_rules! give_up {
    ($reason:ident) => {
        return Err($crate::error::Irregular::new($crate::error::Reason::$reason))
    };
}
pub(crate) use give_up;
