"""timm's `ImageDataset` over a folder, and its `fast_collate`.

timm may be imported by the program at any time, so both are looked up when a loader is lowered. The data set takes the
next sample if a file cannot be opened, and says so; its own code does it, without its transforms, for each file that is
not decoded natively.
"""

import copy
import dataclasses
import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar

import torch
from PIL import Image
from torch.utils.data import default_collate

from penstock import _native, agreement
from penstock.compat import timm
from penstock.generators import Streams
from penstock.lowering import folders
from penstock.lowering.known import instance_attribute, is_pristine, plain_lookup
from penstock.lowering.mixing import Mixed
from penstock.lowering.readers import FileReader, FileRef, LeafReader, SampleRef, Targets
from penstock.lowering.transforms import Pipeline
from penstock.ops.opaque import Opaque

__all__ = ["KIND", "Copying", "copying_of", "kind_of", "signature"]

_DATASET, _READER, _LOADER = "timm.data.dataset", "timm.data.readers.reader_image_folder", "timm.data.loader"
# Sizes of images, (height, width), that have to become as large as each other.
_SIZES = ((64, 64), (97, 53), (31, 77))


class _Skipping(FileReader):
    """A dataset that takes the next sample if a file cannot be opened.

    Args:
        look_up: See `FileReader`.
        bare: The dataset.
        pipeline: See `FileReader`.
        target_transform: See `FileReader`.
    """

    def __init__(
        self,
        look_up: Callable[[Any], tuple[Any, Any]],
        bare: "_Bare",
        pipeline: Pipeline,
        target_transform: Callable[[Any], Any] | None,
    ) -> None:
        super().__init__(look_up, folders.open_rgb, pipeline, functools.partial(_target_of, target_transform))
        self._bare = bare

    def walk(self, indices: Sequence[Any]) -> Iterator[tuple[LeafReader, Any, Any]]:
        """See `Reader`."""
        for index in indices:
            path, target = self._look_up(index)
            yield self, FileRef(SampleRef(index, path, target), FileRef.at(path).native), target

    def open(self, where: Any) -> Any:
        """See `LeafReader`."""
        image, _, taken = self._bare.taken(where.index)
        if len(taken) > 1:
            where.is_other = True
            _, where.target = self._look_up(taken[-1])
        return image


class _Bare:
    """A dataset of timm's without its transforms, of which the files are closed.

    Args:
        dataset: Which it is.
        samples: Of its reader.
    """

    def __init__(self, dataset: Any, samples: Any) -> None:
        self._dataset, self._reader = dataset, copy.copy(dataset.reader)
        self._reader.samples = samples

    def __getitem__(self, index: Any) -> tuple[Any, Any]:
        return self.taken(index)[:2]

    def taken(self, index: Any) -> tuple[Any, Any, list[Any]]:
        """Return the image and the target that it gives, and the indices that it has tried."""
        dataset, asked = copy.copy(self._dataset), _Asked(self._reader)
        dataset.reader = asked
        try:
            return *dataset[index], asked.indices
        finally:
            for file in asked.files:
                file.close()


class _Asked:
    """A reader of timm's, and what it was asked for.

    Args:
        reader: timm's.

    Attributes:
        indices: One after the other.
        files: That it has opened.
    """

    def __init__(self, reader: Any) -> None:
        self._reader = reader
        self.indices: list[Any] = []
        self.files: list[Any] = []

    def __getitem__(self, index: Any) -> Any:
        self.indices.append(index)
        file, *others = self._reader[index]
        self.files.append(file)
        return file, *others

    def __len__(self) -> int:
        return len(self._reader)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reader, name)


def _target_of(target_transform: Callable[[Any], Any] | None, target: Any) -> Any:
    """Return what timm's data set makes of a target."""
    if target is None:
        return -1
    return target if target_transform is None else target_transform(target)


@dataclasses.dataclass(frozen=True)
class _Kind(folders.FileKind):
    """timm's `ImageDataset`."""

    def check(self, dataset: Any) -> None:
        """See `FileKind`."""
        reader, module = dataset.reader, timm.module(_READER)
        if module is None or type(reader) is not module.ReaderImageFolder:
            raise Opaque(f"its reader is a {type(reader).__name__}")
        own = is_pristine(type(reader)) and plain_lookup(type(reader)) and instance_attribute(reader, "samples")
        if not own or "open" in vars(module) or getattr(timm.module(_DATASET), "Image", None) is not Image:
            raise Opaque("its reader is not as timm made it")
        if dataset.load_bytes or dataset.additional_features is not None:
            raise Opaque("its samples are more than an image and a target")
        if dataset.input_img_mode != "RGB":
            raise Opaque(f"its images are of the mode {dataset.input_img_mode!r}")

    def values_of(self, dataset: Any) -> tuple[list[Any], list[Any]]:
        """See `FileKind`."""
        return [dataset.reader.samples], []

    def bare(self, dataset: Any, lists: list[Any]) -> Any:
        """See `FileKind`."""
        return _Bare(dataset, *lists)

    def reader(
        self,
        look_up: Callable[[Any], tuple[Any, Any]],
        loader: Any,  # noqa: ARG002 - the dataset's own code is called
        pipeline: Pipeline,
        target_transform: Any,
        bare: Any,
    ) -> FileReader:
        """See `FileKind`."""
        return _Skipping(look_up, bare, pipeline, target_transform)


KIND = _Kind(
    ("reader",),
    folders.pairs,
    ("load_bytes", "input_img_mode", "additional_features"),
    loader=folders.open_rgb,
)


def kind_of(method: Any) -> folders.FileKind | None:
    """Return what datasets with this `__getitem__` are, None if they are not timm's."""
    dataset = getattr(timm.module(_DATASET), "ImageDataset", None)
    return KIND if dataset is not None and method is dataset.__getitem__ else None


def signature(dataset: Any) -> list[Any]:
    """Return what a dataset's samples depend on besides its attributes."""
    module = timm.module(_READER)
    reader = vars(dataset).get("reader")
    return [
        getattr(reader, "samples", None),
        type(reader).__getitem__,
        vars(module).get("open") if module is not None else None,
        getattr(timm.module(_DATASET), "Image", None),
    ]


@dataclasses.dataclass(frozen=True)
class Copying:
    """What timm's `fast_collate` does: it copies images of bytes into a batch.

    Attributes:
        function: timm's.
        collates: See `Mixing`.
    """

    collates: ClassVar[bool] = True
    function: Callable[[Any], Any]

    def draw(self, shape: tuple[int, ...], dtype: torch.dtype, targets: Targets, streams: Streams) -> Mixed:  # noqa: ARG002
        """Make a batch's targets.

        Args:
            shape: Of the images.
            dtype: Of the images.
            targets: Of the samples.
            streams: From which nothing is drawn.

        Raises:
            Exception: What the function raises.
        """
        images = torch.empty(1, dtype=dtype).expand(shape)
        integers = _native.Integers.read(targets) if isinstance(targets, list) else targets
        # Of the images it is only told that there are some.
        blank = torch.zeros((1, 1, 1), dtype=torch.uint8)
        made = default_collate(list(targets)) if integers else self.function([(blank, target) for target in targets])[1]
        return Mixed((images, made), images, [])

    def check(self, pipelines: Sequence[Pipeline]) -> None:
        """Raise `Opaque` unless images are bytes and as large as each other: others are cast, or repeated."""
        for pipeline in pipelines:
            if pipeline.dtype != torch.uint8:
                raise Opaque("it casts images to bytes")
            if len({_shape_of(pipeline, size) for size in _SIZES}) > 1:
                raise Opaque("its images may differ in size")

    def refuse(self, shapes: Sequence[Sequence[int]]) -> None:
        """Raise what the function raises for images of these shapes, which differ."""
        self.function([(torch.empty(tuple(shape), dtype=torch.uint8), 0) for shape in shapes])
        raise RuntimeError("penstock cannot collate images of several sizes, of which timm repeats some")

    def is_same(self, other: Any) -> bool:
        """Whether another one does the same at this moment."""
        return isinstance(other, Copying) and other.function is self.function


def copying_of(collate_fn: Any) -> Copying | None:
    """Return what a collate_fn of a loader's is, None if it is not timm's `fast_collate`.

    Raises:
        Opaque: If it is, and what it calls is not known.
    """
    module = timm.module(_LOADER)
    if module is None or collate_fn is not getattr(module, "fast_collate", None) or not callable(collate_fn):
        return None
    if not is_pristine(collate_fn) or module.default_collate is not default_collate:
        raise Opaque("what it calls was replaced")
    if not _copies(collate_fn):
        raise Opaque("the installed timm's makes something else")
    return Copying(collate_fn)


def _shape_of(pipeline: Pipeline, size: tuple[int, int]) -> tuple[Any, ...]:
    """Return the shapes that an image of a size may become."""
    source = _native.ArrayImages(torch.zeros((1, *size, 3), dtype=torch.uint8).numpy(), pipeline.plans)
    batch = _native.Batch(source, [0], _native.Generator(0), _native.Generator(0))
    return tuple(map(tuple, batch.shapes)) if batch.refused is None else ()


@agreement.probe("timm's fast_collate copies images of bytes", "batches of timm's bytes", otherwise=False, examples=())
def _copies(function: Callable[[Any], Any]) -> bool:
    images = torch.arange(48, dtype=torch.uint8, device="cpu").view(2, 4, 2, 3).permute(0, 3, 1, 2)
    made = function([(image, number) for number, image in enumerate(images, 3)])
    if type(made) is not tuple or [type(part) for part in made] != [torch.Tensor, torch.Tensor]:
        return False
    batch, targets = made
    same = batch.is_contiguous() and batch.dtype == torch.uint8 and torch.equal(batch, images)
    return same and targets.dtype == torch.int64 and targets.tolist() == [3, 4]
