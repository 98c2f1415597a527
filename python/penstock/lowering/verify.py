"""On a torchvision that nobody has compared yet, a plan is compared with the transform before it is trusted."""

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

from penstock import _native, agreement, memory
from penstock.generators import Streams, as_before, seeded_python
from penstock.lowering.layout import placed
from penstock.lowering.transforms import Pipeline

__all__ = ["agrees", "sample_agrees"]

# Enough for each branch of a flip or a crop to be taken by some seed.
_SEEDS = range(8)


@agreement.probe(
    "a transform of a torchvision that nobody has compared yet gives what its plan gives",
    "transforms with another version of torchvision than those that were compared",
    kept=False,
)
def agrees(transform: Any, pipeline: Pipeline, pixels: npt.NDArray[np.uint8]) -> bool:
    """Whether a plan gives a transform's own result and draws the same numbers for it.

    The global generators are used and then put back, so no draw of the user's is disturbed.

    Args:
        transform: The user's.
        pipeline: What it was lowered to.
        pixels: An image, (H, W) or (H, W, 3).
    """
    for seed in _SEEDS:
        ours = _Ours(pipeline, pixels, seed)
        try:
            expected, states = _called(seed, lambda: transform(Image.fromarray(pixels)))
        except Exception:
            return ours.is_refused
        if ours.is_refused or not isinstance(expected, torch.Tensor):
            return False
        if not ours.has_drawn(states) or not _is_same(ours.views()[0], expected):
            return False
    return True


def sample_agrees(dataset: Any, index: int, pixels: npt.NDArray[np.uint8], pipeline: Pipeline, rest: Any) -> bool:
    """Whether a data set of the user's own gives the sample that was found, and draws the same numbers for it.

    The global generators are used and then put back, so no draw of the user's is disturbed.

    Args:
        dataset: The user's.
        index: Of the sample.
        pixels: Its image, (H, W, 3).
        pipeline: What its transforms were lowered to.
        rest: What comes with the image, or a sample with places for its views.
    """
    ours = _Ours(pipeline, pixels, index)
    try:
        expected, states = _called(index, lambda: dataset[index])
    except Exception:
        return True  # raised again, in its place, when the sample is met
    if ours.is_refused:
        return False
    images = ours.views()
    found = type(expected)((images[0], rest)) if pipeline.layout is None else placed(rest, images)
    return ours.has_drawn(states) and _is_same(found, expected)


class _Ours:
    """What a pipeline makes of an image, and the generators that it draws from.

    Args:
        pipeline: What transforms were lowered to.
        pixels: The image, (H, W) or (H, W, 3).
        seed: Of the generators.

    Attributes:
        is_refused: Whether torchvision raises for it.
    """

    def __init__(self, pipeline: Pipeline, pixels: npt.NDArray[np.uint8], seed: int) -> None:
        self._streams = Streams.of(torch.Generator().manual_seed(seed).get_state(), seeded_python(seed).getstate())
        source, self._pipeline = _native.ArrayImages(pixels[None], pipeline.plans), pipeline
        self._batch = _native.Batch(source, [0], self._streams.torch, self._streams.python)
        self.is_refused = self._batch.refused is not None

    def views(self) -> list[torch.Tensor]:
        """Return the views of it."""
        views = [memory.empty(shape, self._pipeline.dtype) for shape in self._batch.shapes[: self._pipeline.outputs]]
        self._batch.run(_native.JobQueue(1), [out for _, out in views])
        return [made for made, _ in views]

    def has_drawn(self, states: tuple[torch.Tensor, Any]) -> bool:
        """Whether the generators have come to these states."""
        return torch.equal(self._streams.torch_state(), states[0]) and self._streams.python_state() == states[1]


def _called(seed: int, function: Callable[[], Any]) -> tuple[Any, tuple[torch.Tensor, Any]]:
    """Return what a function gives, and where it leaves the global generators, which are put back."""
    with as_before():
        torch.default_generator.manual_seed(seed)
        random.seed(seed)
        return function(), (torch.default_generator.get_state(), random.getstate())


def _is_same(found: Any, expected: Any) -> bool:
    if isinstance(expected, torch.Tensor) and isinstance(found, torch.Tensor):
        return found.dtype == expected.dtype and torch.equal(found, expected)
    if type(found) is not type(expected):
        return False
    if type(found) in (list, tuple):
        return len(found) == len(expected) and all(map(_is_same, found, expected))
    if type(found) is dict:
        return [*found] == [*expected] and all(map(_is_same, found.values(), expected.values()))
    return bool(np.all(np.asarray(found == expected))) or found is expected or found != found  # noqa: PLR0124 - NaN
