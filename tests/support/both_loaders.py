"""Whole programs under torch's loader and under ours: every batch, every generator, the share made natively."""

import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import Dataset

import penstock
from support.compare import assert_same
from support.files import encode, photo
from support.unread import unread


def write_images(root: Path, count: int = 12, **options: Any) -> list[Path]:
    """Write JPEGs of several sizes into two classes' folders, and return their paths.

    Args:
        root: A folder, which is made.
        count: Number of files.
        options: Of Pillow's `save`, or `mode`.
    """
    paths = []
    for k in range(count):
        path = root / ("cats", "dogs")[k % 2] / f"{k:03}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode(photo(60 + 5 * k, 90 - 3 * k, seed=k), **options))
        age(path)
        paths.append(path)
    return paths


def age(path: Path) -> None:
    """Make a file an hour old: one that was written just now may be one that will not stay."""
    hour_ago = path.stat().st_mtime - 3600
    os.utime(path, (hour_ago, hour_ago))


class Opened(Dataset):
    """The files of a list, opened by code that is not followed; the base of other programs' datasets.

    Args:
        paths: Of the files.
        transform: Applied to each image.
    """

    def __init__(self, paths: list[Path], transform: Any = None) -> None:
        self.paths, self.transform = paths, transform

    def __len__(self) -> int:
        return len(self.paths)

    def open(self, index: int) -> Any:
        return unread(Image.open(self.paths[index]).convert("RGB"))

    def __getitem__(self, index: int) -> Any:
        return self.transform(self.open(index)), index


def walk(loader: Any, seed: int, epochs: int) -> dict[str, Any]:
    """Go through a loader, and return all its batches and how far all generators of the process got."""
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - what programs draw from
    torch.manual_seed(seed)
    batches = [list(loader) for _ in range(epochs)]
    return {
        "batches": batches,
        "torch": torch.get_rng_state(),
        "numpy": list(np.random.get_state()),  # noqa: NPY002
        "random": random.getstate(),
    }


def assert_program(
    program: Callable[..., Any], share: float | None = 1.0, *, way: str = "recorded", epochs: int = 1, seed: int = 3
) -> penstock.Stats:
    """Fail unless a program does the same with our loader as with torch's.

    Args:
        program: Makes a loader by `torch.utils.data.DataLoader`, or has somebody make one; called twice.
        share: Of the images that were opened, made natively; None if any will do.
        way: As `penstock.explain` has it.
        epochs: Number of passes.
        seed: Of all generators.
    """
    theirs = program()
    assert not isinstance(theirs, penstock.DataLoader)
    with penstock.installed():
        ours = program()
    assert isinstance(ours, penstock.DataLoader)
    expected = walk(theirs, seed, epochs)
    assert_same(walk(ours, seed, epochs), expected)
    stats = penstock.stats(ours)
    assert stats.way == way
    assert stats.samples > 0
    if share is not None:
        assert stats.native_share == pytest.approx(share), stats
    return stats
