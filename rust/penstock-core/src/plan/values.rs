//! What the lookups between two passes come to.
//!
//! Each is a table of bytes, so any number of them is one, which becomes part of the table that the bytes are converted
//! by anyway. A constant margin goes through those that come after it.

use crate::ops::LutStep;
use crate::ops::kinds::Lut;
use crate::write::{MAX_CHANNELS, Table};

/// The lookups of a stage, in memory that is reused.
#[derive(Debug)]
pub(super) struct Values {
    /// Each with the number of constants that margins had been filled with by then.
    steps: Vec<(LutStep, u16)>,
    composed: Table,
    pads: Vec<[u8; MAX_CHANNELS]>,
}

impl Default for Values {
    fn default() -> Self {
        Values { steps: Vec::new(), composed: Table::empty(), pads: Vec::new() }
    }
}

impl Values {
    pub(super) fn clear(&mut self) {
        self.steps.clear();
    }

    pub(super) fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Adds a lookup behind margins of the first `fills` constants.
    pub(super) fn push(&mut self, step: LutStep, fills: u16) {
        self.steps.push((step, fills));
    }

    /// The table that does what the lookups and then `table` do; `inks` knows what margins are before a conversion.
    /// `None` if it does not know one that is looked up.
    pub(super) fn before<'t>(&'t mut self, table: &'t Table, inks: &Table) -> Option<&'t Table> {
        let Values { steps, composed, pads } = self;
        if steps.is_empty() {
            return Some(table);
        }
        let mut bytes = [const { IDENTITY }; MAX_CHANNELS];
        pads.clear();
        for (step, fills) in steps.iter() {
            for fill in pads.len()..usize::from(*fills) {
                let ink = |channel| inks.entry(channel, 256 + fill).and_then(|ink| ink.first().copied());
                let mut inks = [0; MAX_CHANNELS];
                for (channel, byte) in inks.iter_mut().enumerate().take(table.channels()) {
                    *byte = ink(channel)?;
                }
                pads.push(inks);
            }
            for (channel, bytes) in bytes.iter_mut().enumerate().take(table.channels()) {
                let margins = pads.iter_mut().map(|pad| &mut pad[channel]);
                for byte in bytes.iter_mut().chain(margins) {
                    *byte = step.value(channel, *byte);
                }
            }
        }
        table.compose(&bytes, pads, composed).then_some(&*composed)
    }
}

/// Every byte as it is.
const IDENTITY: [u8; 256] = {
    let mut bytes = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        bytes[byte] = byte as u8;
        byte += 1;
    }
    bytes
};
