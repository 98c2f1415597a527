//! How to do without, on any system.
#![expect(unsafe_code, reason = "memory from the allocator")]
#![cfg_attr(test, allow(dead_code, unreachable_pub, reason = "tests run it where another way is in use"))]

/// Which of the two ways this is.
pub const NAME: &str = "plain";

/// There is no bound worth looking at, and keeping a file open would keep others from removing it.
pub(crate) mod descriptors {
    use std::fs::File;
    use std::io;

    pub(crate) fn limit() -> usize {
        usize::MAX
    }

    pub(crate) fn number(_: &File) -> usize {
        0
    }

    pub(crate) fn duplicate(_: &File, _: usize) -> Option<File> {
        None
    }

    pub(crate) fn is_shortage(_: &io::Error) -> bool {
        false
    }
}

/// A descriptor of Python's means nothing outside of its own library; Python reads such files itself.
pub mod files {
    use std::fs::{File, OpenOptions};
    use std::io::{self, Read, Seek, SeekFrom};
    use std::mem::ManuallyDrop;

    /// None.
    ///
    /// # Safety
    /// Always given.
    #[must_use]
    pub unsafe fn of_descriptor(_: i32) -> Option<ManuallyDrop<File>> {
        None
    }

    pub(crate) fn read_at(mut file: &File, memory: &mut [u8], offset: u64) -> io::Result<usize> {
        file.seek(SeekFrom::Start(offset))?;
        file.read(memory)
    }

    pub(crate) fn without_waiting(_: &mut OpenOptions) {}
}

pub(crate) mod forks {
    pub(crate) fn before(_: extern "C" fn()) {}
}

pub mod heap {
    /// There is no way to ask for it.
    pub fn trim() {}
}

/// Sizes and times alone do not tell files apart.
pub(crate) mod identity {
    use std::fs::Metadata;

    pub(crate) fn of(_: &Metadata) -> Option<([u64; 7], i64)> {
        None
    }
}

pub(crate) mod pages {
    use std::alloc::{Layout, alloc_zeroed, dealloc};
    use std::ptr::NonNull;

    /// A page on most machines.
    const ALIGNMENT: usize = 4096;

    fn layout(len: usize) -> Option<Layout> {
        Layout::from_size_align(len, ALIGNMENT).ok().filter(|layout| layout.size() > 0)
    }

    pub(crate) fn allocate(len: usize) -> Option<NonNull<u8>> {
        // SAFETY: its size is not zero.
        layout(len).and_then(|layout| NonNull::new(unsafe { alloc_zeroed(layout) }))
    }

    /// # Safety
    /// It was allocated here with this length, and nobody uses it any more.
    pub(crate) unsafe fn free(start: NonNull<u8>, len: usize) {
        if let Some(layout) = layout(len) {
            // SAFETY: the caller's promise.
            unsafe { dealloc(start.as_ptr(), layout) };
        }
    }

    pub(crate) fn keep_from_children(_: NonNull<u8>, _: usize) {}

    pub(crate) fn share_with_children(_: NonNull<u8>, _: usize) {}
}

pub(crate) mod waits {
    pub(crate) fn waits() -> Option<i64> {
        None
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};

    use super::*;

    #[test]
    fn memory_is_zero_and_writable() {
        let start = pages::allocate(5000).expect("there is memory");
        // SAFETY: allocated above, with this length.
        let bytes = unsafe { std::slice::from_raw_parts_mut(start.as_ptr(), 5000) };
        assert!(bytes.iter().all(|&byte| byte == 0));
        bytes.fill(1);
        pages::keep_from_children(start, 5000);
        pages::share_with_children(start, 5000);
        assert!(bytes.iter().all(|&byte| byte == 1));
        // SAFETY: as above.
        unsafe { pages::free(start, 5000) };
        assert!(pages::allocate(0).is_none());
        assert!(pages::allocate(usize::MAX).is_none());
    }

    #[test]
    fn a_file_is_read_from_any_place_and_is_nobody() {
        let path = std::env::temp_dir().join(format!("penstock-plain-{}", std::process::id()));
        fs::write(&path, b"0123456789").unwrap();
        let file = File::open(&path).unwrap();
        let mut memory = [0; 4];
        for (offset, read, wanted) in [(6, 4, b"6789"), (2, 4, b"2345"), (9, 1, b"9345")] {
            assert_eq!(files::read_at(&file, &mut memory, offset).unwrap(), read);
            assert_eq!(&memory, wanted);
        }
        assert_eq!(identity::of(&file.metadata().unwrap()), None);
        assert!(descriptors::duplicate(&file, 0).is_none());
        fs::remove_file(&path).unwrap();
    }
}
