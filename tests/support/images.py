"""torchvision's in-memory datasets, and penstock's own, over generated images."""

import dataclasses
import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torchvision import datasets as tv
from torchvision.datasets import VisionDataset

from penstock import ImageDataset

Pixels = npt.NDArray[np.uint8]


@dataclasses.dataclass(frozen=True)
class Layout:
    """How an array lies in memory.

    Attributes:
        order: The axes, outermost first.
        steps: For each axis the distance of neighbours, in items of a contiguous array; negative ones run
            backwards, 0 repeats one item.
        readonly: Whether the memory may not be written to.
    """

    order: tuple[int, ...]
    steps: tuple[int, ...]
    readonly: bool = False

    def array(self, rng: np.random.Generator, shape: Sequence[int]) -> Pixels:
        """Random bytes of this shape, lying so."""
        lengths = [1 if step == 0 else size * abs(step) for size, step in zip(shape, self.steps, strict=True)]
        memory = rng.integers(0, 256, [lengths[axis] for axis in self.order], dtype=np.uint8)
        view = memory.transpose(np.argsort(self.order))
        view = view[tuple(slice(None, None, step or None) for step in self.steps)]
        view = np.lib.stride_tricks.as_strided(
            view,
            tuple(shape),
            [0 if step == 0 else stride for step, stride in zip(self.steps, view.strides, strict=True)],
        )
        if self.readonly:
            view.flags.writeable = False
        assert view.shape == tuple(shape)
        return view


def contiguous(axes: int) -> Layout:
    """The usual layout of that many axes."""
    return Layout(tuple(range(axes)), (1,) * axes)


# torchvision's families: which pixels they have.
COLOR = ("CIFAR10", "CIFAR100")
PLANAR = ("SVHN", "STL10")
GRAY = ("MNIST", "FashionMNIST", "KMNIST", "EMNIST", "QMNIST")
FAMILIES = (*COLOR, *PLANAR, *GRAY)


def bare(family: str, transform: Any = None, target_transform: Any = None) -> Any:
    """A dataset of torchvision's without the reading of files."""
    cls = getattr(tv, family)
    dataset = cls.__new__(cls)
    VisionDataset.__init__(dataset, "", transform=transform, target_transform=target_transform)
    return dataset


def pixels_of(family: str, rng: np.random.Generator, count: int, height: int, width: int, layout: Layout | None) -> Any:
    """A family's `data`: array or tensor, with the axes that the family has."""
    if family in GRAY:
        shape: tuple[int, ...] = (count, height, width)
    else:
        shape = (count, 3, height, width) if family in PLANAR else (count, height, width, 3)
    array = (layout or contiguous(len(shape))).array(rng, shape)
    return torch.from_numpy(array) if family in GRAY else array


def dataset_of(
    family: str,
    count: int = 8,
    height: int = 5,
    width: int = 6,
    *,
    transform: Any = None,
    target_transform: Any = None,
    targets: str = "usual",
    layout: Layout | None = None,
    compat: bool = True,
    seed: int = 0,
) -> Any:
    """A dataset of one of torchvision's families over random images.

    Args:
        family: The class's name.
        count: Number of images.
        height: Of an image.
        width: Of an image.
        transform: The dataset's.
        target_transform: The dataset's.
        targets: What the targets are kept in: "usual" for the family's own kind, or a key of `TARGETS`.
        layout: How the images lie in memory; contiguous if None.
        compat: QMNIST's.
        seed: Of the images.
    """
    rng = np.random.default_rng(seed)
    dataset = bare(family, transform, target_transform)
    dataset.data = pixels_of(family, rng, count, height, width, layout)
    values = rng.integers(0, 10, count)
    if family == "QMNIST":
        dataset.compat = compat
        rows = torch.from_numpy(rng.integers(0, 1000, (count, 8)))
        dataset.targets = rows if targets == "usual" else rows.to(torch.int32)
        return dataset
    usual = {"CIFAR10": "list", "CIFAR100": "list", "SVHN": "int64", "STL10": "uint8"}.get(family, "tensor")
    kept = TARGETS[usual if targets == "usual" else targets](values)
    setattr(dataset, "labels" if family in PLANAR else "targets", kept)
    return dataset


TARGETS = {
    "list": lambda values: values.tolist(),
    "int64": lambda values: values,
    "int32": lambda values: values.astype(np.int32),
    "uint8": lambda values: values.astype(np.uint8),
    "float32": lambda values: (values / 7).astype(np.float32),
    "bool": lambda values: values > 4,
    "backwards": lambda values: values[::-1],
    "tensor": torch.from_numpy,
    "tensor int32": lambda values: torch.from_numpy(values).to(torch.int32),
    "tuple": lambda values: tuple(values.tolist()),
    "list of arrays": lambda values: list(values),
    "list of tensors": lambda values: list(torch.from_numpy(values)),
    "range": lambda values: range(len(values)),
}
# What only a family that passes its targets on unchanged can hold.
ANY_TARGETS = {
    "floats": lambda values: (values / 3).tolist(),
    "strings": lambda values: [f"class {value}" for value in values],
    "tuples": lambda values: [(int(value), float(value)) for value in values],
    "dicts": lambda values: [{"label": int(value), "name": str(value)} for value in values],
    "lists": lambda values: [[int(value), 1] for value in values],
    "rows": lambda values: np.stack([values, -values], axis=1),
    "float tensor": lambda values: torch.from_numpy(values) / 7,
    "None": lambda _: None,
}
TARGETS.update(ANY_TARGETS)


class Images(ImageDataset):
    """Own data: a list of arrays of any sizes."""

    def __init__(self, arrays: Sequence[Any], labels: Any, transform: Any = None, target_transform: Any = None) -> None:
        self.arrays, self.labels = arrays, labels
        self.transform, self.target_transform = transform, target_transform

    def __len__(self) -> int:
        return len(self.arrays)

    def locate(self, index: Any) -> tuple[Any, Any]:
        return self.arrays[index], self.labels[index]


def cifar_files(root: Path, count: int, *, fine: bool = False, seed: int = 0) -> None:
    """Write files of CIFAR-10's format, or CIFAR-100's, with random images."""
    rng = np.random.default_rng(seed)
    cls = tv.CIFAR100 if fine else tv.CIFAR10
    folder = root / cls.base_folder
    folder.mkdir(parents=True)
    for name, _ in [*cls.train_list, *cls.test_list]:
        labels = rng.integers(0, 100 if fine else 10, count).tolist()
        data = rng.integers(0, 256, (count, 3072), dtype=np.uint8)
        entry = {"data": data, "fine_labels" if fine else "labels": labels, "batch_label": name}
        (folder / name).write_bytes(pickle.dumps(entry))
    names = [f"class {k}" for k in range(100 if fine else 10)]
    (folder / cls.meta["filename"]).write_bytes(pickle.dumps({cls.meta["key"]: names}))
