//! penstock-jpeg beside libjpeg-turbo: whole images, rectangles, rectangles of files that were seen before.
//!
//! `LIBJPEG_TURBO=PREFIX cargo run --release -- FOLDER [ROUNDS]` goes through the colour JPEGs under the folder and
//! prints a JSON object: for each comparison, our microseconds an image and the library's. Both sides take turns, an
//! image's time is the least of its rounds, and the pixels are compared first.

use std::ffi::{CStr, c_char, c_int, c_uint};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use penstock_jpeg::{Check, Decoder, Header, Index, Region, Target, read_header};

unsafe extern "C" {
    fn turbo_version() -> *const c_char;
    fn turbo_decode(
        data: *const u8,
        length: usize,
        left: *mut c_uint,
        top: c_uint,
        width: c_uint,
        height: c_uint,
        stride: *mut c_uint,
        out: *mut u8,
    ) -> c_int;
}

/// Columns that libjpeg-turbo may decode beyond a rectangle: its own margin, and one MCU to either side.
const SLACK: usize = 2 * 32 + 18;

/// A photograph, a rectangle like those of `RandomResizedCrop`, and what is known after a first pass.
struct Photo {
    data: Vec<u8>,
    header: Header,
    region: Region,
    index: Index,
}

/// A small generator of numbers, the same ones in every run: splitmix64.
struct Numbers(u64);

impl Numbers {
    /// Between 0 and 1.
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// An area of 8 to 100 % and an aspect of 3:4 to 4:3, as far as they fit.
    fn region(&mut self, header: &Header) -> Region {
        let (w, h) = (header.width as f64, header.height as f64);
        for _ in 0..10 {
            let area = w * h * (0.08 + 0.92 * self.next());
            let aspect = (3.0_f64 / 4.0).powf(1.0 - 2.0 * self.next());
            let (width, height) = ((area * aspect).sqrt().round(), (area / aspect).sqrt().round());
            if width <= w && height <= h {
                let (left, top) = ((self.next() * (w - width)).floor(), (self.next() * (h - height)).floor());
                let [left, top, width, height] = [left, top, width, height].map(|value| value as usize);
                return Region { left, top, width, height };
            }
        }
        Region { left: 0, top: 0, width: header.width, height: header.height }
    }
}

/// libjpeg-turbo's turn: the first column and the stride of what it decoded.
fn turbo(data: &[u8], region: Option<Region>, out: &mut [u8]) -> Option<(usize, usize)> {
    let region = region.unwrap_or(Region { left: 0, top: 0, width: 0, height: 0 });
    let (mut left, mut stride) = (region.left as c_uint, 0);
    // SAFETY: `out` has room for the whole image and more, and `data` has that length.
    let decoded = unsafe {
        let (top, width, height) = (region.top as c_uint, region.width as c_uint, region.height as c_uint);
        let to = out.as_mut_ptr();
        turbo_decode(data.as_ptr(), data.len(), &raw mut left, top, width, height, &raw mut stride, to)
    };
    (decoded != 0).then_some((left as usize, stride as usize))
}

/// Our turn: all of the file, the rectangle, or the rectangle with the index.
fn ours(decoder: &mut Decoder, photo: &Photo, way: usize, out: &mut [u8]) {
    let Header { width, height, .. } = photo.header;
    let Photo { data, region, index, .. } = photo;
    let region = if way == 0 { Region { left: 0, top: 0, width, height } } else { *region };
    let target = Target::Interleaved { pixels: out, stride: 3 * region.width };
    let decoded = match way {
        0 => decoder.decode_region(data, region, Check::Whole, target),
        1 => decoder.decode_region(data, region, Check::Region, target),
        _ => decoder.decode_region_with(data, index, region, target),
    };
    decoded.expect("it was decoded before");
}

/// Whether both sides give the same pixels, all of them and those of the rectangle.
fn same(decoder: &mut Decoder, photo: &Photo, [a, b]: &mut [Vec<u8>; 2]) -> bool {
    let Header { width, height, .. } = photo.header;
    ours(decoder, photo, 0, a);
    if turbo(&photo.data, None, b).is_none() || a[..3 * width * height] != b[..3 * width * height] {
        return false;
    }
    let Region { left, width, height, .. } = photo.region;
    let Some((from, stride)) = turbo(&photo.data, Some(photo.region), b) else { return false };
    (1..3).all(|way| {
        ours(decoder, photo, way, a);
        (0..height).all(|row| {
            a[3 * row * width..][..3 * width] == b[3 * (row * stride + left - from)..][..3 * width]
        })
    })
}

fn photos_under(folder: &Path) -> Vec<Photo> {
    let (mut folders, mut paths) = (vec![folder.to_path_buf()], Vec::<PathBuf>::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() { folders.push(path) } else { paths.push(path) }
        }
    }
    paths.sort();
    let mut numbers = Numbers(0);
    let photo = |path: PathBuf| {
        let data = fs::read(path).ok()?;
        let header = read_header(&data).ok().filter(|header| header.components == 3)?;
        let index = Decoder::new().index(&data).ok()?;
        let region = numbers.region(&header);
        Some(Photo { data, header, region, index })
    };
    paths.into_iter().filter_map(photo).collect()
}

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let Some(folder) = arguments.next() else {
        eprintln!("usage: LIBJPEG_TURBO=PREFIX cargo run --release -- FOLDER [ROUNDS]");
        return ExitCode::FAILURE;
    };
    let rounds = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(20);
    let mut photos = photos_under(Path::new(&folder));
    let room = photos.iter().map(|photo| 3 * (photo.header.width + SLACK) * photo.header.height).max();
    let mut memory = [(); 2].map(|()| vec![0; room.unwrap_or(0)]);
    let mut decoder = Decoder::new();
    let found = photos.len();
    photos.retain(|photo| same(&mut decoder, photo, &mut memory));
    if photos.len() != found {
        eprintln!("{} of {found} files are decoded to other pixels", found - photos.len());
        return ExitCode::FAILURE;
    }
    let out = &mut memory[0];
    let mut least = vec![[f64::INFINITY; 5]; photos.len()];
    for round in 0..rounds {
        for (photo, least) in photos.iter().zip(&mut least) {
            for turn in 0..5 {
                let side = (turn + round) % 5;
                let start = Instant::now();
                match side {
                    3 => drop(turbo(&photo.data, None, out)),
                    4 => drop(turbo(&photo.data, Some(photo.region), out)),
                    way => ours(&mut decoder, photo, way, out),
                }
                least[side] = least[side].min(1e6 * start.elapsed().as_secs_f64());
            }
        }
    }
    let mean = |side: usize| least.iter().map(|least| least[side]).sum::<f64>() / photos.len() as f64;
    let [full, crop, known, turbo_full, turbo_crop] = [0, 1, 2, 3, 4].map(mean);
    // SAFETY: a constant string.
    let version = unsafe { CStr::from_ptr(turbo_version()) }.to_string_lossy();
    println!(
        "{{\"version\": \"{version}\", \"files\": {}, \"rounds\": {rounds}, \"full\": [{full:.2}, {turbo_full:.2}], \
         \"crop\": [{crop:.2}, {turbo_crop:.2}], \"known\": [{known:.2}, {turbo_crop:.2}]}}",
        photos.len()
    );
    ExitCode::SUCCESS
}
