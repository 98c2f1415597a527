"""Datasets of files: torchvision's, opened by its stock loader."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import torchvision
from torchvision import datasets as tv
from torchvision.datasets import folder

from penstock import _native
from penstock.lowering.known import is_pristine
from penstock.lowering.pillow import pixel_limit, why_not
from penstock.lowering.places import FilePlace, InFile
from penstock.lowering.transforms import Opaque, Pipeline

__all__ = ["KINDS", "FileKind", "check_files", "check_loader", "place_of", "signature"]

_LookUp = Callable[[Any], tuple[Any, Any]]
# How many files are looked at to see whether most of them are decoded natively.
_LOOKED_AT = 8
# And how many of these are compared with the dataset's own samples.
_COMPARED = 2


@dataclasses.dataclass(frozen=True)
class FileKind:
    """A family of datasets with one `__getitem__`, which opens a file by `self.loader`.

    Attributes:
        attributes: The lists of files and targets that it reads: one of pairs, or one of each.
    """

    attributes: tuple[str, ...]

    def look_up(self, *lists: Any) -> _LookUp:
        """Return the function that finds a sample's path and target as that method does."""
        if len(lists) == 1:
            (pairs,) = lists

            def of_pairs(index: Any) -> tuple[Any, Any]:
                path, target = pairs[index]
                return path, target

            return of_pairs
        files, labels = lists
        return lambda index: (files[index], labels[index])


_TWO_LISTS = FileKind(("_image_files", "_labels"))
KINDS: dict[Any, FileKind] = {
    tv.DatasetFolder.__getitem__: FileKind(("samples",)),
    tv.Imagenette.__getitem__: FileKind(("_samples",)),
    tv.StanfordCars.__getitem__: FileKind(("_samples",)),
    tv.Food101.__getitem__: _TWO_LISTS,
    tv.Flowers102.__getitem__: _TWO_LISTS,
    tv.DTD.__getitem__: _TWO_LISTS,
    tv.FGVCAircraft.__getitem__: _TWO_LISTS,
    tv.SUN397.__getitem__: _TWO_LISTS,
}


def signature() -> list[Any]:
    """Return what opening a file depends on beyond the dataset."""
    return [folder.default_loader, folder.pil_loader, torchvision.get_image_backend(), why_not()]


def check_loader(loader: Any) -> None:
    """Raise `Opaque` unless files are opened by torchvision's own function, and that by Pillow."""
    if loader is not folder.default_loader and loader is not folder.pil_loader:
        raise Opaque(f"its loader {getattr(loader, '__qualname__', type(loader).__name__)} is not torchvision's own")
    if not is_pristine(folder.default_loader) or not is_pristine(folder.pil_loader):
        raise Opaque("torchvision's loader was replaced")
    if torchvision.get_image_backend() != "PIL":
        raise Opaque(f"torchvision's image backend is {torchvision.get_image_backend()}")


def place_of(
    kind: FileKind, lists: list[Any], pipeline: Pipeline, *, loader: Any, target_transform: Any, bare: Any
) -> FilePlace:
    """Return where a dataset's pictures are, after a look at some of them.

    Args:
        kind: Of the dataset.
        lists: Its lists of files and targets.
        pipeline: For RGB.
        loader: The dataset's.
        target_transform: The dataset's.
        bare: The dataset without its transforms.

    Raises:
        Opaque: If torch's way would be faster or other.
    """
    count = min(map(len, lists))
    if count == 0:
        raise Opaque("it holds no pictures")
    look_up = kind.look_up(*lists)
    chosen = sorted({count * k // _LOOKED_AT for k in range(_LOOKED_AT)} | {count - 1})
    try:
        samples = [(index, *look_up(index)) for index in chosen]
    except (TypeError, ValueError):
        raise Opaque("its samples are no paths and targets") from None
    ours = check_files([InFile.at(path) for _, path, _ in samples], pipeline)
    for sample in [sample for sample, native in zip(samples, ours, strict=True) if native][:_COMPARED]:
        _compare(bare, loader, sample)
    return FilePlace(look_up, loader, pipeline, target_transform)


def check_files(files: list[InFile], pipeline: Pipeline) -> list[bool]:
    """Return which of these files are decoded natively, as far as their headers tell.

    Raises:
        Opaque: If Pillow would open most of them; torch's processes do that side by side.
    """
    if (reason := why_not()) is not None:
        raise Opaque(reason)
    left = _native.Files([file.place for file in files], pipeline.plan, pixel_limit()).wait()
    if left.count(None) * 2 < len(files):
        raise Opaque("most of its files are none that penstock decodes")
    return [reason is None for reason in left]


def _compare(bare: Any, loader: Any, sample: tuple[int, Any, Any]) -> None:
    """Compare a sample with the dataset's own."""
    index, path, target = sample
    try:
        image, own = bare[index]
        opened = loader(path)
    except Exception:  # raised again, in its place, when the sample is met
        return
    same = type(own) is type(target) and bool(np.all(np.asarray(own) == np.asarray(target)))
    if not same or image.mode != "RGB" or image.tobytes() != opened.tobytes():
        raise Opaque(f"its sample {index} differs from what penstock reads")
