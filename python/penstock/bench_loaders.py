"""The loaders that `penstock bench` and `penstock demo` measure without a file of the user's own.

Loaded by path in the measuring process, as a user's file is; see `measure.py`.
"""

from typing import Any

__all__ = ["known", "photographs", "synthetic"]

MEAN, STD = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)  # CIFAR-10's


def synthetic(DataLoader: Any, *, batch_size: int, workers: int, count: int = 50_000) -> Any:  # noqa: N803
    """Return a loader of random images of CIFAR-10's size, with its usual augmentation.

    The dataset is torchvision's class, given arrays in memory that lie as those which it reads from CIFAR's files,
    one plane after another; only the files are left out, so nothing has to be downloaded.
    """
    import numpy as np
    from torchvision import transforms
    from torchvision.datasets import CIFAR10

    random = np.random.default_rng(0)
    dataset = CIFAR10.__new__(CIFAR10)
    dataset.data = random.integers(0, 256, (count, 3, 32, 32), dtype=np.uint8).transpose(0, 2, 3, 1)
    dataset.targets = random.integers(0, 10, count).tolist()
    dataset.target_transform = None
    dataset.transform = transforms.Compose(
        [
            transforms.RandomCrop(32, padding=4),
            transforms.RandomHorizontalFlip(),
            transforms.ToTensor(),
            transforms.Normalize(MEAN, STD),
        ]
    )
    return DataLoader(dataset, batch_size=batch_size, shuffle=True, num_workers=workers)


def photographs(DataLoader: Any, *, root: str, batch_size: int, workers: int) -> Any:  # noqa: N803
    """Return a loader of a folder of images with the usual augmentation for training on ImageNet."""
    from torchvision import transforms
    from torchvision.datasets import ImageFolder

    steps = [
        transforms.RandomResizedCrop(224),
        transforms.RandomHorizontalFlip(),
        transforms.ToTensor(),
        transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    ]
    dataset = ImageFolder(root, transforms.Compose(steps))
    return DataLoader(dataset, batch_size=batch_size, shuffle=True, num_workers=workers)


def known(DataLoader: Any, *, data: str, root: str, download: bool, batch_size: int, workers: int) -> Any:  # noqa: N803
    """Return the loader with which `penstock train` would train on one of its data sets.

    Raises:
        SystemExit: If the data set is not there, or not known; the message says what to do.
    """
    from penstock.train.data import load
    from penstock.train.recipe import TrainingError, recipe_for

    try:
        images = load(recipe_for(data, root=root, download=download))
    except TrainingError as error:
        raise SystemExit(str(error)) from error
    return DataLoader(images.train, batch_size=batch_size, shuffle=True, num_workers=workers)
