"""On a torchvision that nobody has compared yet, a plan is compared with the transform before it is trusted."""

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

from penstock import _native, agreement, memory
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

    The global generator is used and then put back, so no draw of the user's is disturbed.

    Args:
        transform: The user's.
        pipeline: What it was lowered to.
        pixels: A picture, (H, W) or (H, W, 3).
    """
    source = _native.Source(pixels[None], pipeline.plan)
    for seed in _SEEDS:
        generator = _native.Generator(seed)
        batch = _native.Batch(source, [0], generator)
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)
            try:
                expected = transform(Image.fromarray(pixels))
            except Exception:
                return batch.refused is not None
            state = torch.default_generator.get_state()
        if batch.refused is not None or not isinstance(expected, torch.Tensor):
            return False
        made, out = memory.empty(batch.shapes[0], pipeline.dtype)
        batch.run(_native.Stream(1), out)
        drawn = state.clone()
        generator.store(drawn.numpy())
        if not torch.equal(drawn, state) or made.dtype != expected.dtype or not torch.equal(made, expected):
            return False
    return True
