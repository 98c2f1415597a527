"""Image files, made up: photographs in every kind of JPEG that Pillow writes."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image


def photo(height: int, width: int, seed: int = 0) -> npt.NDArray[np.uint8]:
    """An image (height, width, 3) with slopes, edges and some noise, as a photograph has them."""
    rng = np.random.default_rng((seed, height, width))
    y, x = np.mgrid[:height, :width]
    waves = [np.sin(x / rng.uniform(2, 30) + y / rng.uniform(2, 30) + phase) for phase in rng.uniform(0, 6, 3)]
    image = 128 + 80 * np.stack(waves, axis=2) + rng.normal(0, 6, (height, width, 3))
    image[(x * 3 + y * 2) % 31 < 6] += rng.uniform(-90, 90, 3)
    return image.clip(0, 255).astype(np.uint8)


def encode(pixels: npt.NDArray[np.uint8], kind: str = "JPEG", *, mode: str = "RGB", **options: Any) -> bytes:
    """A file of one of Pillow's formats, with the options of its `save`."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(buffer, kind, **options)
    return buffer.getvalue()


def damaged(data: bytes, kind: str) -> bytes:
    """A file that is not what it was.

    Args:
        data: A JPEG.
        kind: "truncated", where Pillow raises; "noisy", a scan with wrong bytes, which libjpeg repairs; "behind",
            with bytes after its end; "no end", without the marker of its end; "cut header"; "empty"; "text".
    """
    scan = data.index(b"\xff\xda") + 14
    middle = scan + (len(data) - scan) // 2
    return {
        "truncated": data[:middle],
        "noisy": data[:middle]
        + bytes(255 - byte if byte not in (0, 255) else byte for byte in data[middle : middle + 9])
        + data[middle + 9 :],
        "behind": data + b"behind",
        "no end": data[:-2],
        "cut header": data[: scan - 20],
        "empty": b"",
        "text": b"this is no image",
    }[kind]


# The files of a folder: name, and what to do with an image.
FILES: dict[str, Any] = {
    "00 plain.jpg": lambda p: encode(p, quality=90),
    "01 4-2-2.JPG": lambda p: encode(p, subsampling=1),
    "02 4-2-0.jpeg": lambda p: encode(p, subsampling=2),
    "03 progressive.jpg": lambda p: encode(p, progressive=True),
    "04 gray.jpg": lambda p: encode(p, mode="L"),
    "05 größe ☃.jpg": lambda p: encode(p, subsampling=0, restart_marker_blocks=2),
    "06 rotated.jpg": lambda p: encode(p, exif=_rotated()),
    "07 cmyk.jpg": lambda p: encode(p, mode="CMYK"),
    "08 is a png.jpg": lambda p: encode(p, "PNG"),
    "09 noisy.jpg": lambda p: damaged(encode(p), "noisy"),
    "10 behind.jpg": lambda p: damaged(encode(p), "behind"),
    "11 alpha.png": lambda p: encode(p, "PNG", mode="RGBA"),
    "12 gray alpha.png": lambda p: encode(p, "PNG", mode="LA"),
    "13 palette.png": lambda p: encode(p, "PNG", mode="P"),
    "14 16 bit.png": lambda p: encode(p[..., 0].astype(np.uint16) * 257, "PNG", mode="I;16"),
    "15 optimised.jpg": lambda p: encode(p, optimize=True, quality=30),
    "16 rgb.jpg": lambda p: encode(p, keep_rgb=True),
    "17 large.jpg": lambda p: encode(np.tile(p, (3, 4, 1)), subsampling=2),
    "18 plain.jpg": lambda p: encode(p),
    "19 plain.jpg": lambda p: encode(p),
}


def _rotated() -> Any:
    exif = Image.Exif()
    exif[0x0112] = 6
    return exif


def write_folder(root: Path, extra: dict[str, Any] | None = None) -> None:
    """Write an ImageFolder of two classes, every kind of file in each, and `extra` ones."""
    for label in ("cats", "dogs"):
        (root / label).mkdir(parents=True)
        for k, (name, make) in enumerate({**FILES, **(extra or {})}.items()):
            (root / label / name).write_bytes(make(photo(40 + 3 * k, 50 - k, seed=len(label) + k)))
