//! What a thread needs to make pictures, kept from one to the next.

use crate::codec::Decoder;
use crate::plan::Workspace;

/// One thread's buffers.
#[derive(Debug, Default)]
pub(super) struct Tools {
    pub(super) workspace: Workspace,
    pub(super) decoder: Decoder,
}
