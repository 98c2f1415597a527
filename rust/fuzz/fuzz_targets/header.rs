//! A file's kind and size are found without a panic, and hold for what is decoded of it.
#![no_main]

use std::cell::RefCell;

use libfuzzer_sys::fuzz_target;
use penstock_core::codec::{Decoder, Region, read_header};
use penstock_core::source::files::File;

/// Larger pictures take too long.
const MOST_PIXELS: u64 = 1 << 16;

thread_local! {
    static DECODER: RefCell<Decoder> = RefCell::default();
}

fuzz_target!(|data: &[u8]| {
    let header = read_header(data);
    let file = File::parse(data.to_vec(), MOST_PIXELS);
    let Ok(header) = header else {
        assert!(file.is_none());
        return;
    };
    assert!(header.width > 0 && header.height > 0 && matches!(header.channels, 1 | 3));
    assert_eq!(file.map(|file| file.header()), (header.pixels() <= MOST_PIXELS).then_some(header));
    if header.pixels() > MOST_PIXELS {
        return;
    }
    let corner = Region { left: header.width - 1, top: header.height - 1, width: 1, height: 1 };
    DECODER.with_borrow_mut(|decoder| {
        let mut pixels = |region| {
            let picture = decoder.decode(data, header, region).ok()?;
            Some((picture.height(), picture.width()))
        };
        let (whole, part) = (pixels(header.whole()), pixels(corner));
        assert!(whole.is_none_or(|size| size == (header.height, header.width)));
        assert!(part.is_none_or(|size| size == (1, 1)));
        assert!(whole.is_none() || part.is_some());
    });
});
