//! Files of images: their bytes, read into memory that is used again, and what their headers say.

use std::fs;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::descriptors;
use crate::codec::{Header, Irregular, read_header};
use crate::system;
use crate::system::scratch::Scratch;

/// A file larger than this is left to Pillow.
const MOST_BYTES: usize = 256 << 20;
/// Memory that waits for the next file, at most.
const SHELF_BYTES: usize = 64 << 20;

/// Memory of the files that there are.
static HELD: AtomicUsize = AtomicUsize::new(0);

/// Memory that files take at the moment.
#[must_use]
pub fn held_bytes() -> usize {
    HELD.load(Ordering::Relaxed)
}

/// A file whose header was read, and which can be decoded as far as that tells.
#[derive(Debug)]
pub struct File {
    content: Content,
    header: Header,
}

/// A file's bytes.
#[derive(Debug)]
enum Content {
    Read(Scratch),
    Given(Vec<u8>),
}

impl Content {
    fn bytes(&self) -> &[u8] {
        match self {
            Content::Read(scratch) => scratch,
            Content::Given(bytes) => bytes,
        }
    }

    /// Memory that they take.
    fn taken(&self) -> usize {
        match self {
            Content::Read(scratch) => scratch.capacity(),
            Content::Given(bytes) => bytes.capacity(),
        }
    }
}

/// Why Pillow opens a file, as far as a look at its header tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fallback {
    /// It is where only Pillow looks.
    Elsewhere,
    /// It cannot be read, or is no ordinary file, or a very large one: Pillow will say so.
    Unreadable,
    /// It has so many pixels that Pillow warns or refuses.
    Large,
    /// It is none that is decoded here.
    Irregular(Irregular),
    /// It is another one than when somebody looked at it.
    Changed,
}

impl Fallback {
    /// The reason in a few words.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Fallback::Elsewhere => "not in a file",
            Fallback::Unreadable => "unreadable",
            Fallback::Large => "too many pixels",
            Fallback::Irregular(irregular) => irregular.name(),
            Fallback::Changed => "changed since it was opened",
        }
    }
}

impl File {
    /// Reads a file.
    ///
    /// # Errors
    /// [`Fallback`] if that fails, or if it is none that is decoded here.
    pub fn read(path: &Path, most_pixels: u64) -> Result<Self, Fallback> {
        let mut memory = SHELF.take();
        if matches!(read_to(path, &mut memory), Ok(true)) {
            return Self::new(Content::Read(memory), most_pixels);
        }
        SHELF.put(memory);
        Err(Fallback::Unreadable)
    }

    /// A file whose content is in memory already.
    ///
    /// # Errors
    /// [`Fallback`] if it is none that is decoded here.
    pub fn parse(bytes: Vec<u8>, most_pixels: u64) -> Result<Self, Fallback> {
        Self::new(Content::Given(bytes), most_pixels)
    }

    fn new(content: Content, most_pixels: u64) -> Result<Self, Fallback> {
        let fallback = match read_header(content.bytes()) {
            Ok(header) if header.pixels() <= most_pixels => {
                HELD.fetch_add(content.taken(), Ordering::Relaxed);
                return Ok(Self { content, header });
            }
            Ok(_) => Fallback::Large,
            Err(irregular) => Fallback::Irregular(irregular),
        };
        if let Content::Read(scratch) = content {
            SHELF.put(scratch);
        }
        Err(fallback)
    }

    /// The file's content.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.content.bytes()
    }

    /// What the header says.
    #[must_use]
    pub fn header(&self) -> Header {
        self.header
    }
}

impl Drop for File {
    fn drop(&mut self) {
        HELD.fetch_sub(self.content.taken(), Ordering::Relaxed);
        if let Content::Read(scratch) = &mut self.content {
            SHELF.put(std::mem::take(scratch));
        }
    }
}

/// Has `memory` hold all of a file; false if it is no ordinary one.
fn read_to(path: &Path, memory: &mut Scratch) -> io::Result<bool> {
    // Each look at a path may be a journey through a network, so it is opened at once and looked at then.
    let mut options = fs::OpenOptions::new();
    options.read(true);
    system::files::without_waiting(&mut options);
    let mut reading = descriptors::open(&options, path)?;
    let file = &mut reading.file;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Ok(false);
    }
    // One byte more, so that its end is met in one go; it may have grown since.
    let (mut length, mut wanted) = (0, metadata.len() as usize + 1);
    loop {
        if wanted > MOST_BYTES {
            return Ok(false);
        }
        if !memory.fit(wanted, length) {
            return Err(io::ErrorKind::OutOfMemory.into());
        }
        while length < wanted {
            match file.read(&mut memory[length..wanted]) {
                Ok(0) => return Ok(memory.fit(length, length)),
                Ok(read) => length += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        wanted *= 2;
    }
}

static SHELF: Shelf = Shelf(Mutex::new(Vec::new()));

/// Memory that no file uses at the moment.
///
/// Threads that hold no GIL come here, so in a forked child its lock may be taken for ever: nobody ever waits for it.
struct Shelf(Mutex<Vec<Scratch>>);

impl Shelf {
    /// Some of it; what is in it is an earlier file's.
    fn take(&self) -> Scratch {
        self.0.try_lock().ok().and_then(|mut shelf| shelf.pop()).unwrap_or_default()
    }

    fn put(&self, memory: Scratch) {
        let Ok(mut shelf) = self.0.try_lock() else { return };
        let kept: usize = shelf.iter().map(Scratch::capacity).sum();
        if memory.capacity() > 0 && kept + memory.capacity() <= SHELF_BYTES {
            shelf.push(memory);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TINY: &[u8] = include_bytes!("../../../penstock-jpeg/tests/data/tiny.jpg");

    #[test]
    fn files_are_read_whole_and_judged_by_their_header() {
        let folder = std::env::temp_dir().join(format!("penstock-files-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let good = folder.join("good.jpg");
        fs::write(&good, TINY).unwrap();
        let file = File::read(&good, u64::MAX).unwrap();
        assert_eq!(file.bytes(), TINY);
        let pixels = file.header().pixels();
        assert!(pixels > 1);
        assert!(File::read(&good, pixels).is_ok());
        assert_eq!(File::read(&good, pixels - 1).unwrap_err(), Fallback::Large);

        // A buffer of an earlier file is longer than this one.
        let half = folder.join("half.jpg");
        fs::write(&half, [TINY, TINY].concat()).unwrap();
        drop(File::read(&half, u64::MAX).unwrap());
        let again = File::read(&good, u64::MAX).unwrap();
        assert_eq!(again.bytes(), TINY);

        let text = folder.join("text.jpg");
        fs::write(&text, "not an image").unwrap();
        assert!(matches!(File::read(&text, u64::MAX), Err(Fallback::Irregular(_))));
        for path in [&folder, &folder.join("missing.jpg"), Path::new("")] {
            assert_eq!(File::read(path, u64::MAX).unwrap_err(), Fallback::Unreadable);
        }
        assert!(File::parse(TINY.to_vec(), u64::MAX).is_ok());
        assert!(matches!(File::parse(Vec::new(), u64::MAX), Err(Fallback::Irregular(_))));
        fs::remove_dir_all(&folder).unwrap();
    }
}
