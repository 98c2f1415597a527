"""Files that were tampered with, decoded natively and by Pillow."""

import io
import random
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torchvision.transforms as v1
from PIL import Image

from penstock import _native
from penstock.lowering.pillow import pixel_limit
from penstock.lowering.transforms import lower_transform
from support import mutation

Pixels = npt.NDArray[np.uint8]
# Pillow takes long for what it announces, even if next to nothing of it is there.
_MOST_PIXELS = 1 << 20
# For each format, what makes a mutant of it.
FORMATS: dict[str, Callable[[random.Random], bytes]] = {"JPEG": mutation.mutant}


class Native:
    """A file's pixels by every way to have them from Python."""

    def __init__(self) -> None:
        crops = (None, v1.CenterCrop(7), v1.CenterCrop((3, 40)))
        self._transforms = [v1.Compose([crop, v1.PILToTensor()]) if crop else v1.PILToTensor() for crop in crops]
        self._plans = [lower_transform(transform, "RGB").plan for transform in self._transforms]
        self._stream = _native.Stream(1)
        self._limit = pixel_limit()

    def pixels(self, file: bytes, region: tuple[int, int, int, int] | None = None) -> Pixels | None:
        """Decode a rectangle, or all, to (H, W) or (H, W, 3); None if that is left to Pillow."""
        shape = _native.jpeg_shape(file)
        if shape is None or shape[0] * shape[1] > _MOST_PIXELS:
            return None
        height, width, channels = shape
        left, top, width, height = region or (0, 0, width, height)
        out = np.empty((height, width) if channels == 1 else (height, width, 3), np.uint8)
        return out if _native.decode_jpeg(file, (left, top, width, height), out) else None

    def batch(self, file: bytes, which: int) -> Pixels | None:
        """Make a batch of one as a loader makes it, with one of some transforms; None if that is left to Pillow."""
        files = _native.Files([file], self._plans[which], self._limit)
        if not files.wait()[0]:
            return None
        batch = _native.Batch(files, [0], _native.Generator(0))
        (shape,) = batch.shapes
        if shape[1] * shape[2] > _MOST_PIXELS:
            return None
        out = np.empty(shape, np.uint8)
        batch.run(self._stream, out.reshape(-1))
        return None if batch.undecoded else out

    def expected(self, image: Image.Image, which: int) -> Pixels:
        """Return what that transform makes of Pillow's picture."""
        made: Any = self._transforms[which](image)
        pixels: Pixels = made.numpy()
        return pixels


def compare(native: Native, rng: random.Random, file: bytes) -> tuple[str, str | None]:
    """Compare what we make of a file with what Pillow makes of it.

    Returns:
        What became of it: "equal", "given up", "given up, Pillow raises", or "different"; and for the last, how.
    """
    whole = native.pixels(file)
    # More than once: what the first pass finds out about a file is used by the next one.
    batches = [(which, native.batch(file, which)) for which in rng.choices(range(3), k=3)]
    ours = whole is not None or any(batch is not None for _, batch in batches)
    with warnings.catch_warnings():
        warnings.simplefilter("error" if ours else "ignore")
        try:
            with Image.open(io.BytesIO(file)) as image:
                if not ours and image.width * image.height > _MOST_PIXELS:
                    return "given up, large", None
                gray = image.mode == "L"
                theirs = image.convert("RGB")
        except Exception as error:
            if ours:
                return "different", f"Pillow raises {type(error).__name__}: {error}"
            return "given up, Pillow raises", None
    expected = np.asarray(theirs)
    shape = _native.jpeg_shape(file)
    if shape is not None and shape[0] * shape[1] <= _MOST_PIXELS:
        if shape[:2] != expected.shape[:2] or gray != (shape[2] == 1):
            # Pillow reads files whose headers have more than one answer; which one holds, only decoding tells.
            if ours:
                return "different", f"{shape} is announced, Pillow gives {expected.shape}, gray: {gray}"
            return "given up", None
        for _ in range(2):
            region = _rectangle(rng, *shape[:2])
            part = native.pixels(file, region)
            left, top, width, height = region
            cut = expected[top : top + height, left : left + width]
            if part is not None and not np.array_equal(part if part.ndim == 3 else part[..., None].repeat(3, 2), cut):
                return "different", f"rectangle {region}"
            if whole is not None and part is None:
                return "different", f"rectangle {region} is given up, the whole picture is not"
    if whole is not None and not np.array_equal(whole if whole.ndim == 3 else whole[..., None].repeat(3, 2), expected):
        return "different", "whole picture"
    for k, (which, batch) in enumerate(batches):
        if batch is not None and not np.array_equal(batch, native.expected(theirs, which)):
            return "different", f"batch {k} with transform {which}"
        if whole is not None and batch is None:
            return "different", f"batch {k} with transform {which} is given up, the whole picture is not"
    return ("equal", None) if whole is not None else ("given up", None)


def _rectangle(rng: random.Random, height: int, width: int) -> tuple[int, int, int, int]:
    left, top = rng.randrange(width), rng.randrange(height)
    return left, top, 1 + rng.randrange(width - left), 1 + rng.randrange(height - top)


def run(count: int, seed: int, folder: Path, tell: Callable[[int, Any], None] | None = None) -> Counter[str]:
    """Compare so many mutants; write those that differ, and how, to a folder.

    Args:
        count: Of mutants.
        seed: Of the mutations.
        folder: Made when it is needed.
        tell: Called now and then with the number done so far and what became of them.
    """
    native = Native()
    found: Counter[str] = Counter()
    for number in range(count):
        rng = random.Random(seed * 1_000_003 + number)
        format_name = rng.choice(list(FORMATS))
        file = FORMATS[format_name](rng)
        outcome, how = compare(native, rng, file)
        found[outcome] += 1
        if how is not None:
            folder.mkdir(parents=True, exist_ok=True)
            name = f"{seed}-{number}.{format_name.lower()}"
            (folder / name).write_bytes(file)
            with (folder / "differences.txt").open("a") as log:
                log.write(f"{name}: {how}\n")
        if tell is not None and (number + 1) % 10_000 == 0:
            tell(number + 1, found)
    return found
