"""torchvision's datasets as they come from files: the formats are the real ones, the images made up."""

import struct
from pathlib import Path

import numpy as np
import pytest
import scipy.io
import torch
import torchvision.transforms as v1
from support.images import cifar_files
from support.record import Walk, assert_parity, batches
from support.workers import ReferenceLoader
from torch.utils.data import random_split
from torchvision import datasets as tv

import penstock

AUGMENT = v1.Compose([v1.RandomCrop(32, padding=4), v1.RandomHorizontalFlip(), v1.ToTensor()])
GRAY = v1.Compose([v1.RandomCrop(28, padding=2, padding_mode="reflect"), v1.ToTensor(), v1.Normalize([0.13], [0.31])])


@pytest.fixture(autouse=True)
def no_checksums(monkeypatch):
    """Made-up files cannot have the MD5 sums of the real ones."""
    for module in ("cifar", "svhn", "stl10", "mnist"):
        monkeypatch.setattr(f"torchvision.datasets.{module}.check_integrity", lambda path, *_: Path(path).exists())


def idx(path, array, kind):
    """Write an array in MNIST's format."""
    path.parent.mkdir(parents=True, exist_ok=True)
    header = struct.pack(f">HBB{array.ndim}I", 0, kind, array.ndim, *array.shape)
    path.write_bytes(header + array.tobytes())


def cifar(root, *, fine=False, train=True):
    cifar_files(root, 9, fine=fine)
    return (tv.CIFAR100 if fine else tv.CIFAR10)(root, train=train, transform=AUGMENT)


def mnist(root, cls=tv.MNIST):
    rng = np.random.default_rng(0)
    for part in ("train", "t10k"):
        folder = root / cls.__name__ / "raw"
        idx(folder / f"{part}-images-idx3-ubyte", rng.integers(0, 256, (11, 28, 28), dtype=np.uint8), 8)
        idx(folder / f"{part}-labels-idx1-ubyte", rng.integers(0, 10, 11, dtype=np.uint8), 8)
    return cls(root, transform=GRAY)


def emnist(root):
    rng = np.random.default_rng(0)
    folder = root / "EMNIST" / "raw"
    idx(folder / "emnist-letters-train-images-idx3-ubyte", rng.integers(0, 256, (11, 28, 28), dtype=np.uint8), 8)
    idx(folder / "emnist-letters-train-labels-idx1-ubyte", rng.integers(0, 26, 11, dtype=np.uint8), 8)
    return tv.EMNIST(root, "letters", transform=GRAY)


def qmnist(root, *, compat=True):
    rng = np.random.default_rng(0)
    folder = root / "QMNIST" / "raw"
    idx(folder / "qmnist-train-images-idx3-ubyte", rng.integers(0, 256, (11, 28, 28), dtype=np.uint8), 8)
    idx(folder / "qmnist-train-labels-idx2-int", rng.integers(0, 9, (11, 8)).astype(">i4"), 0x0C)
    return tv.QMNIST(root, transform=GRAY, compat=compat)


def svhn(root):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (32, 32, 3, 11), dtype=np.uint8)
    scipy.io.savemat(root / "train_32x32.mat", {"X": images, "y": rng.integers(1, 11, (11, 1))})
    return tv.SVHN(root, transform=AUGMENT)


def stl10(root, split="train"):
    rng = np.random.default_rng(0)
    folder = root / "stl10_binary"
    folder.mkdir()
    for name in ("train", "unlabeled", "test"):
        rng.integers(0, 256, (5, 3, 96, 96), dtype=np.uint8).tofile(folder / f"{name}_X.bin")
        rng.integers(1, 11, 5, dtype=np.uint8).tofile(folder / f"{name}_y.bin")
    return tv.STL10(root, split, transform=AUGMENT)


MAKERS = {
    "CIFAR10": cifar,
    "CIFAR10 test": lambda root: cifar(root, train=False),
    "CIFAR100": lambda root: cifar(root, fine=True),
    "MNIST": mnist,
    "FashionMNIST": lambda root: mnist(root, tv.FashionMNIST),
    "KMNIST": lambda root: mnist(root, tv.KMNIST),
    "EMNIST": emnist,
    "QMNIST": qmnist,
    "QMNIST, whole targets": lambda root: qmnist(root, compat=False),
    "SVHN": svhn,
    "STL10": stl10,
    "STL10 unlabeled": lambda root: stl10(root, "unlabeled"),
    "STL10 train+unlabeled": lambda root: stl10(root, "train+unlabeled"),
}


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("maker", MAKERS.values(), ids=MAKERS)
def test_native_and_equal(maker, workers, tmp_path):
    dataset = maker(tmp_path)

    def make(cls):
        return cls(dataset, 4, shuffle=True, num_workers=workers)

    assert penstock.explain(make(penstock.DataLoader)).native
    assert batches(assert_parity(make, penstock.DataLoader, ReferenceLoader, Walk((None, 1, None))))


def test_cifar_lies_in_planes(tmp_path):
    """What the fast path for CIFAR is made for, as torchvision reads it."""
    assert cifar(tmp_path).data.strides == (3072, 32, 1, 1024)


@pytest.mark.parametrize("workers", [0, 2])
def test_random_split(workers, tmp_path):
    dataset = cifar(tmp_path)
    train, rest = random_split(dataset, [0.8, 0.2], torch.Generator().manual_seed(0))

    def make(cls):
        return cls(train, 7, shuffle=True, num_workers=workers, drop_last=True)

    assert penstock.explain(make(penstock.DataLoader)).native
    assert_parity(make, penstock.DataLoader, ReferenceLoader, Walk((None, None)))
    # Both halves share one dataset: its transform changes in both.
    rest.dataset.transform = v1.ToTensor()
    assert_parity(make, penstock.DataLoader, ReferenceLoader)
