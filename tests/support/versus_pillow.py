"""Files that were tampered with, decoded natively and by Pillow."""

import io
import itertools
import random
import re
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torchvision.transforms as v1
from PIL import Image
from torch.utils.data import BatchSampler

import penstock
from penstock import _native
from support import mutation, mutation_png

Pixels = npt.NDArray[np.uint8]
CROP = v1.Compose([v1.RandomCrop((9, 14), pad_if_needed=True), v1.PILToTensor()])
# Pillow takes long for what it announces, even if next to nothing of it is there.
_MOST_PIXELS = 1 << 20
# For each format, what makes a mutant of it, and how many of all are of it.
FORMATS: dict[str, tuple[Callable[[random.Random], bytes], float]] = {
    "JPEG": (mutation.mutant, 0.8),
    "PNG": (mutation_png.mutant, 0.18),
    "PPM": (mutation_png.ppm_mutant, 0.02),
}


class _OneFile(penstock.ImageDataset):
    """A data set of the file that is looked at now."""

    transform = CROP

    def __init__(self) -> None:
        self.file = mutation.originals()[-1]

    def __len__(self) -> int:
        return 1

    def locate(self, index: int) -> tuple[bytes, int]:
        return self.file, index


class Native:
    """A file's pixels by `decode_jpeg`, and by a loader that goes on for ever."""

    def __init__(self) -> None:
        self._dataset = _OneFile()
        for_ever: Any = BatchSampler(itertools.repeat(0), 1, drop_last=False)  # type: ignore[arg-type]
        loader = penstock.DataLoader(self._dataset, batch_sampler=for_ever)
        assert penstock.explain(loader).native, str(penstock.explain(loader))
        self._batches = iter(loader)

    def pixels(self, file: bytes, region: tuple[int, int, int, int] | None = None) -> Pixels | None:
        """Decode a rectangle, or all, to (H, W, 3); None if that is left to Pillow."""
        shape = _native.jpeg_shape(file)
        if shape is None or shape[0] * shape[1] > _MOST_PIXELS:
            return None
        height, width, channels = shape
        left, top, width, height = region or (0, 0, width, height)
        out = np.empty((height, width) if channels == 1 else (height, width, 3), np.uint8)
        if not _native.decode_jpeg(file, (left, top, width, height), out):
            return None
        return out if channels == 3 else np.repeat(out[..., None], 3, axis=2)

    def batch(self, file: bytes, seed: int) -> Any:
        """Return the loader's image of a file, or what it raises."""
        self._dataset.file = file
        torch.manual_seed(seed)
        try:
            images, _ = next(self._batches)
        except Exception as error:
            return _of(error)
        return images[0]


def _of(error: Exception) -> tuple[type, str]:
    return type(error), re.sub("0x[0-9a-f]+", "0x...", str(error))


def compare(native: Native, rng: random.Random, file: bytes) -> tuple[str, str | None]:
    """Compare what we make of a file with what Pillow makes of it.

    Returns:
        What became of it: "equal", "given up", "given up, Pillow raises", "given up, large" or "different"; and for
        the last, how.
    """
    whole = native.pixels(file)
    theirs: Any
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        try:
            with Image.open(io.BytesIO(file)) as image:
                if whole is None and image.width * image.height > _MOST_PIXELS:
                    return "given up, large", None
                gray = image.mode == "L"
                theirs = image.convert("RGB")
        except Exception as error:
            theirs = _of(error)
    if whole is not None and (warned or isinstance(theirs, tuple)):
        return "different", f"Pillow warns or raises: {theirs}, {[str(warning.message) for warning in warned]}"
    if (how := _loader_differs(native, rng, file, theirs, warned, whole is not None)) is not None:
        return "different", how
    if isinstance(theirs, tuple):
        return "given up, Pillow raises", None
    expected = np.asarray(theirs)
    if whole is not None and not np.array_equal(whole, expected):
        return "different", "whole image"
    shape = _native.jpeg_shape(file)
    # Pillow reads files whose headers have more than one answer.
    if shape is not None and shape == (*expected.shape[:2], 1 if gray else 3):
        for _ in range(2):
            left, top, width, height = region = _rectangle(rng, *shape[:2])
            part = native.pixels(file, region)
            if part is None and whole is not None:
                return "different", f"rectangle {region} is given up, the whole image is not"
            if part is not None and not np.array_equal(part, expected[top : top + height, left : left + width]):
                return "different", f"rectangle {region}"
    return ("given up" if whole is None else "equal"), None


def _loader_differs(
    native: Native, rng: random.Random, file: bytes, theirs: Any, theirs_warned: list[Any], ours: bool
) -> str | None:
    """Say how the loader differs from torchvision's transforms over Pillow's image; None if it does not."""
    expected_warnings = sorted({str(warning.message) for warning in theirs_warned})
    # Twice: what the first pass finds out about a file is used by the next one.
    for again in range(1 + ours):
        seed = rng.randrange(2**31)
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            found = native.batch(file, seed)
        # Pillow may have to open a file twice, and warns twice then.
        if sorted({str(warning.message) for warning in warned}) != expected_warnings:
            return f"batch {again} warns: {[str(warning.message) for warning in warned]}, not: {expected_warnings}"
        if isinstance(theirs, tuple) or isinstance(found, tuple):
            same = found == theirs if isinstance(theirs, tuple) and isinstance(found, tuple) else False
        else:
            torch.manual_seed(seed)
            same = torch.equal(found, CROP(theirs))
        if not same:
            return f"batch {again} with seed {seed}: {found if isinstance(found, tuple) else 'other pixels'}"
    return None


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
        (format_name,) = rng.choices(list(FORMATS), [share for _, share in FORMATS.values()])
        file = FORMATS[format_name][0](rng)
        outcome, how = compare(native, rng, file)
        found[outcome if format_name == "JPEG" else outcome.replace("given up", "by a loader alone")] += 1
        if how is not None:
            folder.mkdir(parents=True, exist_ok=True)
            name = f"{seed}-{number}.{format_name.lower()}"
            (folder / name).write_bytes(file)
            with (folder / "differences.txt").open("a") as log:
                log.write(f"{name}: {how}\n")
        if tell is not None and (number + 1) % 10_000 == 0:
            tell(number + 1, found)
    return found
