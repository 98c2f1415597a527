"""Small images for the examples, made on the spot: blobs of the colour of their class, and masks of the blobs."""

import numpy as np
from PIL import Image

CLASSES = ("red", "green", "blue")


def image(rng, label, height, width):
    """Return an image (height, width, 3) with a blob of its class's colour, and the blob's mask (height, width)."""
    y, x = np.mgrid[:height, :width]
    top, left = rng.integers(height // 4, 3 * height // 4), rng.integers(width // 4, 3 * width // 4)
    mask = (y - top) ** 2 + (x - left) ** 2 < (min(height, width) // 4) ** 2
    pixels = rng.normal(100, 20, (height, width, 3))
    pixels[mask, label] += 100
    return pixels.clip(0, 255).astype(np.uint8), mask.astype(np.uint8)


def folder(root, count=48):
    """Write an ImageFolder of JPEGs, with the masks as PNGs of the same names in a folder beside it.

    Args:
        root: A folder; `root/images/CLASS/NUMBER.jpg` and `root/masks/CLASS/NUMBER.png` are written.
        count: Number of images.
    """
    rng = np.random.default_rng(0)
    for number in range(count):
        label = number % len(CLASSES)
        pixels, mask = image(rng, label, 60 + number % 7, 80 - number % 5)
        for kind, array, ending in (("images", pixels, "jpg"), ("masks", mask, "png")):
            path = root / kind / CLASSES[label] / f"{number:03}.{ending}"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(array).save(path)
