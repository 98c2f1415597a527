"""A batch's samples as torch's fetcher would have read them: located in order, their files read all at once."""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from penstock import _native
from penstock.lowering.lookups import Unproved
from penstock.lowering.pillow import pixel_limit
from penstock.lowering.readers import FileRef, LeafReader, Located, Pixels, Reader, SampleRef, detached

__all__ = ["Gathering", "Samples"]

_Sample = tuple[LeafReader, Any, Any]


class Samples(Protocol):
    """The samples of a batch, on their way."""

    def ready(self) -> bool:
        """Whether they can be had at once."""

    def finish(self) -> Located:
        """Wait for them; after an interrupt it can be called again."""


class Gathering:
    """A batch's samples up to the first that fails, while their files are being read.

    Args:
        reader: Where the dataset's images are.
        indices: Of the batch. What the dataset raises for one of them is part of the result.

    Raises:
        Unproved: If it is not known what the data set does for one of them; here, or in `finish`.
    """

    def __init__(self, reader: Reader, indices: Any) -> None:
        self._samples: list[_Sample] = []
        self._unfound: Exception | None = None
        # Where the files among them are that were read, and why others are left to Pillow.
        self._read: dict[int, tuple[_native.Files, int]] = {}
        self._why_not: dict[int, str] = {}
        self._files: list[tuple[_native.Files, list[int]]] = []
        self._located: Located | None
        try:
            listed = indices if type(indices) is list else list(indices)
            self._located = reader.locate(listed)
            if self._located is not None:
                self._located.indices = listed  # not those of a data set in the data set
        except Exception as error:
            self._located = Located([], [], [], [], [], error)
        if self._located is None:
            self._indices = listed
            self._unfound = _walk(reader, listed, self._samples)
            self._files = _begin_to_read(self._samples)

    def ready(self) -> bool:
        """Whether all files are read."""
        return all(files.ready() for files, _ in self._files)

    def finish(self) -> Located:
        """Wait for the files and return the samples; after an interrupt it can be called again."""
        if self._located is not None:
            return self._located
        located = Located(self._indices, [], [], [], [])
        for files, positions in self._files:
            for k, (position, why_not) in enumerate(zip(positions, files.wait(), strict=True)):
                if why_not is None:
                    self._read[position] = files, k
                else:
                    self._why_not[position] = why_not
            located.reading += files.seconds
        located.by_pillow.update(self._why_not)
        _fill(located, self._samples, self._read)
        if located.error is None and located.late_error is None:
            located.error = self._unfound
        self._located, self._samples, self._unfound = located, [], None
        return located


def _walk(reader: Reader, indices: Sequence[Any], samples: list[_Sample]) -> Exception | None:
    """Append the samples up to the first that is not found; return what the dataset raised there."""
    try:
        samples.extend(reader.walk(indices))
    except Unproved:
        raise
    except RuntimeError as error:
        # What ends an iteration cannot leave `walk` as it is: Python wraps it.
        return error.__cause__ if isinstance(error.__cause__, StopIteration) else detached(error)
    except Exception as error:
        return detached(error)
    return None


def _begin_to_read(samples: list[_Sample]) -> list[tuple[_native.Files, list[int]]]:
    """Have the files among some samples read; return them with the samples' positions."""
    by_leaf: dict[int, list[int]] = {}
    for position, (leaf, image, _) in enumerate(samples):
        if isinstance(image, FileRef):
            by_leaf.setdefault(id(leaf), []).append(position)
    if not by_leaf:
        return []
    limit = pixel_limit()
    begun = []
    for positions in by_leaf.values():
        paths = [samples[position][1].native for position in positions]
        begun.append((_native.Files(paths, samples[positions[0]][0].file_pipeline.plans, limit), positions))
    return begun


def _fill(located: Located, samples: list[_Sample], read: dict[int, tuple[_native.Files, int]]) -> None:
    """Add samples in order, up to the first whose image Pillow does not open or whose target fails."""
    targets: Any = located.targets  # a list, as it was made to be filled
    for position, (leaf, image, found) in enumerate(samples):
        target = found
        if isinstance(image, FileRef):
            located.files[position] = leaf, image.where
        if position in read:
            located.add(*read[position], leaf.file_pipeline, target)
        else:
            pixels = located.open(position) if isinstance(image, FileRef) else _pixels_of(image)
            if isinstance(pixels, Exception):
                located.error = pixels
                return
            if isinstance(image, FileRef) and isinstance(image.where, SampleRef):
                target = image.where.target
            pipeline = leaf.pipeline_for(pixels)
            located.add(_native.ArrayImages(pixels[None], pipeline.plans), 0, pipeline, target)
        if leaf.target_transform is not None:
            try:
                targets[-1] = leaf.target_transform(target)
            except Unproved:
                raise
            except Exception as error:
                located.late_error = detached(error)
                return


def _pixels_of(image: Any) -> Pixels | Exception:
    """Return an image's pixels; one of Pillow's may only now be decoded, and fail."""
    try:
        return np.asarray(image)
    except Exception as error:
        return detached(error)
