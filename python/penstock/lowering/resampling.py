"""Resizing as the installed Pillow and torch do it: names of filters, and proofs that ours agree.

Pillow has changed the order of its two passes once (version 13), which changes pixels; another compiler may round
the last bit of a weight elsewhere; and pillow-simd, under Pillow's name, computes other pixels altogether. So before
a filter is lowered, a few small pictures go both ways, once in a process, and the order that gives Pillow's bytes is
the one that is used. Likewise torch's `uniform_` rounds once or twice, depending on how torch was compiled for this
processor, and newer versions never give the upper bound: torch is asked, and nothing is guessed from names.
"""

import functools
import itertools
from typing import Any

import numpy as np
import torch
from PIL import Image
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional as F2

from penstock import _native, memory

__all__ = ["exp", "filter_name", "pass_order", "uniform_rounding"]

# Enlarged, shrunk a little and a lot, one side only, the height much more than the width, and just not so much:
# (height, width) before and after.
_SIZES = (
    ((13, 17), (29, 41)),
    ((64, 51), (40, 33)),
    ((97, 120), (7, 16)),
    ((19, 23), (19, 8)),
    ((6, 70), (11, 70)),
    ((90, 40), (30, 37)),
    ((50, 40), (30, 30)),
    ((51, 40), (30, 30)),
)
# Of the modes that Pillow has under the same name; NEAREST_EXACT has no number of its own.
_BY_NUMBER = {
    int(Image.Resampling[mode.name]): mode for mode in InterpolationMode if mode.name in Image.Resampling.__members__
}


def filter_name(interpolation: Any, *, strings: bool) -> str:
    """Return the native name of torchvision's interpolation argument.

    Args:
        interpolation: A mode, Pillow's number of one, or its name.
        strings: Whether names are taken, as transforms.v2 takes them.

    Raises:
        ValueError: If there is no such name or number.
        TypeError: If it is neither.
    """
    if strings and type(interpolation) is str and _takes_names():
        interpolation = InterpolationMode(interpolation)
    elif type(interpolation) is int:
        if interpolation not in _BY_NUMBER:
            raise ValueError(f"{interpolation} is no filter's number")
        interpolation = _BY_NUMBER[interpolation]
    if not isinstance(interpolation, InterpolationMode):
        raise TypeError(f"{interpolation!r} is no interpolation")
    # Pillow has one nearest filter, and torchvision gives it both names.
    return str(interpolation.value).removesuffix("-exact")


@functools.cache
def _takes_names() -> bool:
    """Whether transforms.v2 takes names of filters; earlier versions of torchvision do not."""
    try:
        F2.resize(Image.new("L", (2, 2)), [3, 3], interpolation="bilinear")
    except (TypeError, ValueError):
        return False
    return True


@functools.cache
def pass_order(name: str) -> str | None:
    """Return the order of passes with which a filter gives the installed Pillow's bytes; None if none does."""
    resampling = getattr(Image.Resampling, name.upper())
    for order in ("shrinkage", "across"):
        if all(_agrees(name, order, resampling, before, after) for before, after in _SIZES):
            return order
    return None


def _agrees(name: str, order: str, resampling: Any, before: tuple[int, int], after: tuple[int, int]) -> bool:
    pixels = np.random.default_rng(0).integers(0, 256, (*before, 3), dtype=np.uint8)
    pixels[::3] = np.where(pixels[::3] > 127, 255, 0)  # clipped overshoot must agree as well
    plan = _native.Plan([_native.Op.resize(after, name, order)], bytes(range(256)) * 3, 3, 1, inks=b"")
    batch = _native.Batch(_native.Source(pixels[None], plan), [0], _native.Generator(0))
    made, out = memory.empty((1, 3, *after), torch.uint8)
    batch.run(_native.Stream(1), out)
    expected = np.asarray(Image.fromarray(pixels).resize(after[::-1], resampling))
    return np.array_equal(made[0].permute(1, 2, 0).numpy(), expected)


@functools.cache
def uniform_rounding() -> tuple[bool, bool] | None:
    """Return how torch's `uniform_` rounds, `fused` and `half_open` of the native generator; None if otherwise."""
    # In the second range a quarter of all numbers are rounded to the upper bound.
    draws = [bounds for bounds in ((0.08, 1.0), (4.0, 4.000001)) for _ in range(128)]
    generator = torch.Generator().manual_seed(0)
    theirs = [torch.empty(1).uniform_(*bounds, generator=generator).item() for bounds in draws]
    for fused, half_open in itertools.product((True, False), repeat=2):
        ours = _native.Generator(0)
        if [ours.uniform(*bounds, fused, half_open) for bounds in draws] == theirs:
            return fused, half_open
    return None


def exp(x: float) -> float:
    """Return torch's exponential function of a float32."""
    return torch.exp(torch.tensor([x], dtype=torch.float32)).item()
