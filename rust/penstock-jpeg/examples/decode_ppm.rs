//! Answers requests on standard input, for comparisons with other decoders.
//!
//! A request is a line `FILE LEFT TOP WIDTH HEIGHT MODE`; a width of 0 asks for the whole picture, `MODE` is
//! `region`, `whole` or `index`. The answer is a line `WIDTH HEIGHT CHANNELS` and the pixels, or `irregular: ...`.

use std::io::{self, BufRead, Write};

use penstock_jpeg::{Check, Decoder, Irregular, Region, Target, read_header};

fn answer(
    decoder: &mut Decoder,
    data: &[u8],
    region: Region,
    mode: &str,
) -> Result<(String, Vec<u8>), Irregular> {
    let header = read_header(data)?;
    let channels = header.mode.channels();
    let mut region = region;
    if region.width == 0 {
        region = Region { left: 0, top: 0, width: header.width, height: header.height };
    }
    let mut pixels = vec![0; region.width * region.height * channels];
    let target = Target::Interleaved { pixels: &mut pixels, stride: region.width * channels };
    match mode {
        "index" => {
            let index = decoder.index(data)?;
            decoder.decode_region_with(data, &index, region, target)?;
        }
        "region" => decoder.decode_region(data, region, Check::Region, target)?,
        _ => decoder.decode_region(data, region, Check::Whole, target)?,
    }
    Ok((format!("{} {} {channels}", region.width, region.height), pixels))
}

fn main() -> io::Result<()> {
    let mut decoder = Decoder::new();
    let mut out = io::BufWriter::new(io::stdout().lock());
    for line in io::stdin().lock().lines() {
        let line = line?;
        let words: Vec<&str> = line.split_whitespace().collect();
        let &[file, left, top, width, height, mode] = words.as_slice() else { continue };
        let number = |word: &str| word.parse().unwrap_or(0);
        let region =
            Region { left: number(left), top: number(top), width: number(width), height: number(height) };
        match answer(&mut decoder, &std::fs::read(file)?, region, mode) {
            Ok((line, pixels)) => {
                writeln!(out, "{line}")?;
                out.write_all(&pixels)?;
            }
            Err(irregular) => writeln!(out, "{irregular}")?,
        }
        out.flush()?;
    }
    Ok(())
}
