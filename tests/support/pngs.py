"""PNG files of every kind that the format has, most of which Pillow does not write."""

import struct
import zlib
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st

SIGNATURE = b"\x89PNG\r\n\x1a\n"
# Colour type and bits of a sample.
KINDS = [(0, 1), (0, 2), (0, 4), (0, 8), (0, 16), (2, 8), (2, 16), (3, 1), (3, 2), (3, 4), (3, 8)]
KINDS += [(4, 8), (4, 16), (6, 8), (6, 16)]
_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
# For each pass of an interlaced file its first column and row, and the steps to the next ones.
_PASSES = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]

Bytes = npt.NDArray[np.uint8]


def chunk(kind: bytes, data: bytes = b"") -> bytes:
    """A chunk with its length and checksum."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    """The kinds and contents of a file's chunks."""
    found = []
    position = len(SIGNATURE)
    while position < len(data):
        (length,) = struct.unpack_from(">I", data, position)
        found.append((data[position + 4 : position + 8], data[position + 8 : position + 8 + length]))
        position += 12 + length
    return found


def of_chunks(parts: list[tuple[bytes, bytes]]) -> bytes:
    """A file of these chunks."""
    return SIGNATURE + b"".join(chunk(kind, data) for kind, data in parts)


def write_png(
    size: tuple[int, int],
    color: int = 2,
    depth: int = 8,
    *,
    seed: int = 0,
    interlaced: bool = False,
    filters: str | int = "mixed",
    level: int = 6,
    strategy: int = zlib.Z_DEFAULT_STRATEGY,
    parts: int = 1,
    colors: int | None = None,
    before: bytes = b"",
    between: bytes = b"",
    after: bytes = b"",
) -> bytes:
    """A file of made-up samples.

    Args:
        size: Height and width.
        color: 0 gray, 2 red, green and blue, 3 palette, 4 gray and alpha, 6 with alpha.
        depth: Bits of a sample.
        seed: Of the samples.
        interlaced: Whether the pixels come in seven passes.
        filters: One for all lines, or "mixed".
        level: Of compression.
        strategy: Of zlib; it decides which blocks there are.
        parts: Chunks that hold the pixels.
        colors: Of the palette; as many as there can be if None.
        before: Chunks before the palette.
        between: Chunks between palette and pixels.
        after: Chunks behind the pixels.
    """
    rng = np.random.default_rng((seed, *size, color, depth))
    colors = colors or 1 << depth
    pixels = _samples(rng, size, _SAMPLES[color], depth, colors if color == 3 else None)
    lines = []
    for left, top, across, down in _PASSES if interlaced else [(0, 0, 1, 1)]:
        if (part := pixels[top::down, left::across]).size:
            lines.append(_filtered(_packed(part, depth), max(1, _SAMPLES[color] * depth // 8), filters, rng))
    compressor = zlib.compressobj(level, strategy=strategy)
    stream = compressor.compress(b"".join(lines)) + compressor.flush()
    header = struct.pack(">IIBBBBB", size[1], size[0], depth, color, 0, 0, interlaced)
    palette = chunk(b"PLTE", rng.integers(0, 256, 3 * colors, dtype=np.uint8).tobytes()) if color == 3 else b""
    ends = [len(stream) * k // parts for k in range(parts + 1)]
    data = b"".join(chunk(b"IDAT", stream[a:b]) for a, b in pairwise(ends))
    return SIGNATURE + chunk(b"IHDR", header) + before + palette + between + data + after + chunk(b"IEND")


def _samples(rng: Any, size: tuple[int, int], samples: int, depth: int, colors: int | None) -> Any:
    """Samples (height, width, samples) with slopes and noise, so that every filter and match has its use."""
    most = (colors or 1 << depth) - 1
    y, x = np.mgrid[: size[0], : size[1]]
    waves = [np.sin(x / rng.uniform(1, 40) + y / rng.uniform(1, 40)) for _ in range(samples)]
    values = (0.5 + 0.45 * np.stack(waves, axis=2)) * most
    noisy = rng.random(size) < rng.choice([0.0, 0.1, 1.0])
    values[noisy] = rng.uniform(0, most + 1, (noisy.sum(), samples))
    if depth == 16:
        values[rng.random(size) < 0.3] %= 256  # of gray ones Pillow keeps these
    return values.clip(0, most).round().astype(np.uint16)


def _packed(samples: Any, depth: int) -> Bytes:
    """The lines' bytes, (height, bytes)."""
    flat = samples.reshape(len(samples), -1)
    if depth == 16:
        return flat.astype(">u2").view(np.uint8)
    if depth == 8:
        return flat.astype(np.uint8)
    bits = np.unpackbits(flat.astype(np.uint8)[..., None], axis=2)[..., 8 - depth :]
    return np.packbits(bits.reshape(len(flat), -1), axis=1)


def _filtered(lines: Bytes, step: int, filters: str | int, rng: Any) -> bytes:
    """The lines as they are compressed: the number of a filter, then differences from what it guesses."""
    values = lines.astype(np.int16)
    left = np.pad(values, ((0, 0), (step, 0)))[:, : lines.shape[1]]
    up = np.pad(values, ((1, 0), (0, 0)))[:-1]
    corner = np.pad(left, ((1, 0), (0, 0)))[:-1]
    guess = left + up - corner
    far = [abs(guess - near) for near in (left, up, corner)]
    paeth = np.where((far[0] <= far[1]) & (far[0] <= far[2]), left, np.where(far[1] <= far[2], up, corner))
    guesses = np.stack([np.zeros_like(values), left, up, (left + up) // 2, paeth])
    kinds = rng.integers(0, 5, len(lines)) if filters == "mixed" else np.full(len(lines), filters)
    differences = (values - guesses[kinds, np.arange(len(lines))]).astype(np.uint8)
    return np.column_stack([kinds.astype(np.uint8), differences]).tobytes()


@st.composite
def pngs(draw: Any, most: int = 130) -> bytes:
    """Strategy: a file of any kind that is decoded natively.

    Args:
        draw: Hypothesis's.
        most: Rows and columns at most.
    """
    color, depth = draw(st.sampled_from(KINDS))
    return write_png(
        (draw(st.integers(1, most)), draw(st.integers(1, most))),
        color,
        depth,
        seed=draw(st.integers(0, 9)),
        interlaced=draw(st.booleans()),
        filters=draw(st.sampled_from(["mixed", 0, 1, 2, 3, 4])),
        level=draw(st.integers(0, 9)),
        strategy=draw(st.sampled_from([zlib.Z_DEFAULT_STRATEGY, zlib.Z_FIXED, zlib.Z_RLE, zlib.Z_HUFFMAN_ONLY])),
        parts=draw(st.integers(1, 4)),
    )
