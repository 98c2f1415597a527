"""Picture files, made up: photographs in every kind of JPEG that Pillow writes."""

import io
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image


def photo(height: int, width: int, seed: int = 0) -> npt.NDArray[np.uint8]:
    """A picture (height, width, 3) with slopes, edges and some noise, as a photograph has them."""
    rng = np.random.default_rng((seed, height, width))
    y, x = np.mgrid[:height, :width]
    waves = [np.sin(x / rng.uniform(2, 30) + y / rng.uniform(2, 30) + phase) for phase in rng.uniform(0, 6, 3)]
    picture = 128 + 80 * np.stack(waves, axis=2) + rng.normal(0, 6, (height, width, 3))
    picture[(x * 3 + y * 2) % 31 < 6] += rng.uniform(-90, 90, 3)
    return picture.clip(0, 255).astype(np.uint8)


def encode(pixels: npt.NDArray[np.uint8], kind: str = "JPEG", *, mode: str = "RGB", **options: Any) -> bytes:
    """A file of one of Pillow's formats, with the options of its `save`."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(buffer, kind, **options)
    return buffer.getvalue()
