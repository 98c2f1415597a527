"""A batch's samples as torch's fetcher would have read them: located in order, their files read all at once."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from penstock import _native
from penstock.lowering.pillow import pixel_limit
from penstock.lowering.places import InFile, Leaf, Located, Place, detached

__all__ = ["gather"]

_Sample = tuple[Leaf, Any, Any]


def gather(place: Place, indices: Any) -> Located:
    """Return a batch's samples up to the first that fails; never raises what a dataset raised."""
    try:
        listed = indices if type(indices) is list else list(indices)
        if (located := place.locate(listed)) is not None:
            return located
    except Exception as error:
        return Located([], [], [], [], [], error)
    located = Located(listed, [], [], [], [])
    samples: list[_Sample] = []
    unfound = _walk(place, listed, samples)
    _fill(located, samples, _read(samples))
    if located.error is None and located.late_error is None:
        located.error = unfound
    return located


def _walk(place: Place, indices: Sequence[Any], samples: list[_Sample]) -> Exception | None:
    """Append the samples up to the first that is not found; return what the dataset raised there."""
    try:
        samples.extend(place.walk(indices))
    except RuntimeError as error:
        # What ends an iteration cannot leave `walk` as it is: Python wraps it.
        return error.__cause__ if isinstance(error.__cause__, StopIteration) else detached(error)
    except Exception as error:
        return detached(error)
    return None


def _read(samples: list[_Sample]) -> dict[int, tuple[_native.Files, int]]:
    """Read the files among some samples; return those that are decoded natively, by position."""
    by_leaf: dict[int, list[int]] = {}
    for position, (leaf, picture, _) in enumerate(samples):
        if isinstance(picture, InFile):
            by_leaf.setdefault(id(leaf), []).append(position)
    if not by_leaf:
        return {}
    limit = pixel_limit()
    batches = []
    for positions in by_leaf.values():
        places = [samples[position][1].place for position in positions]
        batches.append((_native.Files(places, samples[positions[0]][0].file_pipeline.plan, limit), positions))
    return {
        position: (files, k)
        for files, positions in batches
        for k, (position, ours) in enumerate(zip(positions, files.wait(), strict=True))
        if ours
    }


def _fill(located: Located, samples: list[_Sample], read: dict[int, tuple[_native.Files, int]]) -> None:
    """Add samples in order, up to the first whose picture Pillow does not open or whose target fails."""
    for position, (leaf, picture, target) in enumerate(samples):
        if isinstance(picture, InFile):
            located.files[position] = leaf, picture.where
        if position in read:
            located.add(*read[position], leaf.file_pipeline, target)
        else:
            try:
                pixels = np.asarray(leaf.open(picture.where) if isinstance(picture, InFile) else picture)
            except Exception as error:
                located.error = detached(error)
                return
            pipeline = leaf.pipeline_for(pixels)
            located.add(_native.Source(pixels[None], pipeline.plan), 0, pipeline, target)
        if leaf.target_transform is not None:
            try:
                located.targets[-1] = leaf.target_transform(target)
            except Exception as error:
                located.late_error = detached(error)
                return
