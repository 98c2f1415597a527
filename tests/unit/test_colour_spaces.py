"""Every colour is converted to other spaces, and back, as the installed Pillow does it."""

import numpy as np
import pytest
from PIL import Image

from penstock import _native
from penstock.ops.arithmetic import rendered

CONVERSIONS = {
    "ycbcr": ("RGB", "YCbCr"),
    "rgb_of_ycbcr": ("YCbCr", "RGB"),
    "hsv": ("RGB", "HSV"),
    "rgb_of_hsv": ("HSV", "RGB"),
}


@pytest.mark.parametrize("name", CONVERSIONS)
def test_every_colour(name):
    before, after = CONVERSIONS[name]
    second, third = np.meshgrid(np.arange(256, dtype=np.uint8), np.arange(256, dtype=np.uint8))
    for first in range(256):
        pixels = np.stack([np.full_like(second, first), second, third], axis=-1)
        expected = Image.frombytes(before, (256, 256), pixels.tobytes()).convert(after)
        made = rendered(pixels, [_native.step("space", name)])
        assert np.array_equal(made, np.asarray(expected)), first
