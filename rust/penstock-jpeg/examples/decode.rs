//! Decodes a JPEG file, or a rectangle of it, to PPM (colours) or PGM (gray).
//!
//! `cargo run --release --example decode -- [--region LEFT,TOP,WIDTH,HEIGHT] FILE.jpg [OUT.ppm]` writes to standard
//! output if `OUT.ppm` is left out. It exits with 2 if the command makes no sense, and with 1 if a file cannot be
//! read, written, or is not one that the decoder vouches for: another decoder has to decide about that one.

use std::fmt::Display;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

use penstock_jpeg::{Check, Decoder, Image, Irregular, Mode, Reason, Region, Target, read_header};

const USAGE: &str = "usage: decode [--region LEFT,TOP,WIDTH,HEIGHT] FILE.jpg [OUT.ppm]";

/// What goes to standard error, and the exit code.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) message: String,
    pub(crate) code: u8,
}

impl Failure {
    fn usage(message: &str) -> Failure {
        Failure { message: format!("{message}\n{USAGE}"), code: 2 }
    }

    /// For what happened to a file.
    fn of(path: &str, error: impl Display) -> Failure {
        Failure { message: format!("{path}: {error}"), code: 1 }
    }
}

/// What was asked for.
struct Request {
    region: Option<Region>,
    input: String,
    output: Option<String>,
}

impl Request {
    fn new(arguments: impl IntoIterator<Item = String>) -> Result<Request, Failure> {
        let (mut region, mut paths) = (None, Vec::new());
        let mut arguments = arguments.into_iter();
        while let Some(argument) = arguments.next() {
            if argument == "--region" {
                let found = arguments.next().and_then(|numbers| parse_region(&numbers));
                region = Some(found.ok_or_else(|| Failure::usage("--region takes LEFT,TOP,WIDTH,HEIGHT"))?);
            } else if argument.starts_with("--") {
                return Err(Failure::usage(&format!("there is no option {argument}")));
            } else {
                paths.push(argument);
            }
        }
        let mut paths = paths.into_iter();
        match (paths.next(), paths.next(), paths.next()) {
            (Some(input), output, None) => Ok(Request { region, input, output }),
            _ => Err(Failure::usage("one file is read, and at most one written")),
        }
    }
}

fn parse_region(numbers: &str) -> Option<Region> {
    let numbers: Vec<usize> = numbers.split(',').map(str::parse).collect::<Result<_, _>>().ok()?;
    let &[left, top, width, height] = numbers.as_slice() else { return None };
    Some(Region { left, top, width, height })
}

/// The image, or a rectangle of it. Damage of the file behind the rectangle is not looked for.
fn decode(data: &[u8], region: Option<Region>) -> Result<Image, Irregular> {
    let mut decoder = Decoder::new();
    let Some(region) = region else { return decoder.decode(data) };
    let header = read_header(data)?;
    if !header.holds(region) {
        return Err(Reason::Request.into());
    }
    let stride = region.width * header.mode.channels();
    let mut pixels = vec![0; stride * region.height];
    let target = Target::Interleaved { pixels: &mut pixels, stride };
    decoder.decode_region(data, region, Check::Region, target)?;
    Ok(Image { width: region.width, height: region.height, mode: header.mode, pixels })
}

/// Does what the command's arguments ask for.
pub(crate) fn run(arguments: impl IntoIterator<Item = String>) -> Result<(), Failure> {
    let Request { region, input, output } = Request::new(arguments)?;
    let data = fs::read(&input).map_err(|error| Failure::of(&input, error))?;
    let image = decode(&data, region).map_err(|irregular| Failure::of(&input, irregular))?;
    match output {
        Some(path) => {
            File::create(&path).and_then(|file| write(&image, file)).map_err(|e| Failure::of(&path, e))
        }
        None => write(&image, io::stdout().lock()).map_err(|error| Failure::of("standard output", error)),
    }
}

fn write(image: &Image, to: impl Write) -> io::Result<()> {
    let kind = match image.mode {
        Mode::Gray => "P5",
        Mode::Rgb => "P6",
    };
    let mut to = BufWriter::new(to);
    write!(to, "{kind}\n{} {}\n255\n", image.width, image.height)?;
    to.write_all(&image.pixels)?;
    to.flush()
}

#[allow(dead_code, reason = "the test of this example has a main function of its own")]
fn main() -> ExitCode {
    match run(std::env::args().skip(1)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure { message, code }) => {
            eprintln!("decode: {message}");
            ExitCode::from(code)
        }
    }
}
