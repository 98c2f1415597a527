"""Native pixels of PNG and PPM files: Pillow's, wherever Pillow gives any and warns of nothing; else none at all."""

import io
import random
import struct
import warnings
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from support.cases import cases
from support.files import encode, photo
from support.pngs import KINDS, chunk, chunks, of_chunks, pngs, write_png

from penstock import _native

SIZES = [(1, 1), (1, 9), (2, 3), (4, 4), (5, 8), (9, 1), (16, 17), (33, 40), (130, 97)]
all_kinds = pytest.mark.parametrize(("color", "depth"), KINDS)


def decoded(file, region=None):
    """What is decoded natively, (height, width, 3); None if it is left to Pillow."""
    shape = _native.image_shape(file)
    if shape is None:
        return None
    _, height, width, channels = shape
    left, top, across, down = region or (0, 0, width, height)
    pixels = np.full((down, across, channels), 7, np.uint8)
    if not _native.decode_image(file, (left, top, across, down), pixels):
        return None
    return np.broadcast_to(pixels, (down, across, 3))


def pillow(file):
    """What Pillow gives, or None if it raises or warns."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            with Image.open(io.BytesIO(file)) as image:
                return np.asarray(image.convert("RGB"))
        except Exception:
            return None


def assert_pillows(file, region=None):
    expected, found = pillow(file), decoded(file, region)
    assert expected is not None
    assert found is not None
    left, top, across, down = region or (0, 0, *expected.shape[1::-1])
    assert np.array_equal(found, expected[top : top + down, left : left + across])


def assert_pillows_or_left(file):
    """The kind of test for damage: no other pixels than Pillow's, and none where it fails or warns."""
    if (found := decoded(file)) is not None:
        expected = pillow(file)
        assert expected is not None
        assert np.array_equal(found, expected)


@all_kinds
@pytest.mark.parametrize("interlaced", [False, True])
def test_every_kind(color, depth, interlaced):
    for seed, size in enumerate(SIZES):
        assert_pillows(write_png(size, color, depth, seed=seed, interlaced=interlaced))


@all_kinds
def test_more_than_one_window(color, depth):
    assert_pillows(write_png((600, 700), color, depth, parts=3))
    assert_pillows(write_png((9, 40_000), color, depth, level=1))
    assert_pillows(write_png((400, 301), color, depth, interlaced=True), (17, 31, 200, 150))


@cases(200)
@given(st.data())
def test_rectangles(data):
    file = data.draw(pngs())
    _, height, width, _ = _native.image_shape(file)
    left, top = data.draw(st.integers(0, width - 1)), data.draw(st.integers(0, height - 1))
    assert_pillows(file)
    assert_pillows(file, (left, top, data.draw(st.integers(1, width - left)), data.draw(st.integers(1, height - top))))


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
@pytest.mark.parametrize("options", [{}, {"optimize": True}, {"compress_level": 0}, {"compress_level": 9}], ids=str)
def test_files_of_pillows(mode, options):
    pixels = photo(61, 83)
    file = encode(pixels[..., 0].astype(np.uint16) * 3, "PNG", **options, mode=mode) if mode == "I;16" else None
    assert_pillows(file or encode(pixels, "PNG", mode=mode, **options))


HARMLESS = {
    "text": chunk(b"tEXt", b"Software\0a program"),
    "text without an end": chunk(b"tEXt", b"Software"),
    "compressed text": chunk(b"zTXt", b"Comment\0\0" + zlib.compress(b"text" * 99)),
    "damaged text": chunk(b"zTXt", b"Comment\0\0" + zlib.compress(b"text" * 99)[:-9]),
    "text of the world": chunk(b"iTXt", b"Title\0\0\0de\0Titel\0\xc3\xa4"),
    "compressed text of the world": chunk(b"iTXt", b"Title\0\1\0de\0Titel\0" + zlib.compress(b"text")),
    "long text": chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes((1 << 20) - 1))),
    "profile": chunk(b"iCCP", b"name\0\0" + zlib.compress(bytes(range(256)) * 50)),
    "Exif": chunk(b"eXIf", b"MM\0*\0\0\0\x08\0\1\1\x12\0\3\0\0\0\1\0\6\0\0\0\0\0\0"),
    "gamma": chunk(b"gAMA", struct.pack(">I", 45455)),
    "white": chunk(b"cHRM", struct.pack(">8I", *range(8))),
    "standard": chunk(b"sRGB", b"\0"),
    "resolution": chunk(b"pHYs", struct.pack(">IIB", 2835, 2835, 1)),
    "time": chunk(b"tIME", bytes(7)),
    "private": chunk(b"prVt", b"anything"),
}
REFUSED = {
    "too much text": chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(1 << 20) + b"1")),
    "too much text of the world": chunk(b"iTXt", b"Title\0\1\0de\0Titel\0" + zlib.compress(bytes(1 << 21))),
    "too large a profile": chunk(b"iCCP", b"name\0\0" + zlib.compress(bytes(1 << 21))),
    "unknown compression": chunk(b"iCCP", b"name\0\1" + zlib.compress(b"profile")),
    "short gamma": chunk(b"gAMA", b"\0\0"),
    "wrong checksum": chunk(b"tIME", bytes(7))[:-1] + b"\0",
    "no name": chunk(b"t!ME", bytes(7)),
}
# What Pillow opens, if in a way of its own.
LEFT = {
    "transparency by text": chunk(b"tEXt", b"transparency\0clear"),
    "interlaced by text": chunk(b"tEXt", b"interlace\0yes"),
    "animation": chunk(b"acTL", struct.pack(">II", 1, 0)),
    "unknown but critical": chunk(b"DATA", b"anything"),
    "another palette": chunk(b"PLTE", bytes(3)) * 2,
}


@pytest.mark.parametrize("name", HARMLESS)
@pytest.mark.parametrize("where", ["before", "between", "after"])
def test_chunks_that_change_nothing(name, where):
    for color in (2, 3):
        assert_pillows(write_png((9, 11), color, **{where: HARMLESS[name]}))


@pytest.mark.parametrize("name", REFUSED)
def test_chunks_that_pillow_refuses(name):
    file = write_png((9, 11), before=REFUSED[name])
    assert pillow(file) is None
    assert decoded(file) is None


@pytest.mark.parametrize("where", ["before", "after"])
@pytest.mark.parametrize("name", LEFT)
def test_chunks_with_a_meaning(name, where):
    assert decoded(write_png((9, 11), **{where: LEFT[name]})) is None


def test_a_checksum_behind_the_pixels():
    """Pillow does not look at it."""
    file = write_png((9, 11), after=REFUSED["wrong checksum"])
    assert pillow(file) is not None
    assert decoded(file) is None


@all_kinds
def test_transparency(color, depth):
    for value in (0, 1, 255, 256, 65535):
        data = {0: struct.pack(">H", value), 2: struct.pack(">3H", value, 0, value), 3: None}.get(color, b"\0\0")
        if data is None:
            data = bytes(0 if k == value % (1 << depth) else 255 for k in range(1 << depth))
        file = write_png((9, 11), color, depth, between=chunk(b"tRNS", data))
        if color in (4, 6):  # where it has no business
            assert decoded(file) is None
        else:
            assert_pillows(file)
        assert_pillows_or_left(write_png((9, 11), color, depth, between=chunk(b"tRNS", data[:-1])))
        assert decoded(write_png((9, 11), color, depth, after=chunk(b"tRNS", data))) is None


@pytest.mark.parametrize("alphas", [b"\xff", b"\x80", b"\0\0", b"\0\x80", b"\xff\0\n", bytes(300)], ids=repr)
def test_transparency_by_palette_that_pillow_warns_of(alphas):
    file = write_png((9, 11), 3, 8, between=chunk(b"tRNS", alphas))
    assert alphas[-1:] == b"\n" or pillow(file) is None
    assert decoded(file) is None


def test_palettes_that_are_too_short():
    for depth in (1, 2, 4, 8):
        colors = (1 << depth) // 2
        assert_pillows(write_png((30, 20), 3, depth, colors=colors))
        assert_pillows(write_png((30, 20), 3, depth, colors=colors, interlaced=True))
        parts = chunks(write_png((30, 20), 3, depth, filters=0))
        shorter = [(kind, data[:3] if kind == b"PLTE" else data) for kind, data in parts]
        assert decoded(of_chunks(shorter)) is None
        assert decoded(of_chunks([part for part in parts if part[0] != b"PLTE"])) is None


@cases(200)
@given(st.data())
def test_damage(data):
    file = bytearray(data.draw(pngs(40)))
    for _ in range(data.draw(st.integers(0, 3))):
        file[data.draw(st.integers(0, len(file) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    cut = data.draw(st.one_of(st.none(), st.integers(0, len(file))))
    assert_pillows_or_left(bytes(file[:cut]))


@cases(200)
@given(st.data())
def test_chunks_out_of_order(data):
    """Every checksum is right."""
    parts = chunks(data.draw(pngs(40)))
    for _ in range(data.draw(st.integers(1, 2))):
        k = data.draw(st.integers(0, len(parts) - 1))
        what = data.draw(st.sampled_from(["drop", "double", "move", "cut", "change", "rename"]))
        kind, content = parts.pop(k)
        place = data.draw(st.integers(0, len(parts)))
        if what == "double":
            parts[k:k] = [(kind, content)] * 2
        elif what == "move":
            parts.insert(place, (kind, content))
        elif what == "cut":
            parts.insert(k, (kind, content[: data.draw(st.integers(0, len(content)))]))
        elif what == "change" and content:
            at = data.draw(st.integers(0, len(content) - 1))
            parts.insert(k, (kind, content[:at] + data.draw(st.binary(min_size=1, max_size=1)) + content[at + 1 :]))
        elif what == "rename":
            parts.insert(
                k, (data.draw(st.sampled_from([b"IDAT", b"PLTE", b"tRNS", b"IEND", b"fdAT", b"tEXt"])), content)
            )
        if not parts:
            return
    assert_pillows_or_left(of_chunks(parts))


@cases(200)
@given(st.data())
def test_other_streams(data):
    """The image's data are compressed well, but they are not what they should be."""
    parts = chunks(data.draw(pngs(40)))
    stream = b"".join(content for kind, content in parts if kind == b"IDAT")
    lines = bytearray(zlib.decompress(stream) if data.draw(st.booleans()) else 99)
    for _ in range(data.draw(st.integers(0, 2))):
        lines[data.draw(st.integers(0, len(lines) - 1))] = data.draw(st.integers(0, 255))
    lines = lines[: data.draw(st.sampled_from([None, -1, -20]))] + bytes(data.draw(st.sampled_from([0, 0, 1, 50])))
    stream = zlib.compress(bytes(lines))
    stream = data.draw(st.sampled_from([stream, stream[:-1], stream[:-4], stream + b"behind", stream + stream]))
    others = [part for part in parts if part[0] not in (b"IDAT", b"IEND")]
    assert_pillows_or_left(of_chunks([*others, (b"IDAT", stream), (b"IEND", b"")]))


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_ppm(size):
    file = encode(photo(*size), "PPM")
    assert _native.image_shape(file) == ("PPM", *size, 3)
    assert_pillows(file)
    assert_pillows(file + b"behind")
    assert_pillows(file, (size[1] // 2, size[0] // 2, size[1] - size[1] // 2, size[0] - size[0] // 2))
    generator = random.Random(0)
    for _ in range(200):
        changed = bytearray(file)
        changed[generator.randrange(min(len(file), 20))] = generator.choice(b" \t\n\r\x0b\x0c#0123456789P6")
        assert_pillows_or_left(bytes(changed))
        assert_pillows_or_left(file[: generator.randrange(len(file))])


@pytest.mark.parametrize("kind", ["GIF", "BMP", "TIFF", "WEBP"])
def test_other_formats(kind):
    assert _native.image_shape(encode(photo(20, 30), kind)) is None
