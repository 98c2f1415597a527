"""PNG and PPM files that were tampered with: originals of every kind, and what may have happened to them since."""

import functools
import random
import struct
import zlib

from support.files import encode, photo

SIGNATURE = b"\x89PNG\r\n\x1a\n"
# Colour types and the bits of a sample that each may have.
DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
# Where the passes of an interlaced image begin, and their steps: columns, rows.
PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
EXTRA = (
    (b"tRNS", b"\0\x10\0\x20\0\x30"),
    (b"tRNS", b"\0\x01"),
    (b"tRNS", bytes(range(8))),
    (b"gAMA", b"\0\0\xb1\x8f"),
    (b"sRGB", b"\0"),
    (b"bKGD", b"\0\x01"),
    (b"pHYs", b"\0\0\x0b\x13\0\0\x0b\x13\x01"),
    (b"tEXt", b"key\0some text"),
    (b"zTXt", b"key\0\0" + zlib.compress(b"text")),
    (b"iTXt", b"key\0\0\0\0\0text"),
    (b"iCCP", b"name\0\0" + zlib.compress(b"profile" * 20)),
    (b"iCCP", b"name\0\0broken"),
    (b"eXIf", b"II*\0\x08\0\0\0\0\0\0\0\0\0"),
    (b"acTL", b"\0\0\0\x01\0\0\0\0"),
    (b"fcTL", bytes(26)),
    (b"CgBI", bytes(4)),
    (b"unKn", b"?"),
    (b"UNKN", b"?"),
    (b"PLTE", bytes(range(30))),
    (b"IDAT", b""),
    (b"IEND", b""),
)


def chunk(kind: bytes, content: bytes) -> bytes:
    """A chunk with its length and checksum."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def _scanlines(rng: random.Random, height: int, width: int, bits: int, interlaced: bool) -> bytes:
    rows = bytearray()
    for x, y, across, down in PASSES if interlaced else ((0, 0, 1, 1),):
        columns, count = -(-(width - x) // across), -(-(height - y) // down)
        if columns > 0 and count > 0:
            for _ in range(count):
                rows.append(rng.randrange(5))
                rows += rng.randbytes((columns * bits + 7) // 8)
    return bytes(rows)


def _drawn(rng: random.Random, color: int, depth: int, interlaced: bool) -> bytes:
    height, width = rng.randrange(1, 20), rng.randrange(1, 24)
    parts = [chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, interlaced))]
    if color == 3:
        parts.append(chunk(b"PLTE", rng.randbytes(3 * 2**depth)))
    if rng.random() < 0.4:
        lengths = {0: 2, 2: 6, 3: rng.randrange(1, 2**depth + 1)}
        if color in lengths:
            parts.append(chunk(b"tRNS", rng.randbytes(lengths[color])))
    data = zlib.compress(_scanlines(rng, height, width, CHANNELS[color] * depth, interlaced), rng.randrange(10))
    cut = rng.randrange(len(data) + 1) if rng.random() < 0.3 else len(data)
    parts += [chunk(b"IDAT", part) for part in (data[:cut], data[cut:]) if part]
    return SIGNATURE + b"".join(parts) + chunk(b"IEND", b"")


@functools.cache
def originals() -> tuple[bytes, ...]:
    """Sound files: every colour type and depth, interlaced and not, and what Pillow writes."""
    rng = random.Random(0)
    files = [
        _drawn(rng, color, depth, interlaced)
        for color, depths in DEPTHS.items()
        for depth in depths
        for interlaced in (False, True)
        for _ in range(3)
    ]
    for k, mode in enumerate(("L", "LA", "P", "RGB", "RGBA", "1")):
        files += [
            encode(photo(9 + k, 14 - k, seed=k), "PNG", mode=mode),
            encode(photo(30, 23, seed=k), "PNG", mode=mode),
        ]
    return tuple(files)


def _parts(file: bytes) -> list[tuple[bytes, bytes]]:
    found, at = [], len(SIGNATURE)
    while at + 12 <= len(file):
        (length,) = struct.unpack_from(">I", file, at)
        if length > len(file):
            break
        found.append((file[at + 4 : at + 8], file[at + 8 : at + 8 + length]))
        at += 12 + length
    return found


def _joined(parts: list[tuple[bytes, bytes]]) -> bytes:
    return SIGNATURE + b"".join(chunk(*part) for part in parts)


def _edited(rng: random.Random, content: bytes) -> bytes:
    if not content:
        return content
    edited = bytearray(content)
    for _ in range(rng.choice((1, 1, 2))):
        at = rng.randrange(len(edited))
        edited[at] = rng.choice(
            (edited[at] ^ 1 << rng.randrange(8), rng.randrange(256), 0, 255, (edited[at] + 1) % 256)
        )
    return bytes(edited)


def _mutated(rng: random.Random, file: bytes) -> bytes:
    kind = rng.randrange(9)
    parts = _parts(file)
    if kind == 0 or not parts:
        end = rng.randrange(len(file) + 1) if rng.random() < 0.5 else max(0, len(file) - rng.randrange(30))
        return file[:end]
    if kind == 1:
        return _edited(rng, file)
    k, j = rng.randrange(len(parts)), rng.randrange(len(parts))
    if kind in {2, 3}:  # with a checksum that fits
        parts[k] = (parts[k][0], _edited(rng, parts[k][1]))
    elif kind == 4:
        parts.insert(rng.randrange(len(parts) + 1), rng.choice(EXTRA))
    elif kind == 5:
        parts.insert(j, parts.pop(k) if rng.random() < 0.5 else parts[k])
    elif kind == 6:
        del parts[k]
    elif kind == 7:
        other = _parts(rng.choice(originals()))
        parts[k] = rng.choice([part for part in other if part[0] == parts[k][0]] or other)
    else:  # what is compressed
        places = [place for place, part in enumerate(parts) if part[0] == b"IDAT"]
        try:
            rows = zlib.decompress(b"".join(parts[place][1] for place in places))
        except zlib.error:
            return _edited(rng, file)
        rows = rng.choice((_edited(rng, rows), rows[: rng.randrange(len(rows) + 1)], rows + b"more", rows[:-1]))
        parts = [part for part in parts if part[0] != b"IDAT"]
        parts.insert(min(places, default=1), (b"IDAT", zlib.compress(rows) + rng.choice((b"", b"", b"tail"))))
    return _joined(parts)


def mutant(rng: random.Random) -> bytes:
    """A PNG with up to two mutations."""
    file = rng.choice(originals())
    for _ in range(rng.choice((0, 1, 1, 1, 2))):
        if file:
            file = _mutated(rng, file)
    return file


def ppm_mutant(rng: random.Random) -> bytes:
    """A binary PPM or PGM with odd numbers, spaces and comments in its header, too short or too long."""
    height, width = rng.randrange(1, 12), rng.randrange(1, 12)
    magic = rng.choice((b"P6", b"P6", b"P6", b"P5", b"P3", b"P7"))
    space = [rng.choice((b" ", b"\n", b"\t", b" \n", b"\n# remark\n", b"\r\n", b"")) for _ in range(3)]
    most = rng.choice((b"255", b"255", b"255", b"254", b"256", b"65535", b"1", b"0", b"x"))
    numbers = [b"%d" % rng.choice((width, width, width, 0)), rng.choice((b"%d", b"%d", b"+%d", b"0%d")) % height, most]
    header = (
        magic
        + b"".join(s + n for s, n in zip(space, numbers, strict=True))
        + rng.choice((b"\n", b"\n", b" ", b"", b"\r\n"))
    )
    data = rng.randbytes(height * width * 3 + rng.choice((0, 0, 0, -1, 1, 5)))
    return _edited(rng, header) + data if rng.random() < 0.1 else header + data
