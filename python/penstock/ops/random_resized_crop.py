"""`RandomResizedCrop`: a rectangle that is drawn, and its resize.

torchvision takes some twenty of torch's functions for the rectangle, half of a worker's time for a sample. So where
images record, it is drawn natively too. The numbers are torch's own generator's, which is lent for the time of the
draw. Those functions draw numbers of the default dtype on the default device, by way of whatever mode is active, and
all of that is the user's to change between two draws: so it is looked at when a rectangle is drawn.
"""

import contextlib
import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
import torchvision.transforms as v1
from torchvision.transforms import InterpolationMode, v2
from torchvision.transforms import functional as F
from torchvision.transforms.v2 import functional as F2

from penstock import _native
from penstock.compat.torch import dispatch_modes, function_modes
from penstock.generators import Draws, lend
from penstock.ops.opaque import Opaque
from penstock.ops.operation import Building, Hook, Operation
from penstock.ops.parameters import lengths_of, pair_of
from penstock.ops.resize import RESIZE, method_of
from penstock.ops.sides import exp, logarithms_of, logarithms_of_transform
from penstock.ops.uniform import rounding_of, uniform_rounding

__all__ = ["RANDOM_RESIZED_CROP", "rectangles", "torch_draws_as_known"]


def rectangles(scale: Any, ratio: Any, logarithms: Sequence[float] | None = None) -> Any:
    """Return how `RandomResizedCrop` draws its rectangles, as the native operation takes it.

    Args:
        scale: The transform's bounds of the share of the area.
        ratio: The transform's bounds of width / height.
        logarithms: torch's of those, if the transform keeps them.

    Returns:
        Scale, ratio, the logarithms of the ratio, and how torch's `uniform_` rounds.

    Raises:
        Opaque: If that is not reproduced.
    """
    scale, bounds = pair_of(scale, "scale"), pair_of(ratio, "ratio")
    if scale[0] > scale[1] or bounds[0] > bounds[1]:
        raise Opaque("torch refuses to draw between bounds that are upside down")
    # Beyond these an image of a pixel or two is cropped to nothing, which Pillow resizes all the same.
    if not (0 < bounds[0] < 2 and bounds[1] > 0.5):
        raise Opaque(f"its ratio {bounds} leaves nothing of small images")
    rounding = rounding_of()
    low, high = logarithms_of(ratio) if logarithms is None else logarithms
    return scale, bounds, (low, high), rounding


def _lower(building: Building, transform: Any) -> _native.Op:
    size = lengths_of(transform.size)
    if len(size) != 2:
        raise Opaque("its size is not (height, width)")
    scale, ratio, bounds, rounding = rectangles(transform.scale, transform.ratio, logarithms_of_transform(transform))
    method = method_of(building, transform, size)
    return _native.Op("random_resized_crop", size, scale, bounds, ratio, *method, rounding, exp)


class _EmptyError(Exception):
    """The rectangle has no pixels; the generator stays where it was."""


@functools.lru_cache(maxsize=64)
def _operation(scale: Any, ratio: Any) -> _native.Op | None:
    try:
        area, shape, logarithms, rounding = rectangles(scale, ratio)
    except (Opaque, TypeError, ValueError):
        return None
    return _native.Op("random_resized_crop", (1, 1), area, logarithms, shape, "nearest", "across", rounding, exp)


def _draws_rectangles(function: Callable[..., Any], records: Callable[[Any], bool]) -> Callable[..., Any]:
    """Return what stands before `transforms.RandomResizedCrop.get_params`."""

    def hook(img: Any, scale: Any, ratio: Any) -> Any:
        if records(img) and torch_draws_as_known():
            operation = None
            if type(scale) in (tuple, list) and type(ratio) in (tuple, list):
                with contextlib.suppress(TypeError):  # bounds that are not hashable
                    operation = _operation(tuple(scale), tuple(ratio))
            if operation is not None:
                try:
                    with lend(torch.default_generator, Draws.TORCH) as streams:
                        rectangle = operation.rectangle((img.height, img.width), streams.torch)
                        if rectangle is None:
                            raise _EmptyError
                    return tuple(rectangle)
                except _EmptyError:
                    pass
        return function(img, scale, ratio)

    return hook


def torch_draws_as_known() -> bool:
    """Whether torch draws single numbers as native code does, from its own generator."""
    # The default device is a mode, too.
    return (
        torch.get_default_dtype() is torch.float32
        and not function_modes()
        and not dispatch_modes()
        and uniform_rounding() is not None  # whose answer may not be there yet, so that none is kept without it
    )


def _examples() -> Iterator[Any]:
    for kind in (v1.RandomResizedCrop, v2.RandomResizedCrop):
        yield kind(24)
        yield kind((17, 30), scale=(0.5, 1.0), interpolation=InterpolationMode.BICUBIC)


RANDOM_RESIZED_CROP = Operation(
    name="random resized crop",
    refuses=True,
    says=RESIZE.says,
    transforms={v1.RandomResizedCrop: _lower, v2.RandomResizedCrop: _lower},
    random=frozenset((v1.RandomResizedCrop, v2.RandomResizedCrop)),
    functions=((F, "resized_crop"), (F2, "resized_crop")),
    hooks=(Hook(v1.RandomResizedCrop, "get_params", _draws_rectangles, static=True),),
    examples=_examples,
)
