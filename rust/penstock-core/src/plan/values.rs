//! What the lookups between two passes come to.
//!
//! Each is a table of bytes, so any number of them is one, which becomes part of the table that the bytes are converted
//! by anyway. A constant margin goes through those that come after it.

use crate::ops::kinds::Lut;
use crate::ops::{LutStep, Tables};
use crate::write::{MAX_CHANNELS, Table};

/// The lookups of a stage, in memory that is reused.
#[derive(Debug)]
pub(super) struct Values {
    /// What comes before the lookups, and before all margins.
    first: Option<Tables>,
    /// Each with the number of constants that margins had been filled with by then.
    steps: Vec<(LutStep, u16)>,
    composed: Table,
    pads: Vec<[u8; MAX_CHANNELS]>,
}

impl Default for Values {
    fn default() -> Self {
        Values { first: None, steps: Vec::new(), composed: Table::empty(), pads: Vec::new() }
    }
}

impl Values {
    pub(super) fn clear(&mut self) {
        self.first = None;
        self.steps.clear();
    }

    pub(super) fn is_empty(&self) -> bool {
        self.first.is_none() && self.steps.is_empty()
    }

    /// Has these tables looked up before all lookups; none if there are none.
    pub(super) fn begin(&mut self, tables: Option<&Tables>) {
        self.first = tables.copied();
    }

    /// Takes out the lookups that were added, of pixels without margins.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = LutStep> {
        self.steps.drain(..).map(|(step, _)| step)
    }

    /// Adds a lookup behind margins of the first `fills` constants.
    pub(super) fn push(&mut self, step: LutStep, fills: u16) {
        self.steps.push((step, fills));
    }

    /// The table that does what the lookups and then `table` do; `inks` knows what margins are before a conversion.
    /// `None` if it does not know one that is looked up.
    pub(super) fn before<'t>(&'t mut self, table: &'t Table, inks: &Table) -> Option<&'t Table> {
        if self.is_empty() {
            return Some(table);
        }
        let Values { first, steps, composed, pads } = self;
        let first = first.unwrap_or(Tables::IDENTITY);
        let mut bytes: [[u8; 256]; MAX_CHANNELS] = std::array::from_fn(|channel| *first.channel(channel));
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
            let tables = step.tables();
            for (channel, bytes) in bytes.iter_mut().enumerate().take(table.channels()) {
                let table = tables.channel(channel);
                let margins = pads.iter_mut().map(|pad| &mut pad[channel]);
                for byte in bytes.iter_mut().chain(margins) {
                    *byte = table[usize::from(*byte)];
                }
            }
        }
        table.compose(&bytes, pads, composed).then_some(&*composed)
    }
}
