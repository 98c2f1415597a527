"""The images and pipelines that the record is about: torchvision's CIFAR10 over files of CIFAR's format.

The files are generated, so nothing is downloaded: 50,000 images of random bytes. No figure depends on what is in an
image; torchvision's check of the files' MD5 sums is taken off here and nowhere else.
"""

import contextlib
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch
from torch.utils.data import Dataset
from torchvision import transforms as v1
from torchvision.datasets import CIFAR10
from torchvision.transforms import v2

__all__ = ["COUNT", "OUTPUTS", "dataset", "make", "write_files"]

COUNT = 50_000
MEAN, STD = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)
# Bytes of an element of each output.
OUTPUTS = {"float32": 4, "uint8": 1, "float16": 2, "bfloat16": 2}


def write_files(root: Path) -> None:
    """Write training files as CIFAR-10 has them, five of 10,000 images, and the names of the classes."""
    folder = root / CIFAR10.base_folder
    folder.mkdir(parents=True)
    random = np.random.default_rng(0)
    for name, _ in CIFAR10.train_list:
        entry = {
            "data": random.integers(0, 256, (COUNT // 5, 3 * 32 * 32), dtype=np.uint8),
            "labels": random.integers(0, 10, COUNT // 5).tolist(),
        }
        (folder / name).write_bytes(pickle.dumps(entry))
    names = {CIFAR10.meta["key"]: [f"class {label}" for label in range(10)]}
    (folder / CIFAR10.meta["filename"]).write_bytes(pickle.dumps(names))


def dataset(root: str, output: str = "float32") -> Dataset[Any]:
    """Return the training set with the pipeline that ends in this output, one of `OUTPUTS`."""
    with _no_sums():
        made: Dataset[Any] = CIFAR10(root, train=True, transform=_pipeline(output))
    return made


def make(DataLoader: Any, *, root: str, batch_size: int, workers: int, output: str = "float32") -> Any:  # noqa: N803
    """Return a loader of either class; torch's workers are forked, which is the quickest way to start them."""
    context = "fork" if workers else None
    return DataLoader(
        dataset(root, output),
        batch_size=batch_size,
        shuffle=True,
        num_workers=workers,
        multiprocessing_context=context,
    )


def _pipeline(output: str) -> Any:
    augment = [v1.RandomCrop(32, padding=4), v1.RandomHorizontalFlip()]
    if output == "float32":
        return v1.Compose([*augment, v1.ToTensor(), v1.Normalize(MEAN, STD)])
    if output == "uint8":
        return v1.Compose([*augment, v1.PILToTensor()])
    dtype = {"float16": torch.float16, "bfloat16": torch.bfloat16}[output]
    augment = [v2.RandomCrop(32, padding=4), v2.RandomHorizontalFlip()]
    return v2.Compose([*augment, v2.ToImage(), v2.ToDtype(dtype, scale=True), v2.Normalize(MEAN, STD)])


@contextlib.contextmanager
def _no_sums() -> Iterator[None]:
    with mock.patch("torchvision.datasets.cifar.check_integrity", return_value=True):
        yield
