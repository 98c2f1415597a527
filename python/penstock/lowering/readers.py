"""Where the images of a dataset are: what torch's fetcher would have read, without a transform.

A `Reader` mirrors the dataset it was made of. `locate` answers for a whole batch at once and only if nothing is
out of the ordinary; otherwise `walk` goes through the samples one by one as torch's fetcher does, asking the
user's own dataset with its transforms taken off, so that the image, or the exception, is the dataset's own. Files
are named by `walk` and opened later, all of a batch's at once.
"""

import dataclasses
import operator
import time
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from pathlib import PurePath
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch

from penstock import _native
from penstock.datasets import ImageDataset, check_pixels, open_image
from penstock.lowering.transforms import Pipeline

__all__ = [
    "ArrayReader",
    "ConcatReader",
    "FileReader",
    "FileRef",
    "ImageDatasetReader",
    "LeafReader",
    "Located",
    "Reader",
    "SampleRef",
    "SubsetReader",
    "Targets",
    "detached",
]

Pixels = npt.NDArray[np.uint8]
_INDEX_DTYPES = (torch.int64, torch.int32, torch.int16)
AnySource = _native.ArrayImages | _native.Files
# Class numbers that were read already, or whatever the dataset has.
Targets = _native.Integers | list[Any]


@dataclasses.dataclass(frozen=True)
class FileRef:
    """An image that is a file, or the content of one.

    Attributes:
        where: As the dataset has it.
        native: The same for native code, a path or bytes; None if it is left to Pillow.
    """

    where: Any
    native: str | bytes | None

    @classmethod
    def at(cls, where: Any) -> "FileRef":
        """A file at a path of any kind."""
        if isinstance(where, PurePath):
            return cls(where, str(where))
        return cls(where, where if type(where) is str else None)


@dataclasses.dataclass
class SampleRef:
    """Where a sample is, in a dataset that takes another one if its file cannot be opened.

    Attributes:
        index: Of the sample.
        path: Of its file.
        target: Of the sample that was taken.
        is_other: Whether that is another one.
    """

    index: Any
    path: Any
    target: Any
    is_other: bool = False


@dataclasses.dataclass
class Located:
    """The samples of one batch, as far as torch would have read them.

    Attributes:
        indices: What the sampler gave, as far as it could be read.
        sources: The source of all images, or of each.
        positions: Of the images in their sources.
        pipelines: The pipeline of all images, or of each.
        targets: One for each image.
        files: For the images that are files, the leaf and where it has them.
        by_pillow: For the images that Pillow opened, why.
        reading: Seconds that reading files took, added up over threads.
        opening: Seconds that Pillow took.
        error: What was raised for the sample after the last one here, before its transform.
        late_error: What a `target_transform` raised for the last one here, after its transform.
    """

    indices: list[Any]
    sources: AnySource | list[AnySource]
    positions: _native.Integers | list[int]
    pipelines: Pipeline | list[Pipeline]
    targets: Targets
    error: Exception | None = None
    late_error: Exception | None = None
    files: dict[int, tuple["LeafReader", Any]] = dataclasses.field(default_factory=dict)
    by_pillow: dict[int, str] = dataclasses.field(default_factory=dict)
    reading: float = 0.0
    opening: float = 0.0

    def add(self, source: AnySource, position: int, pipeline: Pipeline, target: Any) -> None:
        """Append an image to those that were looked up one by one."""
        columns: tuple[Any, ...] = (self.sources, self.positions, self.pipelines, self.targets)
        for column, item in zip(columns, (source, position, pipeline, target), strict=True):
            column.append(item)

    def replace(self, position: int, pixels: Pixels) -> None:
        """Have an image made of these pixels."""
        columns: tuple[Any, ...] = (self.sources, self.positions, self.pipelines)
        leaf, _ = self.files[position]
        pipeline = leaf.pipeline_for(pixels)
        for column, item in zip(columns, (_native.ArrayImages(pixels[None], pipeline.plans), 0, pipeline), strict=True):
            column[position] = item

    def retarget(self, position: int) -> bool:
        """Return whether the dataset has taken another sample in the place of one; its target is taken, too."""
        leaf, place = self.files[position]
        if not isinstance(place, SampleRef) or not place.is_other:
            return False
        place.is_other, targets = False, self.targets
        assert isinstance(targets, list)  # noqa: S101 - files are looked up one by one
        try:
            targets[position] = place.target if leaf.target_transform is None else leaf.target_transform(place.target)
        except Exception as error:
            self.cut(position + 1)
            self.late_error = detached(error)
        return True

    def cut(self, position: int) -> None:
        """End before an image."""
        columns: tuple[Any, ...] = (self.sources, self.positions, self.pipelines, self.targets)
        for column in columns:
            del column[position:]
        self.error = self.late_error = None

    def describe(self, position: int) -> str | None:
        """Name a sample, and its file, for a note on an exception; None if it is not known which one it is."""
        if position >= len(self.indices):
            return None
        _, where = self.files.get(position, (None, None))
        where = where.path if isinstance(where, SampleRef) else where
        file = f", file {str(where)!r}" if isinstance(where, (str, PurePath)) else ""
        return f"penstock: sample {self.indices[position]!r}, position {position} of its batch{file}"

    def open(self, position: int) -> Pixels | Exception:
        """Return the pixels of a file as the dataset itself opens it, or what is raised then."""
        leaf, where = self.files[position]
        start = time.perf_counter()
        try:
            return np.asarray(leaf.open(where))
        except Exception as error:
            return detached(error)
        finally:
            self.opening += time.perf_counter() - start

    def decodes(self, position: int) -> bool:
        """Whether an image is a file that is decoded natively."""
        return position in self.files and isinstance(self.source(position), _native.Files)

    def pipeline(self, position: int) -> Pipeline:
        """Return the pipeline of one image."""
        return self.pipelines if isinstance(self.pipelines, Pipeline) else self.pipelines[position]

    def source(self, position: int) -> AnySource:
        """Return the source of one image."""
        return self.sources[position] if isinstance(self.sources, list) else self.sources


def detached(error: Exception) -> Exception:
    """Return an exception that does not refer to the function that caught it, nor keep what that function holds."""
    caught_in = error.__traceback__
    return error.with_traceback(caught_in and caught_in.tb_next)


class Reader(Protocol):
    """Reads a dataset's images."""

    def locate(self, indices: list[Any]) -> Located | None:
        """Return the samples of a batch, or None if anything about it is out of the ordinary."""

    def walk(self, indices: Sequence[Any]) -> Iterator[tuple["LeafReader", Any, Any]]:
        """Yield each sample's leaf, image and target, raising where and what the dataset raises.

        The image is a Pillow image, an array or an `FileRef`.
        """

    def leaves(self) -> Iterator["LeafReader"]:
        """Yield the datasets at the bottom."""


class LeafReader(Reader, Protocol):
    """A reader of a dataset that holds images itself.

    Attributes:
        source: All its images, if they are known in advance.
        pipelines: Those that its images may go through.
        target_transform: The dataset's.
        file_pipeline: The pipeline for files; they are RGB.
    """

    source: _native.ArrayImages | None
    pipelines: tuple[Pipeline, ...]
    target_transform: Callable[[Any], Any] | None
    file_pipeline: Pipeline

    def rewrite(self, pipelines: Sequence[Pipeline]) -> None:
        """Put others in the place of the pipelines."""

    def pipeline_for(self, pixels: Pixels) -> Pipeline:
        """Return the pipeline for an image of this mode."""

    def open(self, where: Any) -> Any:
        """Return the Pillow image in a file, opened as the dataset does it."""


class ArrayReader:
    """A dataset that keeps its images in one array.

    Args:
        pixels: The array.
        pipeline: The plan and where it comes from.
        targets: Reads the targets of a list of indices.
        target_transform: Applied to each of them.
        bare: The dataset without its transforms.
    """

    def __init__(
        self,
        pixels: Pixels,
        pipeline: Pipeline,
        targets: Callable[[_native.Integers], Targets],
        target_transform: Callable[[Any], Any] | None,
        bare: Any,
    ) -> None:
        self.target_transform = target_transform
        self._pixels, self._targets, self._bare = pixels, targets, bare
        self._length = len(pixels)
        self.rewrite([pipeline])

    def rewrite(self, pipelines: Sequence[Pipeline]) -> None:
        """See `LeafReader`."""
        self.pipelines: tuple[Pipeline, ...] = (*pipelines,)
        (self.file_pipeline,) = (self._pipeline,) = pipelines
        self.source: _native.ArrayImages | None = _native.ArrayImages(self._pixels, self._pipeline.plans)

    def locate(self, indices: list[Any]) -> Located | None:
        """See `Reader`."""
        if self.source is None or (positions := _positions(indices, self._length)) is None:
            return None
        try:
            targets = self._targets(positions)
            if self.target_transform is not None:
                targets = [self.target_transform(target) for target in targets]
        except Exception:
            return None  # found again, and placed, by walking
        return Located(indices, self.source, positions, self._pipeline, targets)

    def walk(self, indices: Sequence[Any]) -> Iterator[tuple[LeafReader, Any, Any]]:
        """See `Reader`."""
        for index in indices:
            image, target = self._bare[index]
            yield self, image, target

    def leaves(self) -> Iterator[LeafReader]:
        """See `Reader`."""
        yield self

    def pipeline_for(self, pixels: Pixels) -> Pipeline:  # noqa: ARG002 - one array, one mode
        """See `LeafReader`."""
        return self._pipeline

    def open(self, where: Any) -> Any:
        """See `LeafReader`."""
        raise NotImplementedError("an array has no files")


class FileReader:
    """A dataset that keeps its images in files and opens them by torchvision's loader.

    Args:
        look_up: Returns path and target of an index.
        loader: Opens a file; returns an RGB image.
        pipeline: The plan and where it comes from.
        target_transform: Applied to each target.
    """

    source: _native.ArrayImages | None = None

    def __init__(
        self,
        look_up: Callable[[Any], tuple[Any, Any]],
        loader: Callable[[Any], Any],
        pipeline: Pipeline,
        target_transform: Callable[[Any], Any] | None,
    ) -> None:
        self.target_transform = target_transform
        self._look_up, self._loader = look_up, loader
        self.rewrite([pipeline])

    def rewrite(self, pipelines: Sequence[Pipeline]) -> None:
        """See `LeafReader`."""
        self.pipelines: tuple[Pipeline, ...] = (*pipelines,)
        (self.file_pipeline,) = pipelines

    def locate(self, indices: list[Any]) -> Located | None:  # noqa: ARG002 - files are looked at one by one
        """See `Reader`."""
        return None

    def walk(self, indices: Sequence[Any]) -> Iterator[tuple[LeafReader, Any, Any]]:
        """See `Reader`."""
        for index in indices:
            where, target = self._look_up(index)
            yield self, FileRef.at(where), target

    def leaves(self) -> Iterator[LeafReader]:
        """See `Reader`."""
        yield self

    def pipeline_for(self, pixels: Pixels) -> Pipeline:  # noqa: ARG002 - they are all RGB
        """See `LeafReader`."""
        return self.file_pipeline

    def open(self, where: Any) -> Any:
        """See `LeafReader`."""
        return self._loader(where)


class ImageDatasetReader:
    """A `penstock.ImageDataset`: each image is located on its own.

    Args:
        dataset: The user's dataset.
        gray: The pipeline for images of shape (H, W).
        color: The pipeline for images of shape (H, W, 3).
    """

    source: _native.ArrayImages | None = None

    def __init__(self, dataset: ImageDataset, gray: Pipeline, color: Pipeline) -> None:
        self.target_transform: Callable[[Any], Any] | None = dataset.target_transform
        self._dataset = dataset
        self.rewrite([gray, color])

    def rewrite(self, pipelines: Sequence[Pipeline]) -> None:
        """See `LeafReader`."""
        self.pipelines: tuple[Pipeline, ...] = (*pipelines,)
        self._gray, self._color = pipelines
        self.file_pipeline = self._color

    def locate(self, indices: list[Any]) -> Located | None:  # noqa: ARG002 - nothing is known in advance
        """See `Reader`."""
        return None

    def walk(self, indices: Sequence[Any]) -> Iterator[tuple[LeafReader, Any, Any]]:
        """See `Reader`."""
        for index in indices:
            where, target = self._dataset.locate(index)
            if isinstance(where, np.ndarray):
                check_pixels(where)
                # A copy, since torch's loader would have made one by now and the user may write to the array.
                yield self, where.copy(), target
            elif isinstance(where, bytes):
                yield self, FileRef(where, where), target
            else:
                yield self, FileRef.at(where), target

    def leaves(self) -> Iterator[LeafReader]:
        """See `Reader`."""
        yield self

    def pipeline_for(self, pixels: Pixels) -> Pipeline:
        """See `LeafReader`."""
        return self._gray if pixels.ndim == 2 else self._color

    def open(self, where: Any) -> Any:
        """See `LeafReader`."""
        return open_image(where)


class SubsetReader:
    """A `Subset`: other indices into another dataset.

    Args:
        indices: Of the subset.
        inner: The reader of the dataset that it is a subset of.
        in_bulk: Whether that dataset is asked for the whole batch at once, after all indices are looked up.
    """

    def __init__(self, indices: Sequence[Any], inner: Reader, in_bulk: bool) -> None:
        self._indices, self._inner, self._in_bulk = indices, inner, in_bulk

    def locate(self, indices: list[Any]) -> Located | None:
        """See `Reader`."""
        try:
            return self._inner.locate([self._indices[index] for index in indices])
        except Exception:
            return None

    def walk(self, indices: Sequence[Any]) -> Iterator[tuple[LeafReader, Any, Any]]:
        """See `Reader`."""
        if self._in_bulk:
            yield from self._inner.walk([self._indices[index] for index in indices])
            return
        for index in indices:
            yield from self._inner.walk([self._indices[index]])

    def leaves(self) -> Iterator[LeafReader]:
        """See `Reader`."""
        return self._inner.leaves()


class ConcatReader:
    """A `ConcatDataset`: one dataset after another.

    Args:
        ends: The dataset's `cumulative_sizes`.
        parts: Its datasets' readers.
    """

    def __init__(self, ends: Sequence[int], parts: list[Reader]) -> None:
        self._ends, self._parts = ends, parts

    def locate(self, indices: list[Any]) -> Located | None:
        """See `Reader`."""
        length = self._ends[-1]
        wanted = _positions(indices, length)
        if wanted is None:
            return None
        by_part: dict[int, list[int]] = {}
        for position, index in enumerate(wanted):
            part = bisect_right(self._ends, index + length if index < 0 else index)
            by_part.setdefault(part, []).append(position)
        count = len(wanted)
        sources: list[Any] = [None] * count
        pipelines: list[Any] = [None] * count
        targets: list[Any] = [None] * count
        within = [0] * count
        for part, positions in by_part.items():
            before = self._ends[part - 1] if part else 0
            inner = self._parts[part].locate([wanted[position] % length - before for position in positions])
            if inner is None:
                return None
            for k, position in enumerate(positions):
                sources[position], pipelines[position] = inner.source(k), inner.pipeline(k)
                within[position], targets[position] = inner.positions[k], inner.targets[k]
        return Located(indices, sources, within, pipelines, targets)

    def walk(self, indices: Sequence[Any]) -> Iterator[tuple[LeafReader, Any, Any]]:
        """See `Reader`."""
        length = self._ends[-1]
        for index in indices:
            position = index
            if index < 0:
                if -index > length:
                    raise ValueError("absolute value of index should not exceed dataset length")
                position = length + index
            part = bisect_right(self._ends, position)
            yield from self._parts[part].walk([position - self._ends[part - 1] if part else position])

    def leaves(self) -> Iterator[LeafReader]:
        """See `Reader`."""
        for part in self._parts:
            yield from part.leaves()


def _positions(indices: list[Any], length: int) -> _native.Integers | None:
    """Return a batch's indices as plain integers, if each is a whole number and that of an image that exists."""
    positions = _native.Integers.read(indices)
    if positions is None:
        if bool in set(map(type, indices)):
            return None
        for index in indices:
            # A tensor of another kind may count as an integer here and as a mask, or as a list, where it is used.
            if isinstance(index, torch.Tensor) and (index.ndim or index.dtype not in _INDEX_DTYPES):
                return None
        try:
            positions = _native.Integers.read(list(map(operator.index, indices)))
        except TypeError:
            return None
    return positions if positions and positions.index(length) else None
