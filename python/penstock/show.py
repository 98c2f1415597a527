"""`penstock show`: what a loader gives the network, and the images that this was made of."""

import contextlib
import copy
import itertools
import operator
import random
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torchvision.transforms as v1
from PIL import Image
from torch import nn
from torch.utils.data import ConcatDataset, IterableDataset, Subset
from torchvision.transforms import v2
from torchvision.transforms.functional import to_pil_image

from penstock.bench_loaders import known, photographs
from penstock.counters import stats
from penstock.errors import ArgumentError, CommandError
from penstock.loader import DataLoader
from penstock.lowering.by_index import rng_of, seed_of
from penstock.outputs import writing
from penstock.sheet import Sample, draw
from penstock.tolerance.policy import OPTIONS, policy_of
from penstock.train.recipes import DATA
from penstock.wrappers import unwrap

__all__ = ["loader_over", "show"]

_CHANNELS = (1, 3)
_WORDS = 1 << 32
# Shares of a mixed target that are told.
_SHARES = 2
_BATCH = 12


def loader_over(data: str, root: str, *, download: bool = False) -> Any:
    """Return a loader over a folder of images or a data set that `penstock train` knows, with its usual augmentation.

    Args:
        data: A folder with one folder for each class, or with such a one named train; or as `Recipe.data`.
        root: Folder of the data sets that have names.
        download: Whether torchvision may fetch a missing one.

    Raises:
        ArgumentError: If there are no such images.
        CommandError: If a data set is not there.
    """
    options: dict[str, Any] = {"batch_size": _BATCH, "workers": 0}
    folder = Path(data).expanduser()
    try:
        if folder.is_dir():
            inner = folder / "train"
            return photographs(DataLoader, root=str(inner if inner.is_dir() else folder), **options)
        if data.partition(":")[0] not in DATA:
            raise ArgumentError(f"--data: there is no folder {data}, and of names there are {', '.join(DATA)}:PATH")
        return known(DataLoader, data=data, root=root, download=download, **options)
    except FileNotFoundError as error:  # of folders without images
        raise ArgumentError(f"--data: {_line(error)}") from None
    except SystemExit as error:
        raise (error.__cause__ or CommandError(str(error))) from None


def show(loader: Any, out: Path, *, samples: int, seed: int, title: str) -> str:
    """Draw a sheet of the first samples of an epoch; return what was drawn, in one line.

    The data set, its transforms and the collate function are the loader's; they run in this process.

    Args:
        loader: A `DataLoader`, or what a framework has wrapped around one, over samples that have indices.
        out: The file, a PNG.
        samples: At most so many.
        seed: Of torch's, Python's and NumPy's generators.
        title: Of the sheet.

    Raises:
        CommandError: If its batches cannot be made, or hold no images, or the file cannot be written.
    """
    try:
        loader = unwrap(loader, "show")
    except TypeError as error:
        raise CommandError(str(error)) from None
    dataset = loader.dataset
    if isinstance(dataset, IterableDataset) or loader.batch_sampler is None:
        raise CommandError("batches of samples that have indices can be shown, and this loader's are not")
    torch.manual_seed(seed)
    random.seed(seed)
    np.random.seed(seed % _WORDS)  # noqa: NPY002 - the one that transforms draw from
    with _refusing("the loader's batches cannot be made"):
        batches = [*_first(loader.batch_sampler, samples)]
        # One batch at a time, here, by whatever makes the loader's.
        rng: Any = rng_of(loader)
        options = {"collate_fn": loader.collate_fn, "rng": rng, "seed": seed_of(loader) or 0}
        options |= {name: getattr(loader, name, default) for name, default in OPTIONS.items()}
        shown: Any = DataLoader(dataset, batch_sampler=batches, **options)
        given = [*shown]
        loaded = filter(None, (_loaded(indices, shown) for indices in batches))
        made = [(indices, _images_in(batch, len(indices)), batch) for indices, batch in zip(loaded, given, strict=True)]
    normalize = _normalize_of(dataset)
    plain, classes = _without_transforms(dataset), _classes_of(dataset)
    drawn, how = list[Sample](), set[str]()
    for indices, images, batch in made:
        if images is None:
            raise CommandError(
                "the loader's batches hold no images, tensors of shape (N, C, H, W) with 1 or 3 channels"
            )
        labels = _labels_in(batch, len(indices), classes) or [""] * len(indices)
        for index, image, label in itertools.islice(zip(indices, images, labels, strict=True), samples - len(drawn)):
            after, means = _visible(image, normalize)
            how.add(means)
            drawn.append(Sample(f"{index}" if not label else f"{index}: {label}", _before(plain, index), after))
    if not drawn:
        raise CommandError("the loader has no samples")
    with writing(out):
        draw(drawn, title, f"right: what the network sees, {'; '.join(sorted(how))}").save(out, format="PNG")
    return f"{len(drawn)} samples in {out}, {'; '.join(sorted(how))}"


def _first(batches: Any, samples: int) -> Iterator[list[Any]]:
    """Yield an epoch's first batches, as many as it takes for so many samples."""
    count = 0
    for batch in batches:
        indices = list(batch)
        yield indices
        count += len(indices)
        if count >= samples:
            return


def _loaded(indices: list[Any], loader: Any) -> list[Any]:
    """Return the indices of a batch's samples: without the bad ones, or with those that took their places."""
    policy, bad = policy_of(loader), {sample.index for sample in stats(loader).bad}
    if policy is None or policy.skips:
        return [index for index in indices if index not in bad]
    found = []
    for index in indices:
        while index in bad:
            index = (operator.index(index) + 1) % len(loader.dataset)  # noqa: PLW2901 - as `Policy.after` has it
        found.append(index)
    return found


@contextlib.contextmanager
def _refusing(what: str) -> Iterator[None]:
    """Tell in one line what the user's code has raised."""
    try:
        yield
    except Exception as error:
        raise CommandError(f"{what}: {type(error).__name__}: {_line(error)}") from error


def _line(error: Exception) -> str:
    return " ".join(str(error).split())


# ---------------------------------------------------------------------------------------------------------------
# the batch


def _images_in(batch: Any, count: int) -> Any:
    """Return the first images in a batch: a tensor of shape (N, C, H, W), or a sequence of N of shape (C, H, W)."""
    if isinstance(batch, torch.Tensor):
        return batch if batch.ndim == 4 and len(batch) == count and batch.shape[1] in _CHANNELS else None
    if isinstance(batch, Mapping):
        batch = list(batch.values())
    if not isinstance(batch, Sequence) or isinstance(batch, str):
        return None
    if len(batch) == count and all(_is_image(each) for each in batch):
        return batch
    return next((found for found in (_images_in(each, count) for each in batch) if found is not None), None)


def _is_image(value: Any) -> bool:
    return isinstance(value, torch.Tensor) and value.ndim == 3 and value.shape[0] in _CHANNELS


def _labels_in(batch: Any, count: int, classes: Sequence[Any]) -> list[str]:
    """Return what is told of each sample's target: the first tensor of classes, or of their shares, in a batch."""
    if isinstance(batch, torch.Tensor):
        if len(batch) != count or batch.ndim == 0:
            return []
        if batch.ndim == 1:
            return [_class_of(value, classes) for value in batch.tolist()]
        return [_mixed(row, classes) for row in batch] if batch.ndim == 2 and batch.is_floating_point() else []
    values = list(batch.values()) if isinstance(batch, Mapping) else batch
    if not isinstance(values, (list, tuple)):
        return [""] * count
    if len(values) == count and all(isinstance(each, str) for each in values):
        return list(values)
    found = (
        _labels_in(each, count, classes) for each in values if isinstance(each, (torch.Tensor, list, tuple, Mapping))
    )
    return next((labels for labels in found if any(labels)), [""] * count)


def _class_of(value: Any, classes: Sequence[Any]) -> str:
    return str(classes[value]) if isinstance(value, int) and 0 <= value < len(classes) else f"{value}"


def _mixed(shares: torch.Tensor, classes: Sequence[Any]) -> str:
    """Return the classes with the greatest shares."""
    values, places = shares.topk(min(_SHARES, len(shares)))
    pairs = zip(values.tolist(), places.tolist(), strict=True)
    return " + ".join(f"{share:.0%} {_class_of(place, classes)}" for share, place in pairs if share > 0)


def _visible(image: torch.Tensor, normalize: Any) -> tuple[Image.Image, str]:
    """Return an image for people, and how it was made of the tensor."""
    values = image.detach().cpu()
    if values.dtype == torch.uint8:
        return to_pil_image(values), "bytes as they are"
    values = values.float()
    if normalize is not None and len(normalize[0]) in (1, len(values)):
        mean, std = (torch.tensor(each)[:, None, None] for each in normalize)
        values, how = values * std + mean, "Normalize undone"
    elif values.numel() and values.min() >= 0 and values.max() <= 1:
        how = "values as they are"
    else:
        low, high = (values.min(), values.max()) if values.numel() else (0.0, 1.0)
        values, how = (
            (values - low) / max(float(high - low), 1e-12),
            "each image stretched from its least value to its greatest",
        )
    return to_pil_image((values.clamp(0, 1) * 255).round().to(torch.uint8)), how


# ---------------------------------------------------------------------------------------------------------------
# the data set


def _parts(dataset: Any) -> list[Any]:
    """Return the data sets in a `Subset` or `ConcatDataset`, however deep; any other one itself."""
    if isinstance(dataset, Subset):
        return _parts(dataset.dataset)
    if isinstance(dataset, ConcatDataset):
        return [part for each in dataset.datasets for part in _parts(each)]
    return [dataset]


def _classes_of(dataset: Any) -> Sequence[Any]:
    """Return the names of classes, if the data sets agree on them."""
    found = [getattr(part, "classes", None) for part in _parts(dataset)]
    same = isinstance(found[0], (list, tuple)) and all(each == found[0] for each in found)
    return found[0] or () if same else ()


def _normalize_of(dataset: Any) -> tuple[list[float], list[float]] | None:
    """Return mean and deviation of the `Normalize` that ends the transforms; None if none is known to."""
    found = [_last(getattr(part, "transform", None)) for part in _parts(dataset)]
    kinds = (v1.Normalize, v2.Normalize)
    if not all(isinstance(each, kinds) for each in found):
        return None
    settings = [(_numbers(last.mean), _numbers(last.std)) for last in found]
    return settings[0] if all(each == settings[0] for each in settings) else None


def _numbers(values: Any) -> list[float]:
    return [float(value) for value in torch.as_tensor(values).flatten()]


def _last(transform: Any) -> Any:
    """Return the transform of a pipeline that is made last; what erases afterwards leaves the values' scale."""
    if isinstance(transform, (v1.Compose, v2.Compose, nn.Sequential)):
        steps = list(transform if isinstance(transform, nn.Sequential) else transform.transforms)
        scaled = [each for each in steps if not isinstance(each, (v1.RandomErasing, v2.RandomErasing, v2.ToPureTensor))]
        return _last(scaled[-1]) if scaled else None
    return transform


def _without_transforms(dataset: Any) -> Any:
    """Return a data set that gives its images as they are; None if it is not known how to have them so."""
    if isinstance(dataset, (Subset, ConcatDataset)):
        name = "dataset" if isinstance(dataset, Subset) else "datasets"
        inner = vars(dataset)[name]
        plain = [_without_transforms(each) for each in (inner if name == "datasets" else [inner])]
        if any(each is None for each in plain):
            return None
        copied = copy.copy(dataset)
        vars(copied)[name] = plain if name == "datasets" else plain[0]
        return copied
    names = {"transform", "target_transform", "transforms"} & getattr(dataset, "__dict__", {}).keys()
    if not names & {"transform", "transforms"}:
        return None
    copied = copy.copy(dataset)
    vars(copied).update(dict.fromkeys(names))
    return copied


def _before(plain: Any, index: Any) -> Image.Image | None:
    """Return a sample's image as it was before its transforms; None if the data set gives none without."""
    if plain is None:
        return None
    try:
        sample = plain[index]
        parts = (
            sample.values()
            if isinstance(sample, Mapping)
            else sample
            if isinstance(sample, (tuple, list))
            else [sample]
        )
        return next(filter(None, map(_image_of, parts)), None)
    except Exception:
        return None  # it takes what its transforms make for granted


def _image_of(value: Any) -> Image.Image | None:
    if isinstance(value, torch.Tensor):
        value = to_pil_image(value) if _is_image(value) and value.dtype == torch.uint8 else None
    if isinstance(value, np.ndarray):
        value = Image.fromarray(value) if value.dtype == np.uint8 and value.ndim in (2, 3) else None
    return value.convert("RGB") if isinstance(value, Image.Image) else None
