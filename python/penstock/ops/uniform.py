"""torch's `uniform_`, of which every build rounds in its own way.

It rounds once or twice, depending on how torch was compiled for this processor, and newer versions never give the upper
bound: torch is asked, and nothing is guessed from names.
"""

import itertools

import torch

from penstock import _native, agreement
from penstock.ops.opaque import Opaque

__all__ = ["rounding_of", "uniform_rounding"]


@agreement.probe(
    "torch draws the known numbers between two bounds",
    "the rectangles of RandomResizedCrop",
    otherwise=None,
    state=("the default dtype", "the default device", "torch's modes", "deterministic algorithms"),
)
def uniform_rounding() -> tuple[bool, bool] | None:
    """Return how torch's `uniform_` rounds, `fused` and `half_open` of the native generator; None if otherwise."""
    # In the second range a quarter of all numbers are rounded to the upper bound.
    draws = [bounds for bounds in ((0.08, 1.0), (4.0, 4.000001)) for _ in range(128)]
    generator = torch.Generator().manual_seed(0)
    drawn = torch.empty(1, dtype=torch.float32, device="cpu")
    theirs = [drawn.uniform_(*bounds, generator=generator).item() for bounds in draws]
    for fused, half_open in itertools.product((True, False), repeat=2):
        ours = _native.Generator(0)
        if [ours.uniform(*bounds, fused, half_open) for bounds in draws] == theirs:
            return fused, half_open
    return None


def rounding_of() -> tuple[bool, bool]:
    """Return what `uniform_rounding` does; Opaque if that is not known."""
    if (rounding := uniform_rounding()) is None:
        raise Opaque("torch's uniform_ draws other numbers here")
    return rounding
