"""The rectangle of torchvision's `RandomResizedCrop`, drawn natively.

torchvision takes some twenty of torch's functions for it, half of a worker's time for a sample. The numbers are torch's
own generator's, which is lent for the time of the draw. Those functions draw numbers of the default dtype on the
default device, by way of whatever mode is active, and all of that is the user's to change between two draws: so it is
looked at when a rectangle is drawn.
"""

import contextlib
import functools
from typing import Any

import torch

from penstock import _native
from penstock.compat.torch import dispatch_modes, function_modes
from penstock.generators import lend
from penstock.lowering.report import Opaque
from penstock.lowering.resampling import exp, rectangles, uniform_rounding
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
        if type(img) is Recorded and _torch_draws_as_known():
            operation = None
            if type(scale) in (tuple, list) and type(ratio) in (tuple, list):
                with contextlib.suppress(TypeError):  # bounds that are not hashable
                    operation = _operation(tuple(scale), tuple(ratio))
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


def _torch_draws_as_known() -> bool:
    # The default device is a mode, too.
    return (
        torch.get_default_dtype() is torch.float32
        and not function_modes()
        and not dispatch_modes()
        and uniform_rounding() is not None  # whose answer may not be there yet, so that none is kept without it
    )
