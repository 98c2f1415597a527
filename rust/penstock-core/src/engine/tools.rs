//! What a thread needs to make pictures, kept from one to the next.

use crate::codec::Decoder;
use crate::plan::Workspace;
use crate::stats::Tally;

/// One thread's buffers.
#[derive(Debug, Default)]
pub(super) struct Tools {
    pub(super) workspace: Workspace,
    pub(super) decoder: Decoder,
    /// What was done since somebody asked last.
    pub(super) tally: Tally,
}
