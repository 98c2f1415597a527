"""JPEG files that were tampered with: originals of every kind, and what may have happened to them since."""

import functools
import io
import random
import struct
from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image

from support.files import damaged, encode, photo

SIZES = ((1, 1), (5, 3), (8, 8), (9, 16), (17, 15), (24, 40), (33, 31), (48, 64))
KINDS: tuple[dict[str, Any], ...] = (
    {"quality": 90, "subsampling": 0},
    {"quality": 75, "subsampling": 1},
    {"quality": 50, "subsampling": 2},
    {"quality": 5},
    {"quality": 100, "subsampling": 2, "optimize": True},
    {"progressive": True},
    {"progressive": True, "subsampling": 0, "quality": 95, "restart_marker_blocks": 2},
    {"restart_marker_blocks": 1, "optimize": True},
    {"restart_marker_rows": 1, "subsampling": 2},
    {"mode": "L"},
    {"mode": "L", "progressive": True, "quality": 85},
    {"mode": "L", "restart_marker_blocks": 3},
    {"keep_rgb": True},
    {"mode": "CMYK"},
    {"comment": b"a comment", "icc_profile": b"p" * 200, "dpi": (72, 72)},
    {"exif": {0x0112: 6}},
    {"exif": {0x010F: "a maker", 0x0112: 3, 0x011A: 72.0, 0x011B: 72.0, 0x0128: 2, 0x0132: "some day"}, "quality": 80},
)
# Samplings that Pillow does not write; libjpeg reads most of them.
FACTORS = (
    (0x12, 0x11, 0x11),
    (0x41, 0x11, 0x11),
    (0x14, 0x11, 0x11),
    (0x42, 0x11, 0x11),
    (0x22, 0x12, 0x21),
    (0x22, 0x21, 0x11),
    (0x21, 0x21, 0x11),
    (0x11, 0x22, 0x11),
    (0x31, 0x11, 0x11),
    (0x33, 0x11, 0x11),
    (0x32, 0x11, 0x12),
    (0x22, 0x22, 0x22),
)
# What headers are full of, and what is no ordinary byte of a scan.
TELLING = (0, 1, 2, 3, 4, 8, 0x10, 0x11, 0x21, 0x22, 0x3F, 0x40, 0x7F, 0x80, *range(0xC0, 0xF0), 0xFE, 0xFF)
APPLICATION = (
    b"\xff\xe0\x00\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0",
    b"\xff\xe0\x00\x10JFIF\0\x02\x01\0\0\x01\0\x01\0\0",
    b"\xff\xe0\x00\x10JFXX\0\x10\x01\0\0\x01\0\x01\0\0",
    b"\xff\xe0\x00\x07JFIF\0",
    b"\xff\xee\x00\x0eAdobe\0\x64\0\0\0\0\0",
    b"\xff\xee\x00\x0eAdobe\0\x64\0\0\0\0\1",
    b"\xff\xee\x00\x0eAdobe\0\x64\0\0\0\0\2",
    b"\xff\xee\x00\x07Adobe",
    b"\xff\xe1\x00\x08Exif\0\0",
    b"\xff\xe1\x00\x0cExif\0\0II*\0",
    b"\xff\xe2\x00\x10ICC_PROFILE\0\1\1",
    b"\xff\xe2\x00\x0fICC_PROFILE\0\1",
    b"\xff\xe2\x00\x08MPF\0II",
    b"\xff\xed\x00\x1aPhotoshop 3.0\x008BIM\x03\xed\0\0\0\0\0",
    b"\xff\xed\x00\x12Photoshop 3.0\x008B",
    b"\xff\xed\x00\x16Photoshop 3.0\x008BIM\x03\xed",
    b"\xff\xfe\x00\x02",
    b"\xff\xfe\x00\x05abc",
    b"\xff\xdd\x00\x04\x00\x00",
    b"\xff\xdd\x00\x04\x00\x02",
    b"\xff\xdc\x00\x04\x00\x08",
    b"\xff\xff",
    b"\xff\x01",
    b"\xff\xd8",
)


@functools.cache
def originals() -> tuple[bytes, ...]:
    """Sound files: sizes, samplings, codings and scans of all kinds, all small."""
    files = []
    for k, size in enumerate(SIZES):
        for j, options in enumerate(KINDS):
            options = {name: _exif(value) if name == "exif" else value for name, value in options.items()}
            files.append(encode(photo(*size, seed=31 * k + j), **options))
    rng = np.random.default_rng(0)
    for factors in FACTORS:
        files += [_reframed(rng, factors, 2, 3, interval) for interval in (0, 2)]
    files += [_one_by_one(rng, factors) for factors in ((0x11, 0x11, 0x11), (0x22, 0x11, 0x11), (0x21, 0x11, 0x12))]
    return tuple(files)


def _exif(tags: dict[int, Any]) -> Any:
    exif = Image.Exif()
    exif.update(tags)
    return exif


def _gray(rng: np.random.Generator, height: int, width: int, **options: Any) -> bytes:
    slope = np.add.outer(np.arange(height) * rng.uniform(-2, 2), np.arange(width) * rng.uniform(-2, 2))
    image = (128 + 12 * np.sin(slope / 5) + rng.normal(0, 5, (height, width))).clip(0, 255).astype(np.uint8)
    return encode(np.repeat(image[..., None], 3, axis=2), mode="L", **options)


def _reframed(rng: np.random.Generator, factors: tuple[int, int, int], across: int, down: int, interval: int) -> bytes:
    """A row of gray blocks, announced as those of three components with these factors."""
    blocks = sum((factor >> 4) * (factor & 15) for factor in factors)
    options = {"restart_marker_blocks": blocks * interval} if interval else {}
    file = _gray(rng, 8, 8 * blocks * across * down, **options)
    width = 8 * across * max(factor >> 4 for factor in factors) - rng.integers(0, 7)
    height = 8 * down * max(factor & 15 for factor in factors) - rng.integers(0, 7)
    file = _with_frame(file, height, width, factors)
    if interval:
        at = file.index(b"\xff\xdd") + 4
        file = file[:at] + struct.pack(">H", interval) + file[at + 2 :]
    return _replaced(file, 0xDA, b"\x03\x01\x00\x02\x00\x03\x00\x00\x3f\x00")


def _one_by_one(rng: np.random.Generator, factors: tuple[int, int, int]) -> bytes:
    """A file with a scan for each component."""
    width, height = 40, 24
    most_h, most_v = max(factor >> 4 for factor in factors), max(factor & 15 for factor in factors)
    parts = []
    for factor in factors:
        h, v = factor >> 4, factor & 15
        parts.append(_gray(rng, -(-height * v // most_v), -(-width * h // most_h), optimize=True))
    head, tables = _with_frame(parts[0], height, width, factors), []
    for number, part in enumerate(parts, 1):
        scan = b"\x01" + bytes([number]) + b"\x00\x00\x3f\x00"
        part = _replaced(part, 0xDA, scan)
        begin = part.index(b"\xff\xc4")
        tables.append(part[begin:-2])
    return head[: head.index(b"\xff\xc4")] + b"".join(tables) + b"\xff\xd9"


def _with_frame(file: bytes, height: int, width: int, factors: tuple[int, int, int]) -> bytes:
    components = b"".join(bytes([number, factor, 0]) for number, factor in enumerate(factors, 1))
    return _replaced(file, 0xC0, struct.pack(">BHHB", 8, height, width, 3) + components)


def _replaced(file: bytes, marker: int, content: bytes) -> bytes:
    begin = file.index(bytes([0xFF, marker]))
    (length,) = struct.unpack_from(">H", file, begin + 2)
    return file[: begin + 2] + struct.pack(">H", len(content) + 2) + content + file[begin + 2 + length :]


def segments(file: bytes) -> list[tuple[int, int]]:
    """Where each marker segment begins and ends; what follows a scan's header belongs to it."""
    found, at = [], 2
    while at + 4 <= len(file) and file[at] == 0xFF:
        (length,) = struct.unpack_from(">H", file, at + 2)
        end = at + 2 + length
        if file[at + 1] == 0xDA:
            while 0 <= (end := file.find(b"\xff", end)) < len(file) - 1 and (
                file[end + 1] == 0 or 0xD0 <= file[end + 1] <= 0xD7
            ):
                end += 2
            if end < 0:
                end = len(file)
        end = min(end, len(file))
        found.append((at, end))
        at = end
    return found


Mutation = Callable[[random.Random, bytes], bytes]


def _cut(rng: random.Random, file: bytes) -> bytes:
    end = rng.randrange(len(file) + 1) if rng.random() < 0.5 else max(0, len(file) - rng.randrange(12))
    return file[:end] + rng.choice([b"", b"", b"\xff\xd9", b"\xff", b"\0\0\xff\xd9"])


def _flip(rng: random.Random, file: bytes) -> bytes:
    edited = bytearray(file)
    for _ in range(rng.choice((1, 1, 1, 2, 5))):
        edited[rng.randrange(len(edited))] ^= 1 << rng.randrange(8)
    return bytes(edited)


def _write(rng: random.Random, file: bytes) -> bytes:
    edited = bytearray(file)
    for _ in range(rng.choice((1, 1, 2, 4))):
        edited[rng.randrange(len(edited))] = rng.choice(TELLING) if rng.random() < 0.7 else rng.randrange(256)
    return bytes(edited)


def _move_bytes(rng: random.Random, file: bytes) -> bytes:
    begin, at = rng.randrange(len(file)), rng.randrange(len(file))
    end = min(len(file), begin + rng.choice((1, 1, 2, 4, 64)))
    kept = file if rng.random() < 0.5 else file[:begin] + file[end:]
    return kept[:at] + file[begin:end] + kept[at:] if rng.random() < 0.6 else kept


def _in_scan(rng: random.Random, file: bytes) -> bytes:
    """Bits of the entropy-coded data alone."""
    scans = [part for part in segments(file) if file[part[0] + 1] == 0xDA]
    if not scans:
        return _flip(rng, file)
    edited = bytearray(file)
    begin, end = rng.choice(scans)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        at = min(end - 1, begin + 10 + rng.randrange(max(1, end - begin - 10)))
        edited[at] = edited[at] ^ 1 << rng.randrange(8) if rng.random() < 0.8 else rng.choice(TELLING)
    return bytes(edited)


def _in_segment(rng: random.Random, file: bytes) -> bytes:
    """One byte of a header, with its length kept or not."""
    parts = [part for part in segments(file) if part[1] - part[0] > 4]
    if not parts:
        return _write(rng, file)
    begin, end = rng.choice(parts)
    if file[begin + 1] == 0xDA:
        end = min(end, begin + 14)
    edited = bytearray(file)
    at = rng.randrange(begin + (1 if rng.random() < 0.2 else 4), end)
    kind = rng.randrange(4)
    edited[at] = (
        rng.choice(TELLING)
        if kind == 0
        else (edited[at] + rng.choice((-1, 1))) % 256
        if kind == 1
        else rng.randrange(256)
        if kind == 2
        else edited[at] ^ 1 << rng.randrange(8)
    )
    return bytes(edited)


def _move_segment(rng: random.Random, file: bytes) -> bytes:
    parts = segments(file)
    if not parts:
        return _move_bytes(rng, file)
    pieces = [file[begin:end] for begin, end in parts]
    k, j = rng.randrange(len(pieces)), rng.randrange(len(pieces))
    kind = rng.randrange(4)
    if kind == 0:
        del pieces[k]
    elif kind == 1:
        pieces.insert(j, pieces[k])
    elif kind == 2:
        pieces[k], pieces[j] = pieces[j], pieces[k]
    else:
        pieces.insert(j, pieces.pop(k))
    return file[:2] + b"".join(pieces) + file[parts[-1][1] :]


def _splice(rng: random.Random, file: bytes) -> bytes:
    """Segments of another file."""
    other = rng.choice(originals())
    mine, theirs = segments(file), segments(other)
    if not mine or not theirs:
        return file + other
    kind = rng.randrange(4)
    if kind == 0:  # one file's headers, another one's scan
        a, b = rng.choice(mine), rng.choice(theirs)
        return file[: a[0]] + other[b[0] :]
    (begin, end), (at, behind) = rng.choice(mine), rng.choice(theirs)
    if kind == 1:
        return file[:begin] + other[at:behind] + file[begin:]
    if kind == 2:
        return file[:begin] + other[at:behind] + file[end:]
    same = [part for part in theirs if other[part[0] + 1] == file[begin + 1]]
    if same:
        at, behind = rng.choice(same)
    return file[:begin] + other[at:behind] + file[end:]


def _insert_segment(rng: random.Random, file: bytes) -> bytes:
    parts = segments(file)
    at = rng.choice(parts)[0] if parts else 2
    if rng.random() < 0.1:
        at = rng.randrange(len(file) + 1)
    return file[:at] + rng.choice(APPLICATION) + file[at:]


def _restarts(rng: random.Random, file: bytes) -> bytes:
    """Restart markers renamed, taken out, put in."""
    places = [k for k in range(len(file) - 1) if file[k] == 0xFF and 0xD0 <= file[k + 1] <= 0xD7]
    kind = rng.randrange(3)
    if places and kind:
        at = rng.choice(places)
        return file[:at] + (b"" if kind == 1 else bytes([0xFF, 0xD0 + rng.randrange(8)])) + file[at + 2 :]
    at = rng.randrange(len(file))
    return file[:at] + bytes([0xFF, 0xD0 + rng.randrange(8)]) + file[at:]


def _tables(rng: random.Random, file: bytes) -> bytes:
    """Slots of tables swapped, their values scaled, made of 16 bits or of other symbols."""
    parts = [part for part in segments(file) if file[part[0] + 1] in {0xC4, 0xDB} and part[1] - part[0] > 40]
    if not parts:
        return _write(rng, file)
    begin, end = rng.choice(parts)
    edited = bytearray(file)
    kind = rng.randrange(4)
    if kind == 0:
        edited[begin + 4] = rng.choice((0, 1, 2, 3, 0x10, 0x11, 0x12, 0x13))
    elif file[begin + 1] == 0xDB and kind == 1:
        factor = rng.choice((1, 7, 255))
        for at in range(begin + 5, end):
            edited[at] = max(1, min(255, edited[at] * factor))
    elif file[begin + 1] == 0xDB and end - begin == 69:
        factor = rng.choice((1, 1, 100, 257))
        values = [min(65535, value * factor) for value in file[begin + 5 : end]]
        wide = b"\xff\xdb\x00\x83" + bytes([0x10 | file[begin + 4]]) + struct.pack(">64H", *values)
        return file[:begin] + wide + file[end:]
    else:
        a, b = rng.randrange(begin + 5, end), rng.randrange(begin + 5, end)
        edited[a], edited[b] = edited[b], edited[a]
    return bytes(edited)


def _size(rng: random.Random, file: bytes) -> bytes:
    """The frame header's numbers."""
    frames = [begin for begin, end in segments(file) if file[begin + 1] in {0xC0, 0xC1, 0xC2} and end - begin > 10]
    if not frames:
        return _write(rng, file)
    begin = rng.choice(frames)
    edited = bytearray(file)
    kind = rng.randrange(4)
    if kind == 0:
        at = begin + rng.choice((6, 8))
        edited[at] = (edited[at] + rng.choice((-9, -8, -3, -1, 1, 2, 8, 9))) % 256
    elif kind == 1:
        edited[begin + 1] = 0xC0 + rng.choice((0, 1, 1, 2, 3, 9, 10))
    elif kind == 2:
        for at in range(begin + 11, min(begin + 20, len(edited)), 3):
            edited[at] = rng.choice(rng.choice(FACTORS))
    else:
        for at in range(begin + 10, min(begin + 19, len(edited)), 3):
            edited[at] = rng.choice((0, 1, 2, 3, *b"RGB"))
    return bytes(edited)


MUTATIONS: tuple[Mutation, ...] = (
    *(_cut, _flip, _write, _move_bytes, _in_scan, _in_scan, _in_segment, _in_segment),
    *(_move_segment, _splice, _insert_segment, _restarts, _tables, _size),
)


def mutant(rng: random.Random) -> bytes:
    """A file with one to three mutations."""
    file = rng.choice(originals())
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        if file:
            file = rng.choice(MUTATIONS)(rng, file)
    return file


def pillow(file: bytes) -> Image.Image:
    """A file as torchvision's stock loader has it opened."""
    with Image.open(io.BytesIO(file)) as image:
        return image.convert("RGB")


__all__ = ["damaged", "mutant", "originals", "pillow", "segments"]
