"""On a torchvision that nobody has compared yet, a plan is compared with the transform before it is trusted."""

import random
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

from penstock import _native, agreement, memory
from penstock.generators import Streams, as_before, seeded_python
from penstock.lowering.transforms import Pipeline

__all__ = ["agrees"]

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
