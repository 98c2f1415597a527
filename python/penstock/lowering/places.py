"""Where the pictures of a dataset are: what torch's fetcher would have read, without a transform.

A `Place` mirrors the dataset it was made of. `locate` answers for a whole batch at once and only if nothing is
out of the ordinary; otherwise `walk` goes through the samples one by one as torch's fetcher does, asking the
user's own dataset with its transforms taken off, so that the picture, or the exception, is the dataset's own.
"""

import dataclasses
import operator
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch

from penstock import _native
from penstock.datasets import ImageDataset, check_pixels, open_picture
from penstock.lowering.transforms import Pipeline

__all__ = ["ArrayPlace", "ConcatPlace", "Located", "OwnPlace", "Place", "SubsetPlace", "gather"]

Pixels = npt.NDArray[np.uint8]
_INDEX_DTYPES = (torch.int64, torch.int32, torch.int16)


@dataclasses.dataclass
class Located:
    """The samples of one batch, as far as torch would have read them.

    Attributes:
        indices: What the sampler gave, as far as it could be read.
        sources: The source of all pictures, or of each.
        positions: Of the pictures in their sources.
        pipelines: The pipeline of all pictures, or of each.
        targets: One for each picture.
        error: What was raised for the sample after the last one here, before its transform.
        late_error: What a `target_transform` raised for the last one here, after its transform.
    """

    indices: list[Any]
    sources: _native.Source | list[_native.Source]
    positions: _native.Integers | list[int]
    pipelines: Pipeline | list[Pipeline]
    targets: list[Any]
    error: Exception | None = None
    late_error: Exception | None = None

    def pipeline(self, position: int) -> Pipeline:
        """Return the pipeline of one picture."""
        return self.pipelines if isinstance(self.pipelines, Pipeline) else self.pipelines[position]

    def source(self, position: int) -> _native.Source:
        """Return the source of one picture."""
        return self.sources if isinstance(self.sources, _native.Source) else self.sources[position]


class Place(Protocol):
    """Where a dataset's pictures are."""

    def locate(self, indices: list[Any]) -> Located | None:
        """Return the samples of a batch, or None if anything about it is out of the ordinary."""

    def walk(self, indices: Sequence[Any]) -> Iterator[tuple["Leaf", Any, Any]]:
        """Yield each sample's leaf, Pillow image and target, raising where and what the dataset raises."""

    def leaves(self) -> Iterator["Leaf"]:
        """Yield the datasets at the bottom."""


class Leaf(Place, Protocol):
    """A place that holds pictures itself.

    Attributes:
        source: All its pictures, if they are known in advance.
        pipelines: Those that its pictures may go through.
        target_transform: The dataset's.
    """

    source: _native.Source | None
    pipelines: tuple[Pipeline, ...]
    target_transform: Callable[[Any], Any] | None

    def pipeline_for(self, pixels: Pixels) -> Pipeline:
        """Return the pipeline for a picture of this mode."""


def gather(place: Place, indices: Any) -> Located:
    """Return a batch's samples up to the first that fails; never raises what a dataset raised."""
    try:
        listed = indices if type(indices) is list else list(indices)
        if (located := place.locate(listed)) is not None:
            return located
    except Exception as error:
        return Located([], [], [], [], [], error)
    located = Located(listed, sources := [], positions := [], pipelines := [], targets := [])
    try:
        for leaf, image, target in place.walk(listed):
            pixels = np.asarray(image)
            pipeline = leaf.pipeline_for(pixels)
            sources.append(_native.Source(pixels[None], pipeline.plan))
            positions.append(0)
            pipelines.append(pipeline)
            targets.append(target)
            if leaf.target_transform is not None:
                try:
                    targets[-1] = leaf.target_transform(target)
                except Exception as error:
                    located.late_error = _detached(error)
                    return located
    except RuntimeError as error:
        # What ends an iteration cannot leave `walk` as it is: Python wraps it.
        located.error = error.__cause__ if isinstance(error.__cause__, StopIteration) else _detached(error)
    except Exception as error:
        located.error = _detached(error)
    return located


def _detached(error: Exception) -> Exception:
    """Return an exception that does not refer to the function that caught it, nor keep what that function holds."""
    caught_in = error.__traceback__
    return error.with_traceback(caught_in and caught_in.tb_next)


class ArrayPlace:
    """A dataset that keeps its pictures in one array.

    Args:
        source: The array, with its plan.
        pipeline: The plan and where it comes from.
        targets: Reads the targets of a list of indices.
        target_transform: Applied to each of them.
        bare: The dataset without its transforms.
    """

    def __init__(
        self,
        source: _native.Source,
        pipeline: Pipeline,
        targets: Callable[[_native.Integers], list[Any]],
        target_transform: Callable[[Any], Any] | None,
        bare: Any,
    ) -> None:
        self.source: _native.Source | None = source
        self.pipelines: tuple[Pipeline, ...] = (pipeline,)
        self.target_transform = target_transform
        self._pipeline, self._targets, self._bare = pipeline, targets, bare
        self._length = len(source)

    def locate(self, indices: list[Any]) -> Located | None:
        """See `Place`."""
        if self.source is None or (positions := _positions(indices, self._length)) is None:
            return None
        try:
            targets = self._targets(positions)
            if self.target_transform is not None:
                targets = [self.target_transform(target) for target in targets]
        except Exception:
            return None  # found again, and placed, by walking
        return Located(indices, self.source, positions, self._pipeline, targets)

    def walk(self, indices: Sequence[Any]) -> Iterator[tuple[Leaf, Any, Any]]:
        """See `Place`."""
        for index in indices:
            image, target = self._bare[index]
            yield self, image, target

    def leaves(self) -> Iterator[Leaf]:
        """See `Place`."""
        yield self

    def pipeline_for(self, pixels: Pixels) -> Pipeline:  # noqa: ARG002 - one array, one mode
        """See `Leaf`."""
        return self._pipeline


class OwnPlace:
    """A `penstock.ImageDataset`: each picture is located on its own.

    Args:
        dataset: The user's dataset.
        gray: The pipeline for pictures of shape (H, W).
        color: The pipeline for pictures of shape (H, W, 3).
    """

    source: _native.Source | None = None

    def __init__(self, dataset: ImageDataset, gray: Pipeline, color: Pipeline) -> None:
        self.target_transform: Callable[[Any], Any] | None = dataset.target_transform
        self.pipelines: tuple[Pipeline, ...] = (gray, color)
        self._dataset, self._gray, self._color = dataset, gray, color

    def locate(self, indices: list[Any]) -> Located | None:  # noqa: ARG002 - nothing is known in advance
        """See `Place`."""
        return None

    def walk(self, indices: Sequence[Any]) -> Iterator[tuple[Leaf, Any, Any]]:
        """See `Place`."""
        for index in indices:
            where, target = self._dataset.locate(index)
            if isinstance(where, np.ndarray):
                check_pixels(where)
                # A copy, since torch's loader would have made one by now and the user may write to the array.
                yield self, where.copy(), target
            else:
                yield self, open_picture(where), target

    def leaves(self) -> Iterator[Leaf]:
        """See `Place`."""
        yield self

    def pipeline_for(self, pixels: Pixels) -> Pipeline:
        """See `Leaf`."""
        return self._gray if pixels.ndim == 2 else self._color


class SubsetPlace:
    """A `Subset`: other indices into another place.

    Args:
        indices: Of the subset.
        inner: The place of the dataset that it is a subset of.
        in_bulk: Whether that dataset is asked for the whole batch at once, after all indices are looked up.
    """

    def __init__(self, indices: Sequence[Any], inner: Place, in_bulk: bool) -> None:
        self._indices, self._inner, self._in_bulk = indices, inner, in_bulk

    def locate(self, indices: list[Any]) -> Located | None:
        """See `Place`."""
        try:
            return self._inner.locate([self._indices[index] for index in indices])
        except Exception:
            return None

    def walk(self, indices: Sequence[Any]) -> Iterator[tuple[Leaf, Any, Any]]:
        """See `Place`."""
        if self._in_bulk:
            yield from self._inner.walk([self._indices[index] for index in indices])
            return
        for index in indices:
            yield from self._inner.walk([self._indices[index]])

    def leaves(self) -> Iterator[Leaf]:
        """See `Place`."""
        return self._inner.leaves()


class ConcatPlace:
    """A `ConcatDataset`: one place after another.

    Args:
        ends: The dataset's `cumulative_sizes`.
        parts: Its datasets' places.
    """

    def __init__(self, ends: Sequence[int], parts: list[Place]) -> None:
        self._ends, self._parts = ends, parts

    def locate(self, indices: list[Any]) -> Located | None:
        """See `Place`."""
        length = self._ends[-1]
        wanted = _positions(indices, length)
        if wanted is None:
            return None
        by_part: dict[int, list[int]] = {}
        for place, index in enumerate(wanted):
            part = bisect_right(self._ends, index + length if index < 0 else index)
            by_part.setdefault(part, []).append(place)
        count = len(wanted)
        sources: list[Any] = [None] * count
        pipelines: list[Any] = [None] * count
        targets: list[Any] = [None] * count
        within = [0] * count
        for part, places in by_part.items():
            before = self._ends[part - 1] if part else 0
            inner = self._parts[part].locate([wanted[place] % length - before for place in places])
            if inner is None:
                return None
            for k, place in enumerate(places):
                sources[place], pipelines[place] = inner.source(k), inner.pipeline(k)
                within[place], targets[place] = inner.positions[k], inner.targets[k]
        return Located(indices, sources, within, pipelines, targets)

    def walk(self, indices: Sequence[Any]) -> Iterator[tuple[Leaf, Any, Any]]:
        """See `Place`."""
        length = self._ends[-1]
        for index in indices:
            position = index
            if index < 0:
                if -index > length:
                    raise ValueError("absolute value of index should not exceed dataset length")
                position = length + index
            part = bisect_right(self._ends, position)
            yield from self._parts[part].walk([position - self._ends[part - 1] if part else position])

    def leaves(self) -> Iterator[Leaf]:
        """See `Place`."""
        for part in self._parts:
            yield from part.leaves()


def _positions(indices: list[Any], length: int) -> _native.Integers | None:
    """Return a batch's indices as plain integers, if each is a whole number and that of a picture that exists."""
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
