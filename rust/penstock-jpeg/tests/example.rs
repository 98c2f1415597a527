//! The example `decode` writes the decoder's pixels, and says what it could not do.

use std::fs;
use std::path::PathBuf;

use penstock_jpeg::Decoder;

#[path = "../examples/decode.rs"]
mod decode;

const TINY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/tiny.jpg");

fn run(arguments: &[&str]) -> Result<(), (u8, String)> {
    let arguments = arguments.iter().map(|&argument| argument.to_owned());
    decode::run(arguments).map_err(|failure| (failure.code, failure.message))
}

fn place(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name)
}

#[test]
fn the_image_and_a_rectangle_are_written() {
    let image = Decoder::new().decode(&fs::read(TINY).unwrap()).unwrap();
    let whole = place("whole.ppm");
    run(&[TINY, whole.to_str().unwrap()]).unwrap();
    let wanted = [&b"P6\n17 12\n255\n"[..], &image.pixels].concat();
    assert_eq!(fs::read(whole).unwrap(), wanted);

    let part = place("part.ppm");
    run(&["--region", "3,2,5,1", TINY, part.to_str().unwrap()]).unwrap();
    let row = &image.pixels[(2 * image.width + 3) * 3..][..5 * 3];
    assert_eq!(fs::read(part).unwrap(), [&b"P6\n5 1\n255\n"[..], row].concat());
}

#[test]
fn what_cannot_be_done_is_told() {
    for nonsense in
        [&[][..], &["a", "b", "c"], &["--region", "1,2,3", TINY], &["--region"], &["--best", TINY]]
    {
        let (code, message) = run(nonsense).unwrap_err();
        assert!(code == 2 && message.contains("usage: decode"), "{nonsense:?}: {message}");
    }
    let missing = place("missing.jpg");
    let damaged = place("damaged.jpg");
    let file = fs::read(TINY).unwrap();
    fs::write(&damaged, &file[..file.len() - 9]).unwrap();
    for (arguments, about) in [
        (&[missing.to_str().unwrap()][..], "missing.jpg"),
        (&[damaged.to_str().unwrap()], "irregular JPEG"),
        (&["--region", "3,2,15,1", TINY], "request does not fit"),
        (&[TINY, missing.join("out.ppm").to_str().unwrap()], "out.ppm"),
    ] {
        let (code, message) = run(arguments).unwrap_err();
        assert!(code == 1 && message.contains(about), "{arguments:?}: {message}");
    }
}
