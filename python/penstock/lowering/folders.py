"""Datasets of files: torchvision's, opened by its stock loader."""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import torchvision
from PIL import Image
from torchvision import datasets as tv
from torchvision.datasets import folder
from torchvision.datasets.vision import StandardTransform
from torchvision.io import decode_image, read_image

from penstock import _native
from penstock.lowering.known import is_pristine
from penstock.lowering.pillow import pixel_limit, why_not
from penstock.lowering.readers import FileReader, FileRef
from penstock.lowering.transforms import Pipeline
from penstock.ops.opaque import Opaque

__all__ = ["KINDS", "LEFT", "FileKind", "check_files", "check_loader", "open_rgb", "pairs", "reader_of", "signature"]

_LookUp = Callable[[Any], tuple[Any, Any]]
# How many files are looked at to see whether most of them are decoded natively.
_LOOKED_AT = 8
# And how many of these are compared with the dataset's own samples.
_COMPARED = 2


@dataclasses.dataclass(frozen=True)
class FileKind:
    """A family of datasets with one `__getitem__`, which opens a file.

    Attributes:
        lists: The attributes in which it finds files and targets.
        look_up: Returns, for these lists and options, the function that finds a sample's path and target as that
            method does.
        options: Further attributes that it reads.
        loader: How it opens a file; by `self.loader` if None.
        joint: Whether it applies `self.transforms` to image and target together.
    """

    lists: tuple[str, ...]
    look_up: Callable[..., _LookUp]
    options: tuple[str, ...] = ()
    loader: Callable[[Any], Any] | None = None
    joint: bool = False

    def check(self, dataset: Any) -> None:
        """Raise `Opaque` if more than the attributes has to be known of a dataset, and is not."""

    def values_of(self, dataset: Any) -> tuple[list[Any], list[Any]]:
        """Return a dataset's lists and options."""
        return [getattr(dataset, name) for name in self.lists], [getattr(dataset, name) for name in self.options]

    def bare(self, dataset: Any, lists: list[Any]) -> Any:  # noqa: ARG002 - most have no other lists than they had
        """Return a dataset, whose transforms were taken off, with lists that nobody edits."""
        return dataset

    def reader(
        self,
        look_up: _LookUp,
        loader: Any,
        pipeline: Pipeline,
        target_transform: Any,
        bare: Any,  # noqa: ARG002
    ) -> FileReader:
        """Return what reads the images; see `reader_of`."""
        return FileReader(look_up, loader, pipeline, target_transform)

    @property
    def attributes(self) -> tuple[str, ...]:
        """All attributes that its datasets must have, but for the transforms."""
        return (*self.lists, *self.options, *(() if self.loader else ("loader",)))

    def transforms_of(self, dataset: Any) -> tuple[Any, Any]:
        """Return a dataset's `transform` and `target_transform`.

        Raises:
            Opaque: If it has joint transforms of another kind.
        """
        if not self.joint or dataset.transforms is None:
            return (None, None) if self.joint else (dataset.transform, dataset.target_transform)
        both = dataset.transforms
        if type(both) is not StandardTransform or not is_pristine(StandardTransform):
            raise Opaque("its transforms= are applied to image and target together")
        return both.transform, both.target_transform


def pairs(samples: Any) -> _LookUp:
    """Return what looks a sample up that is a path and a target."""

    def look_up(index: Any) -> tuple[Any, Any]:
        path, target = samples[index]
        return path, target

    return look_up


def _apart(files: Any, labels: Any) -> _LookUp:
    return lambda index: (files[index], labels[index])


def _pets(images: Any, labels: Any, binary: Any, types: Any) -> _LookUp:
    known = {"category": labels, "binary-category": binary}
    if any(kind not in known for kind in types):
        raise Opaque("its targets are images")
    if not len(images) == len(labels) == len(binary):
        raise Opaque("its lists differ in length")
    columns = [known[kind] for kind in types]

    def look_up(index: Any) -> tuple[Any, Any]:
        path = images[index]
        targets = tuple(column[index] for column in columns)
        return path, (targets if len(targets) > 1 else targets[0] if targets else None)

    return look_up


def open_rgb(path: Any) -> Image.Image:
    """Return an image in three colours."""
    with Image.open(path) as image:
        return image.convert("RGB")


_TWO_LISTS = FileKind(("_image_files", "_labels"), _apart)
KINDS: dict[Any, FileKind] = {
    tv.DatasetFolder.__getitem__: FileKind(("samples",), pairs),
    tv.Imagenette.__getitem__: FileKind(("_samples",), pairs),
    tv.StanfordCars.__getitem__: FileKind(("_samples",), pairs),
    tv.GTSRB.__getitem__: FileKind(("_samples",), pairs, loader=open_rgb),
    tv.Food101.__getitem__: _TWO_LISTS,
    tv.Flowers102.__getitem__: _TWO_LISTS,
    tv.DTD.__getitem__: _TWO_LISTS,
    tv.FGVCAircraft.__getitem__: _TWO_LISTS,
    tv.SUN397.__getitem__: _TWO_LISTS,
    tv.OxfordIIITPet.__getitem__: FileKind(
        ("_images", "_labels", "_bin_labels"), _pets, ("_target_types",), open_rgb, joint=True
    ),
}
# Datasets of files that are left to torch, and why.
LEFT: dict[Any, str] = {
    tv.CelebA.__getitem__: "it does not convert its images to RGB, so each has the channels of its file",
    tv.PCAM.__getitem__: "h5py opens its file for each image",
}


def signature() -> list[Any]:
    """Return what opening a file depends on beyond the dataset."""
    return [folder.default_loader, folder.pil_loader, torchvision.get_image_backend(), why_not()]


def check_loader(loader: Any) -> None:
    """Raise `Opaque` unless files are opened by torchvision's own function, and that by Pillow."""
    opener = loader.func if type(loader) is functools.partial else loader
    if opener is decode_image or opener is read_image:
        # A plan takes bytes in three channels, and these make something else of PNGs of 16 bits and animated GIFs.
        raise Opaque("its loader makes tensors whose kind depends on the file; without it, and ToImage() first, native")
    if loader is not folder.default_loader and loader is not folder.pil_loader:
        raise Opaque(f"its loader {getattr(loader, '__qualname__', type(loader).__name__)} is not torchvision's own")
    if not is_pristine(folder.default_loader) or not is_pristine(folder.pil_loader):
        raise Opaque("torchvision's loader was replaced")
    if torchvision.get_image_backend() != "PIL":
        raise Opaque(f"torchvision's image backend is {torchvision.get_image_backend()}")


def reader_of(
    kind: FileKind, look_up: _LookUp, count: int, pipeline: Pipeline, *, loader: Any, target_transform: Any, bare: Any
) -> FileReader:
    """Return where a dataset's images are, after a look at some of them.

    Args:
        kind: Of the dataset.
        look_up: Finds the path and target of a sample.
        count: Of samples.
        pipeline: For RGB.
        loader: Opens a file as the dataset does.
        target_transform: The dataset's.
        bare: The dataset without its transforms.

    Raises:
        Opaque: If torch's way would be faster or other.
    """
    if count == 0:
        raise Opaque("it holds no images")
    chosen = sorted({count * k // _LOOKED_AT for k in range(_LOOKED_AT)} | {count - 1})
    try:
        samples = [(index, *look_up(index)) for index in chosen]
    except (TypeError, ValueError):
        raise Opaque("its samples are no paths and targets") from None
    ours = check_files([FileRef.at(path) for _, path, _ in samples], pipeline)
    for sample in [sample for sample, native in zip(samples, ours, strict=True) if native][:_COMPARED]:
        _compare(bare, loader, sample)
    return kind.reader(look_up, loader, pipeline, target_transform, bare)


def check_files(files: list[FileRef], pipeline: Pipeline) -> list[bool]:
    """Return which of these files are decoded natively, as far as their headers tell.

    Raises:
        Opaque: If Pillow would open most of them; torch's processes do that side by side.
    """
    if (reason := why_not()) is not None:
        raise Opaque(reason)
    left = _native.Files([file.native for file in files], pipeline.plans, pixel_limit()).wait()
    if left.count(None) * 2 < len(files):
        raise Opaque("most of its files are none that penstock decodes")
    return [reason is None for reason in left]


def _compare(bare: Any, loader: Any, sample: tuple[int, Any, Any]) -> None:
    """Compare a sample with the dataset's own."""
    index, path, target = sample
    try:
        opened = loader(path)  # first, for some datasets take another sample if it raises
        image, own = bare[index]
    except Exception:  # raised again, in its place, when the sample is met
        return
    same = type(own) is type(target) and bool(np.all(np.asarray(own) == np.asarray(target)))
    if not same or image.mode != "RGB" or image.tobytes() != opened.tobytes():
        raise Opaque(f"its sample {index} differs from what penstock reads")
