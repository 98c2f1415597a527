//! What was seen of files that somebody opened: their headers, by what the system says of them.
//!
//! A picture that is only recorded must fail where it would have failed: when it is opened or loaded, in the code that
//! opened it. So a file is looked through when it is opened ([`Decoder::survey`](crate::codec::Decoder::survey)), and
//! that is remembered by device, inode, size and times, so that the next time a look at those is enough.

use std::collections::HashMap;
use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use twox_hash::XxHash3_128;

use crate::codec::Header;

/// Files that are remembered, at most: some 100 MB of memory.
const MOST_FILES: usize = 2 << 20;
/// A file that was changed so recently may be changed again within the resolution of its times, or be gone soon.
const FRESH: Duration = Duration::from_secs(2);
/// A file larger than this is left to Pillow.
const MOST_BYTES: u64 = 256 << 20;

/// A file as the system knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Identity(pub u128);

/// What is known of an open file before it is read.
#[derive(Debug, Clone, Copy)]
pub struct Sight {
    /// Of the file.
    pub identity: Identity,
    /// Its bytes.
    pub length: usize,
    /// Whether it was changed just now, so that nothing should be remembered of it.
    pub fresh: bool,
}

impl Sight {
    /// Looks at a file's metadata; nothing if it is no ordinary file, or a very large one.
    ///
    /// # Errors
    /// What the system says.
    pub fn of(file: &File) -> io::Result<Option<Self>> {
        let metadata = file.metadata()?;
        if !metadata.is_file() || metadata.len() > MOST_BYTES {
            return Ok(None);
        }
        let (identity, fresh) = (identity(&metadata), is_fresh(&metadata));
        Ok(Some(Self { identity, length: metadata.len() as usize, fresh }))
    }

    /// Whether a path leads to the file as it was when it was looked at.
    #[must_use]
    pub fn is_at(&self, path: &Path) -> bool {
        std::fs::metadata(path).is_ok_and(|metadata| identity(&metadata) == self.identity)
    }

    /// All of the file, from its beginning, wherever it was read last; nothing if its length has changed.
    ///
    /// # Errors
    /// What the system says.
    pub fn read(&self, file: &File) -> io::Result<Option<Vec<u8>>> {
        let mut content = vec![0; self.length + 1];
        let mut filled = 0;
        while filled < content.len() {
            match file.read_at(&mut content[filled..], filled as u64) {
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

fn identity(metadata: &Metadata) -> Identity {
    let numbers = [
        metadata.dev(),
        metadata.ino(),
        metadata.size(),
        metadata.mtime() as u64,
        metadata.mtime_nsec() as u64,
        metadata.ctime() as u64,
        metadata.ctime_nsec() as u64,
    ];
    let mut bytes = [0; 7 * 8];
    for (place, number) in bytes.as_chunks_mut::<8>().0.iter_mut().zip(numbers) {
        *place = number.to_le_bytes();
    }
    Identity(XxHash3_128::oneshot(&bytes))
}

fn is_fresh(metadata: &Metadata) -> bool {
    let seconds = metadata.mtime().max(metadata.ctime()).max(0) as u64;
    let changed = UNIX_EPOCH + Duration::from_secs(seconds);
    // A time to come is no older either.
    SystemTime::now().duration_since(changed).is_ok_and(|age| age < FRESH) || changed > SystemTime::now()
}

/// Headers by file. Every call is short, and made by threads that hold the GIL, so that a fork finds it unlocked.
#[derive(Debug, Default)]
pub struct Sights {
    headers: Mutex<Option<HashMap<Identity, Header>>>,
}

impl Sights {
    /// Nothing seen yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { headers: Mutex::new(None) }
    }

    /// The header of a file that Pillow would get through, if that is known.
    pub fn get(&self, identity: Identity) -> Option<Header> {
        self.headers.try_lock().ok()?.as_ref()?.get(&identity).copied()
    }

    /// Remembers a file.
    pub fn put(&self, identity: Identity, header: Header) {
        if let Ok(mut headers) = self.headers.try_lock() {
            let headers = headers.get_or_insert_default();
            if headers.len() < MOST_FILES {
                headers.insert(identity, header);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::{Decoder, Format};
    use std::fs;
    use std::io::{Seek, Write};

    const TINY: &[u8] = include_bytes!("../../../penstock-jpeg/tests/data/tiny.jpg");

    #[test]
    fn a_file_is_known_until_it_changes() {
        let path = std::env::temp_dir().join(format!("penstock-sight-{}", std::process::id()));
        fs::write(&path, TINY).unwrap();
        let mut file = File::options().read(true).write(true).open(&path).unwrap();
        let sight = Sight::of(&file).unwrap().unwrap();
        assert!(sight.fresh, "it was written just now");
        file.seek(io::SeekFrom::End(0)).unwrap();
        assert_eq!(sight.read(&file).unwrap().unwrap(), TINY, "from its beginning");
        let header = Decoder::default().survey(TINY).unwrap();
        let sights = Sights::new();
        assert_eq!(sights.get(sight.identity), None);
        sights.put(sight.identity, header);
        assert_eq!(sights.get(Sight::of(&file).unwrap().unwrap().identity), Some(header));
        assert!(sight.is_at(&path));
        file.write_all(b"more").unwrap();
        assert!(!sight.is_at(&path));
        assert_eq!(sights.get(Sight::of(&file).unwrap().unwrap().identity), None);
        assert_eq!(sight.read(&file).unwrap(), None, "its length has changed");
        fs::remove_file(&path).unwrap();
        assert!(Sight::of(&File::open(std::env::temp_dir()).unwrap()).unwrap().is_none());
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
}
