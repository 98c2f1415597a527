//! All ways to decode a JPEG agree: levels of vector instructions, the whole image and a rectangle, with an index
//! and without, a new decoder and one that has seen other files.
#![no_main]

use std::cell::RefCell;
use std::hash::{DefaultHasher, Hash, Hasher};

use libfuzzer_sys::fuzz_target;
use penstock_jpeg::{
    Check, Decoder, Header, Image, Index, Irregular, Level, Limits, Reason, Region, Target, read_header,
};

/// Larger images take too long.
const LIMITS: Limits = Limits { pixels: 1 << 16, bytes: 16 << 20 };

thread_local! {
    static USED: RefCell<Decoder> = RefCell::new(Decoder::new().with_limits(LIMITS));
}

fuzz_target!(|data: &[u8]| {
    let mut hasher = DefaultHasher::new();
    data.hash(&mut hasher);
    let mut chance = Chance(hasher.finish());
    USED.with_borrow_mut(|used| run(data, &mut chance, used));
});

fn run(data: &[u8], chance: &mut Chance, used: &mut Decoder) {
    let header = read_header(data);
    let whole = used.decode(data);
    let mut levels = Level::available().map(|level| Decoder::new().with_limits(LIMITS).with_level(level));
    // What is met first in a scan that is too short depends on what the buffer held before.
    assert!(levels.all(|mut decoder| decoder.decode(data).ok() == whole.clone().ok()), "levels differ");
    let Ok(header) = header else {
        assert!(whole.is_err(), "decoded without a header");
        return;
    };
    if header.width as u64 * header.height as u64 > LIMITS.pixels {
        assert!(whole.is_err(), "decoded above the limit");
        return;
    }
    // Blocks are judged by what they are transformed to, so a rectangle may lie beside one that is given up.
    let beside = whole.as_ref().is_err_and(|irregular| irregular.reason == Reason::Coefficient);
    let index = used.index(data);
    assert!(index.is_ok() == whole.is_ok() || beside, "stepping through finds other damage than decoding");
    if let Ok(image) = &whole {
        assert_eq!((image.width, image.height, image.mode), (header.width, header.height, header.mode));
    }
    for _ in 0..3 {
        let region = chance.region(&header);
        let part = decode(region, &header, |target| used.decode_region(data, region, Check::Whole, target));
        if !beside {
            assert_eq!(part, whole.as_ref().ok().map(|image| cut(image, region)), "{region:?}");
        }
        let alone = decode(region, &header, |target| used.decode_region(data, region, Check::Region, target));
        assert!(part.is_none() || part == alone, "{region:?} depends on what lies beside it");
        let mut made = None;
        let indexed = decode(region, &header, |target| {
            made = Some(used.decode_region_and_index(data, region, target)?);
            Ok(())
        });
        assert_eq!(indexed, part, "{region:?} while an index is made");
        if let Ok(index) = &index {
            assert!(made.is_none_or(|made| made == *index), "the index depends on {region:?}");
            let found =
                decode(region, &header, |target| used.decode_region_with(data, index, region, target));
            assert_eq!(found, part, "{region:?} with an index");
            replaced(data, index, region, &header, chance, used);
        }
    }
}

/// A file of the same length in place of the one that was indexed: any pixels, or none.
fn replaced(
    data: &[u8],
    index: &Index,
    region: Region,
    header: &Header,
    chance: &mut Chance,
    used: &mut Decoder,
) {
    let mut other = data.to_vec();
    let at = chance.below(other.len());
    other[at] ^= 1 << chance.below(8);
    decode(region, header, |target| used.decode_region_with(&other, index, region, target));
}

/// The pixels, if there are any.
fn decode(
    region: Region,
    header: &Header,
    decode: impl FnOnce(Target<'_>) -> Result<(), Irregular>,
) -> Option<Vec<u8>> {
    let stride = region.width * header.mode.channels();
    let mut pixels = vec![0; stride * region.height];
    let decoded = decode(Target::Interleaved { pixels: &mut pixels, stride });
    decoded.is_ok().then_some(pixels)
}

/// A rectangle of an image.
fn cut(image: &Image, region: Region) -> Vec<u8> {
    let channels = image.mode.channels();
    let rows = image.pixels.chunks_exact(image.width * channels).skip(region.top).take(region.height);
    rows.flat_map(|row| &row[region.left * channels..][..region.width * channels]).copied().collect()
}

/// Numbers that depend on the file alone, so that a file which fails fails again.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit.max(1)
    }

    fn region(&mut self, header: &Header) -> Region {
        let (left, top) = (self.below(header.width), self.below(header.height));
        let (width, height) = (1 + self.below(header.width - left), 1 + self.below(header.height - top));
        Region { left, top, width, height }
    }
}
