"""Settings of a training run: one dataclass, and a good set of values for each data set.

`recipe_for("cifar10", epochs=40)` is the data set's recipe with some values changed. What belongs to the pictures
rather than to the training (their mean, their augmentation) is in `data.py`.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any, Literal

from penstock.errors import ArgumentError, CommandError

__all__ = ["DATA", "FREE_FIELDS", "Recipe", "SettingError", "TrainingError", "recipe_for"]


class TrainingError(CommandError):
    """Something that the user can put right; the message says how, and the command prints nothing else."""


class SettingError(TrainingError, ArgumentError):
    """A setting with which there is nothing to train."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Recipe:
    """Everything that a run depends on: the same recipe on the same machine gives the same weights.

    Attributes:
        data: "digits", "cifar10", "cifar100", "mnist", "fashion-mnist" or "folder:PATH".
        epochs: Passes over the training pictures.
        batch_size: Pictures in a training batch.
        lr: Peak learning rate of SGD with Nesterov momentum.
        warmup: Share of the steps during which the learning rate rises to its peak; then it falls to 0.
        momentum: Of SGD.
        weight_decay: Of SGD, on all parameters.
        label_smoothing: Of the cross entropy.
        seed: Of the weights, the order of the pictures and their augmentation.
        workers: The loader's `num_workers`; each worker draws from a stream of its own, as in torch.
        max_steps: Steps after which an epoch is cut off, for a quick look; None for none.
        device: "auto" is CUDA where there is a GPU.
        loader: Whose `DataLoader` makes the batches; they are the same.
        root: Folder of the data sets.
        download: Whether torchvision may download a missing data set.
        out: Folder of the run; None for the next free `runs/<data>-<number>`.
    """

    data: str
    epochs: int
    batch_size: int
    lr: float
    warmup: float = 0.2
    momentum: float = 0.9
    weight_decay: float = 5e-4
    label_smoothing: float = 0.0
    seed: int = 0
    workers: int = 2
    max_steps: int | None = None
    device: Literal["auto", "cpu", "cuda"] = "auto"
    loader: Literal["penstock", "torch"] = "penstock"
    root: str = "data"
    download: bool = False
    out: str | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be trained with, before anything is read or written."""
        for field in ("epochs", "batch_size"):
            if getattr(self, field) < 1:
                raise SettingError(f"--{field.replace('_', '-')} is at least 1, got {getattr(self, field)}")
        if self.workers < 0:
            raise SettingError(f"--workers is at least 0, got {self.workers}")
        if not self.lr > 0:
            raise SettingError(f"--lr is greater than 0, got {self.lr}")


# These change where and how fast a run goes, not what is learned, so a resumed run may change them.
FREE_FIELDS = frozenset({"device", "loader", "root", "download", "out"})

DATA: Mapping[str, Mapping[str, Any]] = {
    # Few pictures and many passes over them: what keeps the network from learning them by heart is turned up.
    "digits": {
        "epochs": 12,
        "batch_size": 32,
        "lr": 0.02,
        "warmup": 0.4,
        "weight_decay": 5e-3,
        "label_smoothing": 0.1,
    },
    "cifar10": {"epochs": 26, "batch_size": 512, "lr": 0.2},
    "cifar100": {"epochs": 40, "batch_size": 512, "lr": 0.2, "label_smoothing": 0.1},
    "mnist": {"epochs": 5, "batch_size": 128, "lr": 0.05},
    "fashion-mnist": {"epochs": 15, "batch_size": 128, "lr": 0.05},
    "folder": {
        "epochs": 16,
        "batch_size": 256,
        "lr": 0.125,
        "warmup": 0.1,
        "weight_decay": 5e-5,
        "label_smoothing": 0.1,
    },
}


def recipe_for(data: str = "digits", **changes: Any) -> Recipe:
    """Return the recipe of a data set with some settings changed.

    Args:
        data: As `Recipe.data`.
        changes: Fields of `Recipe`; a value of None keeps the recipe's own.

    Raises:
        SettingError: If there is no such data set or a value is out of range.

    Example:
        >>> recipe_for("cifar10", epochs=40).batch_size
        512
    """
    kind, colon, path = data.partition(":")
    if kind not in DATA or (kind == "folder") != bool(colon and path):
        known = ", ".join("folder:PATH" if name == "folder" else name for name in DATA)
        raise SettingError(f"--data {data} is not known; there are {known}")
    given = {name: value for name, value in changes.items() if value is not None}
    return Recipe(data=data, **{**DATA[kind], **given})
