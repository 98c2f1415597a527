"""JPEG files to arrays: a whole image, or a rectangle for little more than the rectangle's price."""

import io
import operator
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from penstock import _native
from penstock.filled import check_out

__all__ = ["decode_jpeg"]

Pixels = npt.NDArray[np.uint8]


def decode_jpeg(
    data: bytes | bytearray | memoryview | npt.NDArray[Any],
    region: tuple[int, int, int, int] | None = None,
    out: Pixels | None = None,
) -> Pixels:
    """Decode a JPEG file, or a rectangle of it, to the pixels that Pillow gives.

    Equal to `numpy.asarray(Image.open(io.BytesIO(data)))`, cut to the rectangle. Outside of it nothing is
    transformed, upsampled or converted, but all of the file is looked at, so that damage is found as Pillow finds
    it. A file at which libjpeg would warn or fail, or which is out of the ordinary, is decoded by Pillow, whose
    exceptions pass unchanged. Other Python threads run meanwhile.

    Args:
        data: The file's content; `bytes` are not copied.
        region: Columns left of the rectangle, rows above it, its width and its height; all of the image if None.
        out: Writable and C-contiguous, of the result's shape; filled and returned. Nobody else may use it meanwhile.

    Returns:
        uint8 of shape (height, width) if the file is gray, else (height, width, 3), RGB.

    Raises:
        TypeError: If `data` is not bytes-like, `region` not of integers or `out` no array of uint8.
        ValueError: If `region` does not lie in the image or `out` does not fit it; `out` is then untouched.
        OSError: If Pillow cannot decode the file.

    Example:
        >>> pixels = penstock.decode_jpeg(Path("photo.jpg").read_bytes(), region=(100, 50, 224, 224))
    """
    memory: Any = data
    file = data if isinstance(data, bytes) else memoryview(memory).tobytes()
    if region is not None:
        region = _integers(region)
    shape = _native.jpeg_shape(file)
    limit = Image.MAX_IMAGE_PIXELS
    if shape is None or (limit is not None and shape[0] * shape[1] > limit):
        return _pillow(file, region, out)  # which warns of very large images
    height, width, channels = shape
    rectangle = _rectangle(region, height, width)
    pixels = _output(out, rectangle, () if channels == 1 else (channels,))
    if not _native.decode_jpeg(file, rectangle, pixels):
        return _pillow(file, rectangle, pixels)
    return pixels


def _pillow(file: bytes, region: tuple[int, int, int, int] | None, out: Pixels | None) -> Pixels:
    with Image.open(io.BytesIO(file), formats=("JPEG",)) as image:
        rectangle = _rectangle(region, image.height, image.width)
        gray = image.mode == "L"
        pixels = _output(out, rectangle, () if gray else (3,))
        left, top, width, height = rectangle
        decoded = np.asarray(image if gray else image.convert("RGB"))
    pixels[...] = decoded[top : top + height, left : left + width]
    return pixels


def _integers(region: Any) -> tuple[int, int, int, int]:
    left, top, width, height = map(operator.index, region)
    return left, top, width, height


def _rectangle(
    region: tuple[int, int, int, int] | None, image_height: int, image_width: int
) -> tuple[int, int, int, int]:
    if region is None:
        return 0, 0, image_width, image_height
    left, top, width, height = region
    across = left >= 0 and width > 0 and left + width <= image_width
    if not across or top < 0 or height <= 0 or top + height > image_height:
        raise ValueError(f"region {region} does not lie in an image of {image_width} x {image_height}")
    return region


def _output(out: Any, rectangle: tuple[int, int, int, int], channels: tuple[int, ...]) -> Pixels:
    shape = (rectangle[3], rectangle[2], *channels)
    if out is None:
        return np.empty(shape, np.uint8)
    check_out(out, shape, np.dtype(np.uint8))
    checked: Pixels = out
    return checked
