//! Huffman tables in the forms that decoding looks them up.
#![expect(clippy::inline_always, reason = "parts of loops that are compiled for several processors")]
//!
//! [`AcTable`] answers eleven bits with up to two whole coefficients: their distances in the block, their values and the
//! bits they take. It is filled by copying runs of entries for one symbol behind another. What does not fit, larger
//! values and longer codes go through [`Codes`]. Bits of a file are all but random, so every part of a table is looked up
//! as often: two of them, and the blocks, should have room in 32 KiB of cache.

use crate::error::{Irregular, Reason, give_up};
use crate::markers::HuffmanSpec;

/// Bits that tables are looked up with: for a code alone, a DC difference, and AC coefficients.
const CODE_BITS: u32 = 10;
pub(crate) const DC_BITS: u32 = 10;
pub(crate) const AC_BITS: u32 = 11;
/// Added to the distance of an entry that ends its block.
pub(crate) const END: u8 = 128;
/// The distance of an entry that needs more bits.
pub(crate) const LONG: u8 = 255;

/// The codes of a table.
#[derive(Clone, Debug)]
pub(crate) struct Codes {
    /// Length and symbol of the codes of up to ten bits, by ten bits; 0 for longer ones.
    short: [(u8, u8); 1 << CODE_BITS],
    /// For each length, the first 16 bits that are beyond its codes.
    limits: [u32; 17],
    /// For each length, what is added to a code to give the position of its symbol.
    offsets: [i32; 17],
    symbols: [u8; 256],
    /// Codes of each length, once they are all there.
    counts: Option<[u8; 16]>,
}

impl Codes {
    fn new() -> Self {
        let (short, limits, offsets) = ([(0, 0); 1 << CODE_BITS], [0; 17], [0; 17]);
        Codes { short, limits, offsets, symbols: [0; 256], counts: None }
    }

    /// Whether these are the codes of a specification. Most files have the standard's tables, or those of their camera.
    fn are_of(&self, spec: &HuffmanSpec, file: &[u8]) -> bool {
        let total: usize = spec.counts.iter().map(|&count| usize::from(count)).sum();
        self.counts == Some(spec.counts)
            && file.get(spec.symbols_at..).and_then(|symbols| symbols.get(..total))
                == self.symbols.get(..total)
    }

    /// Reads a table. `file` is what the specification's offsets refer to.
    fn build(&mut self, spec: &HuffmanSpec, file: &[u8]) -> Result<(), Irregular> {
        let total: usize = spec.counts.iter().map(|&count| usize::from(count)).sum();
        let Some(symbols) = file.get(spec.symbols_at..spec.symbols_at + total) else { give_up!(Table) };
        let Some(slots) = self.symbols.get_mut(..total) else { give_up!(Table) };
        self.counts = None;
        slots.copy_from_slice(symbols);
        let mut code = 0_u32;
        let mut position = 0;
        let mut filled = 0;
        for (length, &count) in (1_u32..).zip(&spec.counts) {
            let count = u32::from(count);
            self.offsets[length as usize] = position - code as i32;
            if length <= CODE_BITS {
                let run = 1 << (CODE_BITS - length);
                for &symbol in symbols.iter().skip(position as usize).take(count as usize) {
                    let Some(entries) = self.short.get_mut(filled..filled + run) else { give_up!(Table) };
                    entries.fill((length as u8, symbol));
                    filled += run;
                }
            }
            code += count;
            position += count as i32;
            // No code consists of ones only.
            if count > 0 && code >= 1 << length {
                give_up!(Table);
            }
            self.limits[length as usize] = code << (16 - length);
            code <<= 1;
        }
        if let Some(rest) = self.short.get_mut(filled..) {
            rest.fill((0, 0));
        }
        self.counts = Some(spec.counts);
        Ok(())
    }

    /// Length and symbol of the code that a window begins with.
    #[inline(always)]
    pub(crate) fn find(&self, window: u64) -> Result<(u32, u8), Irregular> {
        let (length, symbol) = self.short[(window >> (64 - CODE_BITS)) as usize];
        if length > 0 {
            return Ok((u32::from(length), symbol));
        }
        self.find_long(window)
    }

    #[cold]
    #[inline(never)]
    fn find_long(&self, window: u64) -> Result<(u32, u8), Irregular> {
        let bits = (window >> 48) as u32;
        for length in CODE_BITS + 1..=16 {
            if bits < self.limits[length as usize] {
                let at = (bits >> (16 - length)) as i32 + self.offsets[length as usize];
                return Ok((length, self.symbols[(at & 255) as usize]));
            }
        }
        Err(Reason::Code.into())
    }
}

/// The value that `size` extra bits stand for.
#[inline(always)]
pub(crate) fn extend(bits: u32, size: u32) -> i32 {
    let half = (1_i32 << (size & 31)) >> 1;
    let value = bits as i32;
    if value < half { value - 2 * half + 1 } else { value }
}

/// A table of differences of DC coefficients.
#[derive(Clone, Debug)]
pub(crate) struct DcTable {
    pub(crate) codes: Codes,
    /// Difference and bits taken; no bits if ten do not suffice.
    pub(crate) whole: [(i16, u8); 1 << DC_BITS],
    /// Whether all of it is made of the codes that it has.
    is_made: bool,
}

impl DcTable {
    pub(crate) fn new() -> Self {
        DcTable { codes: Codes::new(), whole: [(0, 0); 1 << DC_BITS], is_made: false }
    }

    /// Reads a table.
    pub(crate) fn build(&mut self, spec: Option<&HuffmanSpec>, file: &[u8]) -> Result<(), Irregular> {
        let Some(spec) = spec else { give_up!(Table) };
        if self.is_made && self.codes.are_of(spec, file) {
            return Ok(());
        }
        self.is_made = false;
        self.codes.build(spec, file)?;
        let total: usize = spec.counts.iter().map(|&count| usize::from(count)).sum();
        if self.codes.symbols.iter().take(total).any(|&size| size > 15) {
            give_up!(Table);
        }
        self.whole.fill((0, 0));
        each_whole(DC_BITS, spec, &self.codes.symbols, |range, symbol, bits, value| {
            if let Some(entries) = self.whole.get_mut(range).filter(|_| symbol < 16) {
                entries.fill((value, bits));
            }
        });
        self.is_made = true;
        Ok(())
    }
}

/// What eleven bits of AC coefficients mean, but for the bits taken: made as a word, taken apart by loads of its bytes,
/// which is faster than shifting.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pair([u8; 4]);

impl Pair {
    const FIRST_STEP: u32 = 0;
    const STEP: u32 = 8;
    const FIRST: u32 = 16;
    const SECOND: u32 = 24;
    /// Only while tables are made.
    const BITS: u32 = 32;

    /// How far the first lies behind the last one. The end of a block alone counts as a zero one step behind.
    #[inline(always)]
    pub(crate) fn first_step(self) -> usize {
        usize::from(self.0[0])
    }

    /// How far the second, if there is one, lies behind the last one. [`END`] is added if the block ends behind
    /// them; [`LONG`] stands alone if the bits do not hold a coefficient.
    #[inline(always)]
    pub(crate) fn step(self) -> u8 {
        self.0[1]
    }

    #[inline(always)]
    pub(crate) fn first(self) -> i16 {
        i16::from(self.0[2].cast_signed())
    }

    /// If the block ends: what to add to the first one's position to have that of the block's last coefficient.
    #[inline(always)]
    pub(crate) fn second(self) -> i16 {
        i16::from(self.0[3].cast_signed())
    }
}

/// A table of AC coefficients.
#[derive(Clone, Debug)]
pub(crate) struct AcTable {
    pub(crate) codes: Codes,
    /// Bits that both coefficients take; the next lookup waits for nothing else.
    pub(crate) bits: [u8; 1 << AC_BITS],
    pub(crate) pairs: [Pair; 1 << AC_BITS],
    /// The second halves of pairs, for 0 to 11 bits; those for `n` bits begin at `2^n`. Zero stands for none.
    seconds: Vec<u64>,
    /// Whether all of it is made of the codes that it has.
    is_made: bool,
}

impl AcTable {
    /// Bytes apart from the table itself.
    pub(crate) const HEAP_BYTES: usize = size_of::<[u64; 2 << AC_BITS]>();

    pub(crate) fn new() -> Self {
        AcTable {
            codes: Codes::new(),
            bits: [0; 1 << AC_BITS],
            pairs: [Pair([0; 4]); 1 << AC_BITS],
            seconds: vec![0; 2 << AC_BITS],
            is_made: false,
        }
    }

    /// Reads the codes alone, as progressive scans need them.
    pub(crate) fn build_codes(&mut self, spec: Option<&HuffmanSpec>, file: &[u8]) -> Result<(), Irregular> {
        let Some(spec) = spec else { give_up!(Table) };
        if self.codes.are_of(spec, file) {
            return Ok(());
        }
        self.is_made = false;
        self.codes.build(spec, file)
    }

    /// Reads a table for sequential scans.
    pub(crate) fn build(&mut self, spec: Option<&HuffmanSpec>, file: &[u8]) -> Result<(), Irregular> {
        self.build_codes(spec, file)?;
        let Some(spec) = spec else { give_up!(Table) };
        if self.is_made {
            return Ok(());
        }
        let AcTable { codes, bits: taken, pairs, seconds, is_made } = self;
        let Some((shorter, whole)) = seconds.split_at_mut_checked(1 << AC_BITS) else { give_up!(Table) };
        whole.fill(0);
        each_whole(AC_BITS, spec, &codes.symbols, |range, symbol, bits, value| {
            let (Some(step), Ok(value)) = (step(symbol), i8::try_from(value)) else { return };
            let second = u64::from(bits) << Pair::BITS
                | u64::from(step) << Pair::STEP
                | u64::from(value.cast_unsigned()) << Pair::SECOND;
            if let Some(entries) = whole.get_mut(range) {
                entries.fill(second);
            }
        });
        let mut longer: &[u64] = whole;
        let mut rest: &mut [u64] = shorter;
        for bits in (0..u64::from(AC_BITS)).rev() {
            let Some((less, here)) = rest.split_at_mut_checked(1 << bits) else { break };
            for (short, long) in here.iter_mut().zip(longer.as_chunks::<2>().0) {
                *short = if long[0] >> Pair::BITS <= bits { long[0] } else { 0 };
            }
            longer = here;
            rest = less;
        }
        taken.fill(0);
        pairs.fill(Pair((u32::from(LONG) << Pair::STEP).to_le_bytes()));
        each_whole(AC_BITS, spec, &codes.symbols, |range, symbol, bits, value| {
            let (Some(step), Ok(value)) = (step(symbol), i8::try_from(value)) else { return };
            let room = range.len();
            let (Some(taken), Some(entries), Some(seconds)) =
                (taken.get_mut(range.clone()), pairs.get_mut(range), seconds.get(room..2 * room))
            else {
                return;
            };
            if step == END {
                let steps = 1 << Pair::FIRST_STEP | u32::from(END) << Pair::STEP;
                taken.fill(bits);
                entries.fill(Pair((steps | 0xFF << Pair::SECOND).to_le_bytes()));
                return;
            }
            let steps = u32::from(step) << Pair::FIRST_STEP | u32::from(step) << Pair::STEP;
            let first = steps | u32::from(value.cast_unsigned()) << Pair::FIRST;
            for ((entry, taken), second) in entries.iter_mut().zip(taken).zip(seconds) {
                // No field overflows into the next.
                *entry = Pair((first + *second as u32).to_le_bytes());
                *taken = bits + (second >> Pair::BITS) as u8;
            }
        });
        *is_made = true;
        Ok(())
    }
}

/// How far a symbol's coefficient lies behind the last one. `None` for symbols without a meaning.
fn step(symbol: u8) -> Option<u8> {
    match (symbol >> 4, symbol & 15) {
        (0, 0) => Some(END),
        (1..15, 0) => None,
        (run, _) => Some(run + 1),
    }
}

/// Calls `each` for every symbol and value that so many bits hold: the range of entries, the symbol, the bits
/// taken, and the value.
#[inline(always)]
fn each_whole(
    lookup_bits: u32,
    spec: &HuffmanSpec,
    symbols: &[u8; 256],
    mut each: impl FnMut(std::ops::Range<usize>, u8, u8, i16),
) {
    let mut start = 0;
    let mut symbols = symbols.iter();
    for (length, &count) in (1..=lookup_bits).zip(&spec.counts) {
        for &symbol in symbols.by_ref().take(usize::from(count)) {
            let size = u32::from(symbol & 15);
            let bits = length + size;
            let room = 1 << (lookup_bits - length);
            if bits <= lookup_bits {
                let run = 1 << (lookup_bits - bits);
                for extra in 0..1_u32 << size {
                    let at = start + extra as usize * run;
                    each(at..at + run, symbol, bits as u8, extend(extra, size) as i16);
                }
            }
            start += room;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file that is nothing but symbols, and the specification of a table with so many codes of eight bits.
    fn table(symbols: &[u8]) -> (HuffmanSpec, Vec<u8>) {
        let mut counts = [0; 16];
        counts[7] = symbols.len() as u8;
        (HuffmanSpec { counts, symbols_at: 0 }, symbols.to_vec())
    }

    #[test]
    fn a_table_is_made_again_only_if_it_is_another() {
        let (spec, file) = table(&[0, 1, 2, 0x11]);
        let (_, other) = table(&[0, 1, 3, 0x11]);
        let mut kept = AcTable::new();
        // Codes alone, a table, and tables in place of others.
        kept.build_codes(Some(&spec), &file).unwrap();
        for file in [&file, &file, &other, &file] {
            let mut fresh = AcTable::new();
            fresh.build(Some(&spec), file).unwrap();
            kept.build(Some(&spec), file).unwrap();
            assert_eq!(kept.bits, fresh.bits);
            assert_eq!(kept.pairs.map(|pair| pair.0), fresh.pairs.map(|pair| pair.0));
            kept.build_codes(Some(&spec), file).unwrap();
        }
        kept.build_codes(Some(&spec), &other).unwrap();
        kept.build(Some(&spec), &other).unwrap();
        let mut fresh = AcTable::new();
        fresh.build(Some(&spec), &other).unwrap();
        assert_eq!(kept.bits, fresh.bits);
    }

    #[test]
    fn a_table_that_cannot_be_made_never_can() {
        let (good, file) = table(&[0, 1, 2, 3]);
        let (bad, symbols) = table(&[0, 1, 2, 16]);
        let mut kept = DcTable::new();
        let mut full = good;
        full.counts[0] = 2;
        for _ in 0..2 {
            assert!(kept.build(Some(&bad), &symbols).is_err());
            assert!(kept.build(Some(&full), &[0; 6]).is_err());
            assert!(kept.build(Some(&good), &file[..3]).is_err());
            kept.build(Some(&good), &file).unwrap();
            assert_eq!(kept.codes.find(2 << 56).unwrap(), (8, 2));
        }
    }
}
