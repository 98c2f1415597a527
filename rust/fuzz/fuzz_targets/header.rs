//! A file's kind and size are found without a panic, and hold for what is decoded of it, at first sight and later; so
//! does what is found by looking through it.
#![no_main]

use std::cell::RefCell;

use libfuzzer_sys::fuzz_target;
use penstock_core::codec::{Decoder, Format, Region, read_header};

/// Larger images take too long.
const MOST_PIXELS: u64 = 1 << 16;

thread_local! {
    static DECODER: RefCell<Decoder> = RefCell::default();
}

fuzz_target!(|data: &[u8]| {
    let Ok(header) = read_header(data) else { return };
    assert!(header.width > 0 && header.height > 0 && matches!(header.channels, 1 | 3));
    if header.pixels() > MOST_PIXELS {
        return;
    }
    let corner = Region { left: header.width - 1, top: header.height - 1, width: 1, height: 1 };
    DECODER.with_borrow_mut(|decoder| {
        let mut whole = vec![0; header.width * header.height * header.channels];
        let sound = decoder.decode_into(data, header, header.whole(), &mut whole).is_ok();
        let mut pixel = vec![0; header.channels];
        let part = decoder.decode_into(data, header, corner, &mut pixel).is_ok();
        assert!(!sound || part && whole.ends_with(&pixel));
        if let Ok(found) = decoder.survey(data) {
            assert_eq!(found, header);
            assert!(sound || found.format == Format::Jpeg);
        }
        for region in [corner, header.whole(), corner] {
            assert!(!sound || decoder.decode(data, header, region).is_ok());
        }
    });
});
