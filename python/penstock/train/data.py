"""The pictures of each data set: where they are, how they are augmented, and what to do if they are missing.

The transforms are torchvision's own and the datasets are what a user would write: penstock's loader recognises
them, torch's loader runs them.
"""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import Dataset
from torchvision import datasets
from torchvision.transforms import v2

from penstock import ImageDataset
from penstock.train.recipe import Recipe, SettingError, TrainingError

__all__ = ["Digits", "Pictures", "load"]


@dataclasses.dataclass(frozen=True)
class Pictures:
    """A data set, ready for a loader.

    Attributes:
        train: Augmented training pictures with their classes.
        test: The pictures that accuracy is measured on.
        size: Side of the square pictures in pixels.
        channels: 1 for gray, 3 for colour.
        classes: Number of classes.
    """

    train: Dataset[Any]
    test: Dataset[Any]
    size: int
    channels: int
    classes: int


def load(recipe: Recipe) -> Pictures:
    """Return the recipe's pictures.

    Raises:
        TrainingError: If they are not there, naming what to do; or if a package is missing.
    """
    kind, _, path = recipe.data.partition(":")
    if kind == "digits":
        return _digits()
    if kind == "folder":
        return _folder(Path(path).expanduser())
    return _torchvision(kind, recipe)


# ---------------------------------------------------------------------------------------------------------------
# scikit-learn's handwritten digits: 1,797 gray pictures of 8x8 pixels, shipped inside its wheel

DIGITS_TRAIN = 898  # the file's first half, and the second for testing: the split of scikit-learn's own example
DIGITS_SCALE = 15  # the file counts ink from 0 to 16; 15 is the largest factor that keeps every count exact in a uint8


class Digits(ImageDataset):
    """Handwritten digits in memory."""

    def __init__(self, images: npt.NDArray[np.uint8], labels: npt.NDArray[np.int64], transform: v2.Transform) -> None:
        self.images, self.labels, self.transform = images, labels, transform

    def __len__(self) -> int:
        """Return the number of pictures."""
        return len(self.images)

    def locate(self, index: int) -> tuple[npt.NDArray[np.uint8], int]:
        """Return a picture's pixels and its digit."""
        return self.images[index], int(self.labels[index])


def _digits() -> Pictures:
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise TrainingError(
            'the handwritten digits come with scikit-learn, which is missing: pip install "penstock[train]"'
        ) from error
    bunch = load_digits()
    images = (bunch.images * DIGITS_SCALE).astype(np.uint8)
    labels = bunch.target.astype(np.int64)
    train, test = slice(None, DIGITS_TRAIN), slice(DIGITS_TRAIN, None)
    mean, std = (0.2893,), (0.3550,)  # of the training half
    return Pictures(
        # A digit mirrored is another sign, so these are moved by a pixel and no more.
        train=Digits(images[train], labels[train], _transform(mean, std, v2.RandomCrop(8, padding=1))),
        test=Digits(images[test], labels[test], _transform(mean, std)),
        size=8,
        channels=1,
        classes=10,
    )


# ---------------------------------------------------------------------------------------------------------------
# torchvision's data sets


@dataclasses.dataclass(frozen=True)
class _Published:
    """What `_torchvision` knows of a published data set; mean and deviation are those of its training pictures."""

    title: str
    make: Callable[..., Dataset[Any]]
    size: int
    classes: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    augment: tuple[v2.Transform, ...]


_CIFAR = (v2.RandomCrop(32, padding=4), v2.RandomHorizontalFlip())
_PUBLISHED = {
    "cifar10": _Published(
        "CIFAR-10", datasets.CIFAR10, 32, 10, (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616), _CIFAR
    ),
    "cifar100": _Published(
        "CIFAR-100", datasets.CIFAR100, 32, 100, (0.5071, 0.4865, 0.4409), (0.2673, 0.2564, 0.2762), _CIFAR
    ),
    "mnist": _Published("MNIST", datasets.MNIST, 28, 10, (0.1307,), (0.3081,), (v2.RandomCrop(28, padding=2),)),
    "fashion-mnist": _Published(
        "Fashion-MNIST",
        datasets.FashionMNIST,
        28,
        10,
        (0.2860,),
        (0.3530,),
        (v2.RandomCrop(28, padding=2), v2.RandomHorizontalFlip()),
    ),
}


def _torchvision(kind: str, recipe: Recipe) -> Pictures:
    known, root = _PUBLISHED[kind], Path(recipe.root).expanduser()
    try:
        train, test = (
            known.make(
                root,
                train=is_train,
                transform=_transform(known.mean, known.std, *(known.augment if is_train else ())),
                download=recipe.download,
            )
            for is_train in (True, False)
        )
    # RuntimeError is torchvision's "not found or corrupted"; OSError comes from the network or the disk.
    except (RuntimeError, OSError) as error:
        if recipe.download:
            raise TrainingError(
                f"{known.title} could not be downloaded into {root}: {error}\n"
                "Where there is no network, put torchvision's files there by hand and leave --download out."
            ) from error
        raise TrainingError(
            f"{known.title} is not in {root}, or not whole. Where there is a network, add --download and "
            "torchvision fetches it;\nif you have it already, name the folder that it is in with --root DIR."
        ) from error
    return Pictures(train=train, test=test, size=known.size, channels=len(known.mean), classes=known.classes)


# ---------------------------------------------------------------------------------------------------------------
# a folder of photographs: PATH/train/<class>/*.jpg, and PATH/val or PATH/test likewise

PHOTO_SIZE, PHOTO_RESIZE = 224, 256
PHOTO_MEAN, PHOTO_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # ImageNet's


def _folder(root: Path) -> Pictures:
    test_root = next((root / name for name in ("val", "test") if (root / name).is_dir()), None)
    if not (root / "train").is_dir() or test_root is None:
        raise SettingError(
            f"{root} needs the folders train and val (or test), each with one folder of pictures per class, as in "
            f"{root / 'train' / 'cat' / '1.jpg'}"
        )
    augment = (v2.RandomResizedCrop(PHOTO_SIZE), v2.RandomHorizontalFlip())
    whole = (v2.Resize(PHOTO_RESIZE), v2.CenterCrop(PHOTO_SIZE))
    try:
        train = datasets.ImageFolder(str(root / "train"), _transform(PHOTO_MEAN, PHOTO_STD, *augment))
        test = datasets.ImageFolder(str(test_root), _transform(PHOTO_MEAN, PHOTO_STD, *whole))
    except FileNotFoundError as error:  # a folder without classes, or a class without pictures
        raise SettingError(str(error)) from error
    if train.classes != test.classes:
        raise SettingError(f"{root / 'train'} and {test_root} do not have the same classes")
    return Pictures(train=train, test=test, size=PHOTO_SIZE, channels=3, classes=len(train.classes))


def _transform(mean: tuple[float, ...], std: tuple[float, ...], *augment: v2.Transform) -> v2.Transform:
    """Return: augment, then a float tensor, normalised."""
    return v2.Compose([*augment, v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.Normalize(mean, std)])
