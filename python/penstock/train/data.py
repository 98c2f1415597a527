"""The images of each data set: where they are, how they are augmented, and what to do if they are missing.

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

__all__ = ["Digits", "Images", "load"]


@dataclasses.dataclass(frozen=True)
class Images:
    """A data set, ready for a loader.

    Attributes:
        train: Augmented training images with their classes.
        test: The images that accuracy is measured on.
        title: What they are, as it is said beside an accuracy.
        size: Side of the square training images in pixels.
        channels: 1 for gray, 3 for colour.
        classes: Number of classes.
    """

    train: Dataset[Any]
    test: Dataset[Any]
    title: str
    size: int
    channels: int
    classes: int


def load(recipe: Recipe) -> Images:
    """Return the recipe's images.

    Raises:
        TrainingError: If they are not there, naming what to do; or if a package is missing.
    """
    kind, _, path = recipe.data.partition(":")
    if kind == "digits":
        return _digits()
    if kind == "folder" and recipe.copied is not None:
        return _copy(Path(path).expanduser(), recipe.copied, recipe)
    if kind == "folder":
        return _folder(Path(path).expanduser(), recipe.crop)
    return _torchvision(kind, recipe)


# ---------------------------------------------------------------------------------------------------------------
# scikit-learn's handwritten digits: 1,797 gray images of 8x8 pixels, shipped inside its wheel

DIGITS_TRAIN = 898  # the file's first half, and the second for testing: the split of scikit-learn's own example
DIGITS_SCALE = 15  # the file counts ink from 0 to 16; 15 is the largest factor that keeps every count exact in a uint8


class Digits(ImageDataset):
    """Handwritten digits in memory."""

    def __init__(self, images: npt.NDArray[np.uint8], labels: npt.NDArray[np.int64], transform: v2.Transform) -> None:
        self.images, self.labels, self.transform = images, labels, transform

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.images)

    def locate(self, index: int) -> tuple[npt.NDArray[np.uint8], int]:
        """Return an image's pixels and its digit."""
        return self.images[index], int(self.labels[index])


def _digits() -> Images:
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
    return Images(
        # A digit mirrored is another sign, so these are moved by a pixel and no more.
        train=Digits(images[train], labels[train], _transform(mean, std, v2.RandomCrop(8, padding=1))),
        test=Digits(images[test], labels[test], _transform(mean, std)),
        title="handwritten digits",
        size=8,
        channels=1,
        classes=10,
    )


# ---------------------------------------------------------------------------------------------------------------
# torchvision's data sets


@dataclasses.dataclass(frozen=True)
class _Published:
    """What `_torchvision` knows of a published data set; mean and deviation are those of its training images."""

    title: str
    make: Callable[..., Dataset[Any]]
    size: int
    classes: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    padding: int
    mirrored: bool

    def transforms(self, recipe: Recipe) -> tuple[v2.Transform, v2.Transform]:
        """Return a recipe's transforms of the training and of the test images."""
        mean, std = (self.mean, self.std) if recipe.statistics == "own" else (IMAGENET_MEAN, IMAGENET_STD)
        augment = [v2.RandomCrop(self.size, padding=self.padding, padding_mode=recipe.padding_mode)]
        if self.mirrored:
            augment.append(v2.RandomHorizontalFlip())
        return _transform(mean, std, *augment, erased=_cutout(recipe.cutout, self.size)), _transform(mean, std)


IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_PUBLISHED = {
    "cifar10": _Published(
        "CIFAR-10", datasets.CIFAR10, 32, 10, (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616), 4, mirrored=True
    ),
    "cifar100": _Published(
        "CIFAR-100", datasets.CIFAR100, 32, 100, (0.5071, 0.4865, 0.4409), (0.2673, 0.2564, 0.2762), 4, mirrored=True
    ),
    "mnist": _Published("MNIST", datasets.MNIST, 28, 10, (0.1307,), (0.3081,), 2, mirrored=False),
    "fashion-mnist": _Published("Fashion-MNIST", datasets.FashionMNIST, 28, 10, (0.2860,), (0.3530,), 2, mirrored=True),
}


def _cutout(side: int, size: int) -> tuple[v2.Transform, ...]:
    """Return what erases a square of every image, whole and anywhere in it, with the mean colour: 0 by then."""
    share = side * side / (size * size)
    return (v2.RandomErasing(p=1.0, scale=(share, share), ratio=(1.0, 1.0), value=0),) if side else ()


def _torchvision(kind: str, recipe: Recipe) -> Images:
    known, root = _PUBLISHED[kind], Path(recipe.root).expanduser()
    try:
        train, test = (
            known.make(root, train=is_train, transform=transform, download=recipe.download)
            for is_train, transform in zip((True, False), known.transforms(recipe), strict=True)
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
    return Images(train, test, known.title, known.size, len(known.mean), known.classes)


# ---------------------------------------------------------------------------------------------------------------
# a folder of photographs: PATH/train/<class>/*.jpg, and PATH/val or PATH/test likewise

TEST_RESIZE, TEST_CROP = 256, 224
LOSSY = {".jpg", ".jpeg"}


def _folder(root: Path, crop: int) -> Images:
    augment = (v2.RandomResizedCrop(crop), v2.RandomHorizontalFlip())
    whole = (v2.Resize(TEST_RESIZE), v2.CenterCrop(TEST_CROP))
    mean, std = IMAGENET_MEAN, IMAGENET_STD
    train, test = _parts(root, _transform(mean, std, *augment), _transform(mean, std, *whole))
    return Images(train, test, str(root), crop, 3, len(train.classes))


def _copy(root: Path, kind: str, recipe: Recipe) -> Images:
    """Return a published data set's images from files that somebody has made of it, and call them so."""
    known = _PUBLISHED[kind]
    train, test = _parts(root, *known.transforms(recipe))
    for part in (train, test):
        path, _ = part.samples[0]
        width, height = part.loader(path).size
        if (width, height) != (known.size, known.size):
            raise SettingError(
                f"--recipe {recipe.recipe} is for {known.title}, but {path} is of {width}x{height} pixels"
            )
    # What a lossy copy has lost costs points, so no accuracy on it may pass for one on the data set.
    lossy = any(Path(path).suffix.lower() in LOSSY for part in (train, test) for path, _ in part.samples)
    title = f"a JPEG copy of {known.title}" if lossy else f"a copy of {known.title} in files"
    return Images(train, test, title, known.size, len(known.mean), len(train.classes))


def _parts(root: Path, train: v2.Transform, test: v2.Transform) -> tuple[datasets.ImageFolder, datasets.ImageFolder]:
    """Return the training and the test images of a folder.

    Raises:
        SettingError: If it does not have them.
    """
    test_root = next((root / name for name in ("val", "test") if (root / name).is_dir()), None)
    if not (root / "train").is_dir() or test_root is None:
        raise SettingError(
            f"{root} needs the folders train and val (or test), each with one folder of images per class, as in "
            f"{root / 'train' / 'cat' / '1.jpg'}"
        )
    try:
        parts = datasets.ImageFolder(str(root / "train"), train), datasets.ImageFolder(str(test_root), test)
    except FileNotFoundError as error:  # a folder without classes, or a class without images
        raise SettingError(str(error)) from error
    if parts[0].classes != parts[1].classes:
        raise SettingError(f"{root / 'train'} and {test_root} do not have the same classes")
    return parts


def _transform(
    mean: tuple[float, ...], std: tuple[float, ...], *augment: v2.Transform, erased: tuple[v2.Transform, ...] = ()
) -> v2.Transform:
    """Return: augment, then a float tensor, normalised, of which something may be erased."""
    to_floats = (v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.Normalize(mean, std))
    return v2.Compose([*augment, *to_floats, *erased])
