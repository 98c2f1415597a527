"""Is the installed Pillow one whose pixels penstock gives?

Builds of one version of Pillow can differ in the libraries that are in them, and some of its behaviour is a switch. So
small images of every kind are written and read by Pillow, once in a process, and compared.
"""

import io
import struct
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
from PIL import Image, ImageFile, JpegImagePlugin, PngImagePlugin, PpmImagePlugin

from penstock import _native, agreement, compat
from penstock.compat.pillow import ID, NAMES, OPEN
from penstock.lowering.known import unhooked

__all__ = ["PLUGINS", "jpegs", "keeps_pixels_as_known", "most_pixels", "pixel_limit", "pngs", "why_not"]

_NO_LIMIT = 2**63
_OPEN = Image.open
# What opens the formats that are decoded natively.
PLUGINS: dict[str, Any] = {
    "JPEG": JpegImagePlugin.jpeg_factory,
    "PPM": PpmImagePlugin.PpmImageFile,
    "PNG": PngImagePlugin.PngImageFile,
}
# Text in a PNG that is passed over natively; Pillow refuses what is larger than its limits.
_LEAST_TEXT = 1 << 20
_LEAST_TEXT_IN_ALL = 16 << 20
_SIZES = ((1, 1), (16, 16), (19, 37), (50, 33))
# Colour types of PNG, their samples, and the bits that these can have.
_PNG_KINDS = {0: (1, (1, 2, 4, 8, 16)), 2: (3, (8, 16)), 3: (1, (1, 2, 4, 8)), 4: (2, (8, 16)), 6: (4, (8, 16))}


def why_not() -> str | None:
    """Return why files are left to Pillow, None if those of the known formats are decoded natively."""
    if ImageFile.LOAD_TRUNCATED_IMAGES:
        return "ImageFile.LOAD_TRUNCATED_IMAGES is set"
    if (reason := compat.why_not(compat.FILES)) is not None:
        return reason
    Image.preinit()
    if Image.open is not _OPEN or Image.OPEN is not OPEN or not _plugins_are_pillows():
        return "Pillow's way of opening files was changed"
    if PngImagePlugin.MAX_TEXT_CHUNK < _LEAST_TEXT or PngImagePlugin.MAX_TEXT_MEMORY < _LEAST_TEXT_IN_ALL:
        return "Pillow's limits of text in PNG files were lowered"
    return _other_pixels()


def pixel_limit() -> int:
    """Return the size in pixels up to which files are decoded natively; of larger ones Pillow warns."""
    return most_pixels() if why_not() is None else 0


def keeps_pixels_as_known() -> bool:
    """Whether an image's pixels are reached through the one attribute that recording images guard.

    Earlier versions of Pillow have another one.
    """
    return "PIL.Image.Image._im" not in NAMES.missing


def most_pixels() -> int:
    """Return the size in pixels up to which Pillow does not warn."""
    limit = Image.MAX_IMAGE_PIXELS
    return _NO_LIMIT if limit is None else max(0, int(limit))


def _plugins_are_pillows() -> bool:
    """Whether all plugins that are asked before the last of ours are Pillow's own."""
    openers = {name: unhooked(opener) for name, (opener, _) in OPEN.items()}
    if any(openers.get(name) is not plugin for name, plugin in PLUGINS.items()):
        return False
    asked = ID[: 1 + max(map(ID.index, PLUGINS))]
    plugins = [openers[name] for name in asked if name in openers]
    return all(getattr(plugin, "__module__", "").startswith("PIL.") for plugin in plugins)


def _other_pixels() -> str | None:
    for name in PLUGINS:
        if not _agrees(name):
            if (raised := _agrees.why_not(name)) is not None:
                return f"the installed Pillow could not be asked how it decodes {name} files: {raised}"
            return f"the installed Pillow decodes {name} files to other pixels"
    return None


@agreement.probe(
    "Pillow decodes small files of every kind to the known pixels",
    "reading files",
    state=("Image.MAX_IMAGE_PIXELS", "ImageFile.LOAD_TRUNCATED_IMAGES", "filters of warnings"),
    otherwise=False,
    examples=[(name,) for name in PLUGINS],
)
def _agrees(name: str) -> bool:
    files = {"JPEG": jpegs, "PNG": pngs, "PPM": _ppms}[name]()
    return all(_decodes_to_our_pixels(file, PLUGINS[name]) for file in files)


def _decodes_to_our_pixels(file: bytes, plugin: Any) -> bool:
    shape = _native.image_shape(file)
    if shape is None:
        return False
    _, height, width, channels = shape
    pixels = np.empty((height, width, channels), np.uint8)
    if not _native.decode_image(file, (0, 0, width, height), pixels):
        return False
    # `Image.open` would look at the limit of pixels, which is the user's to set.
    with plugin(io.BytesIO(file)) as image:
        return np.array_equal(np.asarray(image.convert("RGB")), np.broadcast_to(pixels, (height, width, 3)))


def _photo(rng: np.random.Generator, height: int, width: int) -> Image.Image:
    y, x = np.arange(height)[:, None, None], np.arange(width)[None, :, None]
    waves = 128 + 90 * np.sin(x / 5 + y / np.array([3, 4, 6])) + rng.normal(0, 20, (height, width, 3))
    return Image.fromarray(waves.clip(0, 255).astype(np.uint8))


def jpegs() -> Iterator[bytes]:
    """Yield small JPEGs of every kind."""
    rng = np.random.default_rng(0)
    kinds: list[tuple[str, dict[str, Any]]] = [("L", {"quality": 80}), ("L", {"quality": 60, "progressive": True})]
    kinds += [("RGB", {"quality": 90 - 20 * k, "subsampling": k}) for k in range(3)]
    kinds += [("RGB", {"quality": 75, "subsampling": k, "progressive": True}) for k in range(3)]
    for mode, options in kinds:
        for height, width in _SIZES:
            buffer = io.BytesIO()
            _photo(rng, height, width).convert(mode).save(buffer, "JPEG", **options)
            yield buffer.getvalue()


def pngs() -> Iterator[bytes]:
    """Yield small PNGs of every kind."""
    rng = np.random.default_rng(0)
    for color, (samples, depths) in _PNG_KINDS.items():
        for depth in depths:
            palette = _chunk(b"PLTE", rng.bytes(3 << depth)) if color == 3 else b""
            for width, height, passes in ((37, 2, [(37, 2)]), (5, 3, [(1, 1), (1, 1), (1, 1), (3, 1), (2, 2), (5, 1)])):
                interlaced = len(passes) > 1
                header = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, interlaced)
                lines = [
                    (rng.integers(5), -(-columns * samples * depth // 8)) for columns, n in passes for _ in range(n)
                ]
                data = zlib.compress(b"".join(bytes([kind]) + rng.bytes(length) for kind, length in lines))
                chunks = [_chunk(b"IHDR", header), palette, _chunk(b"IDAT", data), _chunk(b"IEND", b"")]
                yield b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _ppms() -> Iterator[bytes]:
    rng = np.random.default_rng(0)
    for mode in ("RGB", "L"):
        for height, width in _SIZES:
            buffer = io.BytesIO()
            _photo(rng, height, width).convert(mode).save(buffer, "PPM")
            yield buffer.getvalue()
