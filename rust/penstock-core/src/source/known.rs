//! The one memory of files, of this process and its workers: no file is stepped through twice for the same answer.
//!
//! | what is known of a file | by what it is known again | for whom |
//! | --- | --- | --- |
//! | that Pillow gets through it, and its header | identity: device, inode, size, times ([`HeaderCache`]) | images that record |
//! | that the checksums of all chunks of a PNG are right | the same | torchvision's decoder |
//! | where the MCUs of a JPEG begin | hash of the content (`codec/seen.rs`) | all pixels |
//!
//! Workers are many and may live for an epoch only. So what one learns goes to its parent with each batch, and from there
//! to workers that are made later: forked ones have the parent's memory, others are handed a part of it, and those that
//! stay are told what the others learned.

use super::header_cache::HeaderCache;
use crate::codec::seen;

/// Files that Pillow gets through, which were seen by this process or by one that told it.
pub static HEADER_CACHE: HeaderCache = HeaderCache::new();

/// Has this process, a worker, leave what it knows as it is, and write down what it learns.
pub fn be_worker() {
    HEADER_CACHE.be_worker();
    seen::be_worker();
}

/// Makes everything that threads would otherwise make under a lock, which a child that is forked off would find locked.
pub fn prepare() {
    seen::prepare();
}

/// What a worker learned since this was called last; empty if nothing.
#[must_use]
pub fn take_learned() -> Vec<u8> {
    let header_cache = HEADER_CACHE.take_learned();
    written(&header_cache, seen::take_learned)
}

/// What is known, in about so many bytes at most, files' headers first: they are smaller.
#[must_use]
pub fn write(most: usize) -> Vec<u8> {
    let mut header_cache = Vec::new();
    HEADER_CACHE.write(&mut header_cache, most);
    written(&header_cache, |out| seen::write(out, most))
}

/// The salt, the length of what is known of headers, that, and indexes.
fn written(header_cache: &[u8], write_indexes: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = seen::salt().to_le_bytes().to_vec();
    out.extend_from_slice(&(header_cache.len() as u64).to_le_bytes());
    out.extend_from_slice(header_cache);
    let empty = header_cache.is_empty().then_some(out.len());
    write_indexes(&mut out);
    if empty == Some(out.len()) { Vec::new() } else { out }
}

/// Learns what another process gave; false if it is anything else. Indexes are only taken of one whose keys are ours.
#[must_use]
pub fn learn(bytes: &[u8]) -> bool {
    if bytes.is_empty() {
        return true;
    }
    let Some((salt, header_cache, indexes)) = parts(bytes) else { return false };
    HEADER_CACHE.learn(header_cache) && (salt != seen::salt() || seen::learn(indexes))
}

/// The same for a process that begins, and takes over the other one's keys.
#[must_use]
pub fn inherit(bytes: &[u8]) -> bool {
    if let Some((salt, ..)) = parts(bytes) {
        seen::set_salt(salt);
    }
    learn(bytes)
}

fn parts(bytes: &[u8]) -> Option<(u64, &[u8], &[u8])> {
    let (&salt, rest) = bytes.split_first_chunk()?;
    let (&length, rest) = rest.split_first_chunk()?;
    let (header_cache, indexes) = rest.split_at_checked(u64::from_le_bytes(length) as usize)?;
    Some((u64::from_le_bytes(salt), header_cache, indexes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::Decoder;
    use crate::source::header_cache::Identity;

    const TINY: &[u8] = include_bytes!("../../../penstock-jpeg/tests/data/tiny.jpg");

    #[test]
    fn everything_is_handed_over_at_once() {
        // A comment makes it another file than those of other tests, with which this one shares the process's memory.
        let file = [&TINY[..2], &[0xff, 0xfe, 0, 4, b'o', b'k'], &TINY[2..]].concat();
        let mut decoder = Decoder::default();
        let header = decoder.survey(&file).unwrap();
        let identity = Identity(u128::MAX);
        HEADER_CACHE.put_others(identity, header);
        assert!(!decoder.decode(&file, header, header.whole()).unwrap().known);
        let all = write(usize::MAX);
        let (salt, header_cache, indexes) = parts(&all).unwrap();
        assert_eq!(salt, seen::salt());
        assert!(!header_cache.is_empty() && !indexes.is_empty());
        assert!(learn(&all) && inherit(&all));
        assert!(decoder.decode(&file, header, header.whole()).unwrap().known);
        assert!(learn(&[]) && !learn(&all[..20]) && !learn(&all[..all.len() - 1]));
        assert_eq!(write(1).len(), 16 + header_cache.len().min(26));
        assert!(take_learned().is_empty(), "this is no worker");
    }
}
