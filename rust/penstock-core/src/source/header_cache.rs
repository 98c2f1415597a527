//! What was seen of files that somebody opened: their headers, by what the system says of them.
//!
//! An image that is only recorded must fail where it would have failed: when it is opened or loaded, in the code that
//! opened it. So a file is looked through when it is opened ([`Decoder::survey`](crate::codec::Decoder::survey)), and
//! that is remembered by device, inode, size and times, so that the next time a look at those is enough.
//!
//! A worker's memory is in two parts, as that of [indexes](crate::codec::usage) is.

use std::collections::HashMap;
use std::fs::{File, Metadata};
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use twox_hash::XxHash3_128;

use crate::codec::{Format, Header};
use crate::system;

/// Files that are remembered, at most: some 100 MB of memory.
const MOST_FILES: usize = 2 << 20;
/// The same for those of which a worker learns itself: 8 MB.
const MOST_OWN: usize = 7 << 15;
/// What a worker writes down between two batches, at most.
const MOST_LEARNED: usize = 1 << 20;
/// A file in what is written down: identity, height, width, channels, and format with what else is known.
const ENTRY_BYTES: usize = 16 + 4 + 4 + 1 + 1;
/// Set beside the format if all checksums are right.
const CHECKED: u8 = 0x80;
const FORMATS: [Format; 4] = [Format::Jpeg, Format::Png, Format::Ppm, Format::Indices];
/// A file that was changed so recently may be changed again within the resolution of its times, or be gone soon.
const FRESH: Duration = Duration::from_secs(2);
/// A file larger than this is left to Pillow.
const MOST_BYTES: u64 = 256 << 20;

/// A file as the system knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Identity(pub u128);

/// What is known of an open file before it is read.
#[derive(Debug, Clone, Copy)]
pub struct FileStamp {
    /// Of the file; zero where none is known again.
    pub identity: Identity,
    /// Its bytes.
    pub length: usize,
    /// Whether it was changed just now or is not known again, so that nothing should be remembered of it.
    pub fresh: bool,
}

impl FileStamp {
    /// Looks at a file's metadata; nothing if it is no ordinary file, or a very large one.
    ///
    /// # Errors
    /// What the system says.
    pub fn of(file: &File) -> io::Result<Option<Self>> {
        let metadata = file.metadata()?;
        if !metadata.is_file() || metadata.len() > MOST_BYTES {
            return Ok(None);
        }
        let (identity, fresh) = identity(&metadata).unwrap_or((Identity(0), true));
        Ok(Some(Self { identity, length: metadata.len() as usize, fresh }))
    }

    /// Whether a path leads to the file as it was when it was looked at.
    #[must_use]
    pub fn is_at(&self, path: &Path) -> bool {
        std::fs::metadata(path)
            .is_ok_and(|metadata| identity(&metadata).is_some_and(|(identity, _)| identity == self.identity))
    }

    /// All of the file, from its beginning, wherever it was read last; nothing if its length has changed.
    ///
    /// # Errors
    /// What the system says.
    pub fn read(&self, file: &File) -> io::Result<Option<Vec<u8>>> {
        let mut content = vec![0; self.length + 1];
        let mut filled = 0;
        while filled < content.len() {
            match system::files::read_at(file, &mut content[filled..], filled as u64) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        content.truncate(filled);
        Ok((filled == self.length).then_some(content))
    }
}

/// What a file is known by, and whether it was changed just now.
fn identity(metadata: &Metadata) -> Option<(Identity, bool)> {
    let (numbers, changed) = system::identity::of(metadata)?;
    let mut bytes = [0; 7 * 8];
    for (place, number) in bytes.as_chunks_mut::<8>().0.iter_mut().zip(numbers) {
        *place = number.to_le_bytes();
    }
    Some((Identity(XxHash3_128::oneshot(&bytes)), is_fresh(changed)))
}

/// Whether a time, in seconds since 1970, was just now.
fn is_fresh(changed: i64) -> bool {
    let changed = UNIX_EPOCH + Duration::from_secs(changed.max(0) as u64);
    // A time to come is no older either.
    SystemTime::now().duration_since(changed).is_ok_and(|age| age < FRESH) || changed > SystemTime::now()
}

/// What is known of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Known {
    height: u32,
    width: u32,
    channels: u8,
    format: Format,
    /// Whether the checksums of all its chunks are right, which Pillow does not ask for.
    checked: bool,
}

impl Known {
    fn of(header: Header) -> Self {
        let (height, width) = header.size();
        Self { height, width, channels: header.channels as u8, format: header.format, checked: false }
    }

    fn header(self) -> Header {
        let Self { height, width, channels, format, .. } = self;
        Header { height: height as usize, width: width as usize, channels: usize::from(channels), format }
    }
}

type Files = HashMap<Identity, Known>;

/// Files by identity. Every call is short, and made by threads that hold the GIL, so that a fork finds it unlocked.
#[derive(Debug, Default)]
pub struct HeaderCache {
    /// What this process knows; in a worker, what it knew when it began.
    base: Mutex<Option<Files>>,
    /// What a worker got to know since.
    own: Mutex<Option<Files>>,
    is_worker: AtomicBool,
    /// The same, to be sent.
    learned: Mutex<Vec<u8>>,
    /// Files that were looked through.
    looks: AtomicUsize,
}

impl HeaderCache {
    /// Nothing seen yet.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            base: Mutex::new(None),
            own: Mutex::new(None),
            is_worker: AtomicBool::new(false),
            learned: Mutex::new(Vec::new()),
            looks: AtomicUsize::new(0),
        }
    }

    /// The header of a file that Pillow would get through, if that is known.
    pub fn get(&self, identity: Identity) -> Option<Header> {
        self.known(identity).map(Known::header)
    }

    /// Whether it is known that the checksums of all of a file's chunks are right.
    pub fn is_checked(&self, identity: Identity) -> bool {
        self.known(identity).is_some_and(|known| known.checked)
    }

    /// Remembers a file that was just looked through.
    pub fn put(&self, identity: Identity, header: Header) {
        self.note(identity, Known::of(header));
    }

    /// Remembers that all checksums of a known file are right.
    pub fn put_checked(&self, identity: Identity) {
        if let Some(known) = self.known(identity) {
            self.note(identity, Known { checked: true, ..known });
        }
    }

    /// Remembers a file that another process has looked through.
    pub fn put_others(&self, identity: Identity, header: Header) {
        if self.known(identity).is_none() {
            self.keep(identity, Known::of(header));
        }
    }

    /// Counts a file that was looked through, whether anything is remembered of it or not.
    pub fn count(&self) {
        self.looks.fetch_add(1, Ordering::Relaxed);
    }

    /// Files that this process has looked through.
    pub fn looks(&self) -> usize {
        self.looks.load(Ordering::Relaxed)
    }

    /// Has this process, a worker, leave what it knows as it is, and write down what it learns.
    pub fn be_worker(&self) {
        self.is_worker.store(true, Ordering::Relaxed);
    }

    /// What a worker wrote down since this was called last.
    pub fn take_learned(&self) -> Vec<u8> {
        self.learned.try_lock().map(|mut learned| std::mem::take(&mut *learned)).unwrap_or_default()
    }

    /// Learns what another process wrote down; false if it is anything else.
    pub fn learn(&self, bytes: &[u8]) -> bool {
        let (entries, rest) = bytes.as_chunks::<ENTRY_BYTES>();
        for entry in entries {
            let Some((identity, known)) = read_entry(entry) else { return false };
            let before = self.known(identity);
            if before.is_none_or(|before| known.checked && !before.checked) {
                self.keep(identity, known);
            }
        }
        rest.is_empty()
    }

    /// Writes down what is known, while `out` is no longer than `most`.
    pub fn write(&self, out: &mut Vec<u8>, most: usize) {
        for files in [&self.base, &self.own] {
            let Some(files) = unlocked(files) else { continue };
            for (&identity, &known) in files.iter().flatten() {
                if out.len() >= most {
                    return;
                }
                write_entry(out, identity, known);
            }
        }
    }

    fn known(&self, identity: Identity) -> Option<Known> {
        let find = |files: &Mutex<Option<Files>>| unlocked(files)?.as_ref()?.get(&identity).copied();
        if !self.is_worker.load(Ordering::Relaxed) {
            return find(&self.base);
        }
        find(&self.own).or_else(|| find(&self.base))
    }

    fn note(&self, identity: Identity, known: Known) {
        if self.is_worker.load(Ordering::Relaxed)
            && let Some(mut learned) = unlocked(&self.learned)
            && learned.len() < MOST_LEARNED
        {
            write_entry(&mut learned, identity, known);
        }
        self.keep(identity, known);
    }

    fn keep(&self, identity: Identity, known: Known) {
        let is_worker = self.is_worker.load(Ordering::Relaxed);
        let (files, most) = if is_worker { (&self.own, MOST_OWN) } else { (&self.base, MOST_FILES) };
        if let Some(mut files) = unlocked(files) {
            let files = files.get_or_insert_default();
            if files.len() < most || files.contains_key(&identity) {
                files.insert(identity, known);
            }
        }
    }
}

fn unlocked<T>(mutex: &Mutex<T>) -> Option<MutexGuard<'_, T>> {
    mutex.try_lock().ok()
}

fn write_entry(out: &mut Vec<u8>, identity: Identity, known: Known) {
    out.extend_from_slice(&identity.0.to_le_bytes());
    out.extend_from_slice(&known.height.to_le_bytes());
    out.extend_from_slice(&known.width.to_le_bytes());
    let format = FORMATS.iter().position(|&format| format == known.format).unwrap_or_default() as u8;
    out.extend_from_slice(&[known.channels, format | if known.checked { CHECKED } else { 0 }]);
}

fn read_entry(entry: &[u8; ENTRY_BYTES]) -> Option<(Identity, Known)> {
    let (&identity, rest) = entry.split_first_chunk()?;
    let (&height, rest) = rest.split_first_chunk()?;
    let (&width, rest) = rest.split_first_chunk()?;
    let (&[channels, format], []) = rest.split_first_chunk()? else { return None };
    let (height, width) = (u32::from_le_bytes(height), u32::from_le_bytes(width));
    if height == 0 || width == 0 || !matches!(channels, 1 | 3) {
        return None;
    }
    let checked = format & CHECKED != 0;
    let format = *FORMATS.get(usize::from(format & !CHECKED))?;
    Some((Identity(u128::from_le_bytes(identity)), Known { height, width, channels, format, checked }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::{Decoder, Format};
    use std::fs;
    use std::io::{Seek, Write};

    const TINY: &[u8] = include_bytes!("../../../penstock-jpeg/tests/data/tiny.jpg");

    #[test]
    #[cfg_attr(any(not(unix), feature = "plain"), ignore = "no file is known there")]
    fn a_file_is_known_until_it_changes() {
        let path = std::env::temp_dir().join(format!("penstock-sight-{}", std::process::id()));
        fs::write(&path, TINY).unwrap();
        let mut file = File::options().read(true).write(true).open(&path).unwrap();
        let sight = FileStamp::of(&file).unwrap().unwrap();
        assert!(sight.fresh, "it was written just now");
        file.seek(io::SeekFrom::End(0)).unwrap();
        assert_eq!(sight.read(&file).unwrap().unwrap(), TINY, "from its beginning");
        let header = Decoder::default().survey(TINY).unwrap();
        let header_cache = HeaderCache::new();
        assert_eq!(header_cache.get(sight.identity), None);
        header_cache.put(sight.identity, header);
        assert_eq!(header_cache.get(FileStamp::of(&file).unwrap().unwrap().identity), Some(header));
        assert!(sight.is_at(&path));
        file.write_all(b"more").unwrap();
        assert!(!sight.is_at(&path));
        assert_eq!(header_cache.get(FileStamp::of(&file).unwrap().unwrap().identity), None);
        assert_eq!(sight.read(&file).unwrap(), None, "its length has changed");
        fs::remove_file(&path).unwrap();
        assert!(FileStamp::of(&File::open(std::env::temp_dir()).unwrap()).unwrap().is_none());
    }

    #[test]
    fn a_survey_finds_what_libjpeg_stops_at() {
        let mut decoder = Decoder::default();
        assert_eq!(decoder.survey(TINY).unwrap().format, Format::Jpeg);
        for end in 0..TINY.len() {
            assert!(decoder.survey(&TINY[..end]).is_err(), "cut at {end}");
        }
        let scan = TINY.windows(2).position(|pair| pair == [0xff, 0xda]).unwrap();
        let mut damaged = TINY.to_vec();
        damaged[scan + 20] = 0xff;
        damaged[scan + 21] = 0xc4;
        assert!(decoder.survey(&damaged).is_err(), "a marker in the data");
    }
    fn header() -> Header {
        Decoder::default().survey(TINY).unwrap()
    }

    #[test]
    fn a_worker_writes_down_what_it_learns_and_others_know_it() {
        let (parent, other) = (HeaderCache::new(), HeaderCache::new());
        parent.put(Identity(1), header());
        assert!(parent.take_learned().is_empty());
        parent.be_worker();
        parent.put(Identity(2), header());
        parent.put_checked(Identity(1));
        parent.put_checked(Identity(3));
        assert!(
            parent.base.lock().unwrap().as_ref().is_some_and(|files| files.len() == 1),
            "it stays as it was"
        );
        let learned = parent.take_learned();
        assert_eq!(learned.len(), 2 * ENTRY_BYTES);
        assert!(parent.take_learned().is_empty());
        other.put_others(Identity(1), header());
        assert!(other.learn(&learned));
        for header_cache in [&parent, &other] {
            assert_eq!(
                [1, 2, 3].map(|number| header_cache.get(Identity(number))),
                [Some(header()), Some(header()), None]
            );
            assert_eq!(
                [1, 2, 3].map(|number| header_cache.is_checked(Identity(number))),
                [true, false, false]
            );
        }
        let (mut all, mut some) = (Vec::new(), Vec::new());
        other.write(&mut all, usize::MAX);
        other.write(&mut some, 1);
        assert_eq!((all.len(), some.len()), (2 * ENTRY_BYTES, ENTRY_BYTES));
        other.put_others(Identity(1), header());
        assert!(other.is_checked(Identity(1)));
    }

    #[test]
    fn nothing_else_is_learned() {
        let mut entry = Vec::new();
        write_entry(&mut entry, Identity(1), Known::of(header()));
        for (place, value) in [(24, 2), (24, 0), (25, FORMATS.len() as u8), (25, 0xff)] {
            let before = std::mem::replace(&mut entry[place], value);
            assert!(!HeaderCache::new().learn(&entry), "{value} at {place}");
            entry[place] = before;
        }
        assert!(HeaderCache::new().learn(&entry));
        assert!(!HeaderCache::new().learn(&entry[..25]));
    }
}
