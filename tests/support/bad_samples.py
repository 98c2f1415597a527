"""Folders with bad files, loaders over them forced onto each way, and what a loader with `on_error` should give."""

import contextlib
import random
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import Dataset, default_collate, default_convert

import penstock
from penstock.lowering.report import Report
from support.compare import assert_same
from support.files import damaged, encode, photo
from support.workers import ReferenceLoader, get_states, set_states

WAYS = ("lowered", "recorded", "torch")


def bomb() -> bytes:
    """A PNG that says it is 40,000 pixels wide and high; Pillow refuses to open it."""
    header = struct.pack(">IIBBBBB", 40_000, 40_000, 8, 2, 0, 0, 0)
    parts = [(b"IHDR", header), (b"IDAT", zlib.compress(b"")), (b"IEND", b"")]
    chunks = [
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in parts
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


# What is wrong with a file: its content, None if it is missing.
KINDS: dict[str, Any] = {
    "truncated": lambda whole: damaged(whole, "truncated"),
    "text": lambda whole: damaged(whole, "text"),
    "empty": lambda whole: damaged(whole, "empty"),
    "cut header": lambda whole: damaged(whole, "cut header"),
    "bomb": lambda _: bomb(),
    "missing": lambda _: None,
}


def write_files(root: Path, count: int, bad: dict[int, str]) -> list[str]:
    """Write an ImageFolder of one class and return the paths.

    Args:
        root: The folder.
        count: Of files.
        bad: What is wrong with some of them, by their numbers.
    """
    paths = []
    (root / "a").mkdir(parents=True)
    for k in range(count):
        content = encode(photo(40 + k % 7, 50 - k % 5, seed=k))
        if k in bad:
            content = KINDS[bad[k]](content)
        paths.append(str(root / "a" / f"{k:03}.jpg"))
        Path(paths[-1]).write_bytes(b"" if content is None else content)
    return paths


def remove_missing(paths: list[str], bad: dict[int, str]) -> None:
    """Remove files that are to be missing, once data sets have found them."""
    for k, kind in bad.items():
        if kind == "missing":
            Path(paths[k]).unlink(missing_ok=True)


class Files(Dataset[Any]):
    """Somebody's own data set, whose code draws from all generators before and after it opens a file.

    Args:
        paths: Of the files.
        transform: Of the images.
        in_bulk: Whether it has `__getitems__`.
    """

    def __init__(self, paths: list[str], transform: Any, *, in_bulk: bool = False) -> None:
        self.paths, self.transform = paths, transform
        if in_bulk:
            self.__getitems__ = self._several

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> Any:
        before = random.random(), float(np.random.rand()), float(torch.rand(()))  # noqa: NPY002
        with Image.open(self.paths[index]) as opened:
            image = opened.convert("RGB")
        after = random.random(), float(np.random.rand()), float(torch.randn(()))  # noqa: NPY002
        return self.transform(image), index, before, after

    def _several(self, indices: list[int]) -> list[Any]:
        return [self[index] for index in indices]


class Refusing(Dataset[Any]):
    """Numbers, some of which raise an error of the data set's own."""

    def __init__(self, count: int, bad: set[int]) -> None:
        self.count, self.bad = count, bad

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Any:
        drawn = torch.rand(())
        if index in self.bad:
            raise Refused(f"number {index} is bad")
        return index, drawn


class Refused(Exception):
    """An error of a data set's own."""


@contextlib.contextmanager
def forced(way: str) -> Iterator[None]:
    """Have loaders that are lowered go another way."""
    with pytest.MonkeyPatch.context() as patch:
        if way != "lowered":
            patch.setattr(penstock.loader, "lower", lambda *_: Report((), way))
        yield


def outcomes(loader: Any, epochs: int = 1, seed: int = 5) -> list[Any]:
    """Return what a loader gives in some epochs, exceptions too, and where the process's generators stand then."""
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002
    torch.manual_seed(seed)
    found: list[Any] = []
    for _ in range(epochs):
        iterator = iter(loader)
        while True:
            try:
                found.append(next(iterator))
            except StopIteration:
                found.append("end")
                break
            except Exception as error:
                # A worker's notes are part of its exception's text.
                notes = [note for note in getattr(error, "__notes__", ()) if "on_error" in note]
                text = "\n".join([str(error).strip(), *notes])
                found.append((type(error), text.splitlines()[-1].split(": ")[-1]))
    states = get_states()
    return [*found, states[0], states[1], list(states[2])]


class _Oracle(Dataset[Any]):
    """The meaning of "replace" and "skip", sample by sample, without a limit."""

    def __init__(self, dataset: Any, on_error: str, kinds: Any) -> None:
        self.dataset, self.on_error, self.kinds = dataset, on_error, kinds

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitems__(self, indices: Any) -> list[Any]:
        samples = []
        for index in indices:
            following = index
            while True:
                states = get_states()
                try:
                    samples.append(self.dataset[following])
                except self.kinds:
                    set_states(states)
                    if self.on_error == "skip":
                        break
                    following = (following + 1) % len(self.dataset)
                else:
                    break
        return samples

    def __getitem__(self, index: Any) -> Any:
        samples = self.__getitems__([index])
        return samples[0] if samples else None


def expected(dataset: Any, on_error: str, kinds: tuple[type[Exception], ...], **options: Any) -> Any:
    """Return a loader of torch's that gives what ours should, and None for a batch of which nothing is left."""
    options.pop("worker_init_fn", None)
    collate = default_convert if options.get("batch_size", 1) is None else default_collate
    oracle = _Oracle(dataset, on_error, kinds)
    return ReferenceLoader(
        oracle, collate_fn=lambda samples: None if samples in (None, []) else collate(samples), **options
    )


def assert_ways(
    dataset: Any, on_error: str, ways: Any = WAYS, *, epochs: int = 2, seed: int = 5, types: Any = (), **options: Any
) -> tuple[Any, ...]:
    """Fail unless all ways give what is expected, and meet the same bad samples; return these.

    Args:
        dataset: The loader's.
        on_error: The loader's.
        ways: To make batches.
        epochs: Number of passes.
        seed: Of all generators.
        types: The loader's `on_error_types`.
        options: Of both loaders.
    """
    kinds = (OSError, Image.DecompressionBombError, *(types if isinstance(types, tuple) else (types,)))
    theirs = [
        each for each in outcomes(expected(dataset, on_error, kinds, **options), epochs, seed) if each is not None
    ]
    told = []
    for way in ways:
        with forced(way):
            loader = penstock.DataLoader(dataset, on_error=on_error, on_error_types=types, **options)
            assert_same(outcomes(loader, epochs, seed), theirs, way)
        stats = penstock.stats(loader)
        assert stats.way == way, penstock.explain(loader)
        if way != "torch":
            batches = [each for each in theirs[:-3] if not _is_other(each)]
            assert stats.batches == len(batches)
            assert stats.samples == sum(map(_size, batches))
        told.append(stats.bad)
    for way, bad in zip(ways, told, strict=True):
        for ours, torchs in zip(bad, told[-1], strict=True):
            assert (ours.index, ours.reason) == (torchs.index, torchs.reason), way
            assert torchs.path in (ours.path, None), way
    return told[-1]


def _is_other(outcome: Any) -> bool:
    """Whether what a loader gave is no batch."""
    return isinstance(outcome, str) or (isinstance(outcome, tuple) and isinstance(outcome[0], type))


def _size(batch: Any) -> int:
    """Return how many samples there are in a batch; one that is not batched is one."""
    first = batch[0]
    return len(first) if first.ndim in (1, 4) else 1
