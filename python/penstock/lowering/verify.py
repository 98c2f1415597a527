"""On a torchvision that nobody has compared yet, a plan is compared with the transform before it is trusted."""

import random
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
    source = _native.ArrayImages(pixels[None], pipeline.plan)
    for seed in _SEEDS:
        streams = Streams.of(torch.Generator().manual_seed(seed).get_state(), seeded_python(seed).getstate())
        batch = _native.Batch(source, [0], streams.torch, streams.python)
        with as_before():
            torch.default_generator.manual_seed(seed)
            random.seed(seed)
            try:
                expected = transform(Image.fromarray(pixels))
            except Exception:
                return batch.refused is not None
            states = torch.default_generator.get_state(), random.getstate()
        if batch.refused is not None or not isinstance(expected, torch.Tensor):
            return False
        made, out = memory.empty(batch.shapes[0], pipeline.dtype)
        batch.run(_native.JobQueue(1), out)
        same = torch.equal(streams.torch_state(), states[0]) and streams.python_state() == states[1]
        if not same or made.dtype != expected.dtype or not torch.equal(made, expected):
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
    streams = Streams.of(torch.Generator().manual_seed(index).get_state(), seeded_python(index).getstate())
    batch = _native.Batch(_native.ArrayImages(pixels[None], pipeline.plans), [0], streams.torch, streams.python)
    with as_before():
        torch.default_generator.manual_seed(index)
        random.seed(index)
        try:
            expected = dataset[index]
        except Exception:
            return True  # raised again, in its place, when the sample is met
        states = torch.default_generator.get_state(), random.getstate()
    if batch.refused is not None:
        return False
    views = [memory.empty(shape, pipeline.dtype) for shape in batch.shapes[: pipeline.outputs]]
    batch.run(_native.JobQueue(1), [out for _, out in views])
    images = [made for made, _ in views]
    found = type(expected)((images[0], rest)) if pipeline.layout is None else placed(rest, images)
    same = torch.equal(streams.torch_state(), states[0]) and streams.python_state() == states[1]
    return same and _is_same(found, expected)


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
