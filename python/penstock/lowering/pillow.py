"""Is the installed Pillow one whose pixels penstock gives?

Builds of one version of Pillow can differ in the libjpeg that is in them, and some of its behaviour is a switch. So
small pictures of every kind are written and read by Pillow, once in a process, and compared.
"""

import functools
import io

import numpy as np
from PIL import Image, ImageFile, JpegImagePlugin

from penstock.jpeg import decode_jpeg

__all__ = ["pixel_limit", "why_not"]

_NO_LIMIT = 2**63
_SIZES = ((1, 1), (16, 16), (19, 37), (50, 33))
_OPEN = Image.open


def why_not() -> str | None:
    """Return why JPEG files are left to Pillow, None if they are decoded natively."""
    if ImageFile.LOAD_TRUNCATED_IMAGES:
        return "ImageFile.LOAD_TRUNCATED_IMAGES is set"
    Image.preinit()
    first = Image.ID[: Image.ID.index("JPEG") + 1] if "JPEG" in Image.ID else ["JPEG"]
    factories = [Image.OPEN[name][0] for name in first if name in Image.OPEN]
    pristine = all(getattr(factory, "__module__", "").startswith("PIL.") for factory in factories)
    if Image.open is not _OPEN or not pristine or factories[-1:] != [JpegImagePlugin.jpeg_factory]:
        return "Pillow's way of opening files was changed"
    return None if _gives_our_pixels() else "the installed Pillow decodes JPEG files to other pixels"


def pixel_limit() -> int:
    """Return the size in pixels up to which JPEG files are decoded natively; of larger ones Pillow warns."""
    if why_not() is not None:
        return 0
    limit = Image.MAX_IMAGE_PIXELS
    return _NO_LIMIT if limit is None else max(0, int(limit))


@functools.cache
def _gives_our_pixels() -> bool:
    rng = np.random.default_rng(0)
    kinds: list[tuple[str, dict[str, object]]] = [("L", {"quality": 80}), ("L", {"quality": 60, "progressive": True})]
    kinds += [("RGB", {"quality": 90 - 20 * k, "subsampling": k}) for k in range(3)]
    kinds += [("RGB", {"quality": 75, "subsampling": k, "progressive": True}) for k in range(3)]
    for mode, options in kinds:
        for height, width in _SIZES:
            y, x = np.arange(height)[:, None, None], np.arange(width)[None, :, None]
            waves = 128 + 90 * np.sin(x / 5 + y / np.array([3, 4, 6])) + rng.normal(0, 20, (height, width, 3))
            buffer = io.BytesIO()
            picture = Image.fromarray(waves.clip(0, 255).astype(np.uint8)).convert(mode)
            picture.save(buffer, "JPEG", **options)
            with Image.open(buffer) as image:
                if not np.array_equal(np.asarray(image), decode_jpeg(buffer.getvalue())):
                    return False
    return True
