"""Settings of a training run: one dataclass, and how one is made of a named recipe or of a data set's own values.

`recipe_for("cifar10", epochs=40)` is the data set's recipe with some values changed, `recipe_for(recipe="cifar10-94")`
a named one. The values themselves are in `recipes.py`.
"""

import dataclasses
import math
from typing import Any, Literal

from penstock.errors import ArgumentError, CommandError
from penstock.train.recipes import DATA, RECIPES

__all__ = ["FREE_FIELDS", "Recipe", "SettingError", "TrainingError", "recipe_for"]


class TrainingError(CommandError):
    """Something that the user can put right; the message says how, and the command prints nothing else."""


class SettingError(TrainingError, ArgumentError):
    """A setting with which there is nothing to train."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Recipe:
    """Everything that a run depends on: the same recipe on the same machine gives the same weights.

    Attributes:
        data: "digits", "cifar10", "cifar100", "mnist", "fashion-mnist" or "folder:PATH".
        recipe: Name of the recipe that the values are of; None for the data set's own.
        epochs: Passes over the training images.
        batch_size: Images that a training step learns from, of all processes together.
        lr: Peak learning rate of SGD.
        schedule: "triangle" rises to the peak and falls to 0, "constant" stays there.
        warmup: Share of the steps during which a triangle rises.
        first_lr: Where it begins, as a share of the peak.
        momentum: Of SGD.
        nesterov: Whether it is Nesterov's.
        weight_decay: Of SGD.
        decay_norms: Whether weights and biases of batch normalisation decay as well.
        label_smoothing: Of the cross entropy.
        tta: Test-time augmentation; "mirror" takes the mean score of an image and its mirror image.
        stem: Of the network; "auto" suits the size of the images, "imagenet" is torchvision's in any case.
        amp: Whether a GPU computes in half precision, where that is enough.
        compile: Whether the network is compiled by `torch.compile`.
        statistics: Mean and deviation that images are normalised by: the data set's "own", or "imagenet"'s.
        padding_mode: Of `RandomCrop`, as torchvision names it.
        cutout: Side in pixels of a square that is erased of each normalised training image; 0 for none.
        crop: Side of the training crops of a folder of photographs, in pixels.
        seed: Of the weights, the order of the images and their augmentation.
        workers: The loader's `num_workers`; each worker draws from a stream of its own, as in torch.
        max_steps: Steps after which an epoch is cut off, for a quick look; None for none.
        device: "auto" is CUDA where there is a GPU.
        loader: Whose `DataLoader` makes the batches; they are the same.
        root: Folder of the data sets.
        download: Whether torchvision may download a missing data set.
        out: Folder of the run; None for the next free `runs/<data>-<number>`.
        checkpoint: File of the checkpoint; None for the one in the run's folder.
        checkpoint_every: Steps between two checkpoints within an epoch; None for none. One is written after each epoch.
    """

    data: str
    epochs: int
    batch_size: int
    lr: float
    recipe: str | None = None
    schedule: Literal["triangle", "constant"] = "triangle"
    warmup: float = 0.2
    first_lr: float = 0.2
    momentum: float = 0.9
    nesterov: bool = True
    weight_decay: float = 5e-4
    decay_norms: bool = True
    label_smoothing: float = 0.0
    tta: Literal["none", "mirror"] = "none"
    stem: Literal["auto", "imagenet"] = "auto"
    amp: bool = True
    compile: bool = False
    statistics: Literal["own", "imagenet"] = "own"
    padding_mode: Literal["constant", "reflect"] = "constant"
    cutout: int = 0
    crop: int = 224
    seed: int = 0
    workers: int = 2
    max_steps: int | None = None
    device: Literal["auto", "cpu", "cuda"] = "auto"
    loader: Literal["penstock", "torch"] = "penstock"
    root: str = "data"
    download: bool = False
    out: str | None = None
    checkpoint: str | None = None
    checkpoint_every: int | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be trained with, before anything is read or written."""
        for field in ("epochs", "batch_size", "max_steps", "checkpoint_every"):
            value = getattr(self, field)
            if value is not None and value < 1:
                raise SettingError(f"--{field.replace('_', '-')} is at least 1, got {value}")
        if self.workers < 0:
            raise SettingError(f"--workers is at least 0, got {self.workers}")
        if not 0 < self.lr < math.inf:
            raise SettingError(f"--lr is greater than 0, and finite, got {self.lr}")
        if not -SEEDS <= self.seed < SEEDS:
            raise SettingError(f"--seed is from {-SEEDS} to {SEEDS - 1}, got {self.seed}")
        if not 0 <= self.label_smoothing <= 1:
            raise SettingError(f"--label-smoothing is between 0 and 1, got {self.label_smoothing}")
        if self.tta == "mirror" and self.kind in SIGNS:
            raise SettingError(f"--tta mirror: a digit's mirror image is no digit, so it is not for {self.kind}")

    @property
    def kind(self) -> str:
        """The data set, without a folder's path."""
        return self.data.partition(":")[0]

    @property
    def copied(self) -> str | None:
        """The published data set of which the folder of images is a copy in files; None if it is none."""
        of = RECIPES[self.recipe]["data"] if self.recipe is not None else "folder"
        return of if self.kind == "folder" and of != "folder" else None


# These change where and how fast a run goes, not what is learned, so a resumed run may change them.
FREE_FIELDS = frozenset({"device", "loader", "root", "download", "out", "checkpoint", "checkpoint_every"})
# A number of 64 bits with a sign; to it epochs and processes are added before torch takes it.
SEEDS = 1 << 63
SIGNS = frozenset({"digits", "mnist"})


def recipe_for(data: str | None = None, *, recipe: str | None = None, **changes: Any) -> Recipe:
    """Return a recipe with some settings changed.

    Args:
        data: As `Recipe.data`; None for the named recipe's, or "digits".
        recipe: A name in `RECIPES`; None for the data set's own values.
        changes: Fields of `Recipe`; a value of None keeps the recipe's own.

    Raises:
        SettingError: If there is no such data set or recipe, one is not for the other, or a value is out of range.

    Example:
        >>> recipe_for("cifar10", epochs=40).batch_size
        512
    """
    if recipe is not None and recipe not in RECIPES:
        raise SettingError(f"--recipe {recipe} is not known; there are {', '.join(RECIPES)}")
    named = dict(RECIPES[recipe]) if recipe is not None else {}
    of = named.pop("data", None)
    data = data or ("digits" if of is None else of)
    kind, colon, path = data.partition(":")
    if of is not None and kind not in {of, "folder"}:
        suited = "folder:PATH" if of == "folder" else f"{of} or folder:PATH"
        raise SettingError(f"--recipe {recipe} is for --data {suited}")
    if kind not in DATA or (kind == "folder") != bool(colon and path):
        known = ", ".join("folder:PATH" if name == "folder" else name for name in DATA)
        raise SettingError(f"--data {data} is not known; there are {known}")
    given = {name: value for name, value in changes.items() if value is not None}
    return Recipe(data=data, recipe=recipe, **{**(named or DATA[kind]), **given})
