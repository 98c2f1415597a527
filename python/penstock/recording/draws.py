"""The rectangle of torchvision's `RandomResizedCrop`, drawn natively.

torchvision takes some twenty of torch's functions for it, half of a worker's time for a sample. The numbers are torch's
own generator's, which is lent for the time of the draw.
"""

import functools
from typing import Any

import torch

from penstock import _native
from penstock.generators import lend
from penstock.lowering.report import Opaque
from penstock.lowering.resampling import exp, rectangles
from penstock.recording.pictures import Recorded

__all__ = ["draws_rectangles"]


class _EmptyError(Exception):
    """The rectangle has no pixels; the generator stays where it was."""


@functools.lru_cache(maxsize=64)
def _operation(scale: Any, ratio: Any) -> _native.Op | None:
    try:
        area, shape, logarithms, rounding = rectangles(scale, ratio)
    except (Opaque, TypeError, ValueError):
        return None
    return _native.Op.random_resized_crop((1, 1), area, logarithms, shape, "nearest", "across", rounding, exp)


def draws_rectangles(function: Any) -> Any:
    """Return a function to stand before `transforms.RandomResizedCrop.get_params`."""

    @functools.wraps(function)
    def hook(img: Any, scale: Any, ratio: Any) -> Any:
        if type(img) is Recorded and type(scale) in (tuple, list) and type(ratio) in (tuple, list):
            try:
                operation = _operation(tuple(scale), tuple(ratio))
            except TypeError:  # bounds that are not hashable
                operation = None
            if operation is not None:
                try:
                    with lend(torch.default_generator, draws=True) as generator:
                        rectangle = operation.rectangle((img.height, img.width), generator)
                        if rectangle is None:
                            raise _EmptyError
                    return tuple(rectangle)
                except _EmptyError:
                    pass
        return function(img, scale, ratio)

    return hook
