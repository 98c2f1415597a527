"""timm's `RandomResizedCropAndInterpolation`: a rectangle and a filter that are drawn, and its resize."""

import math
from typing import Any

from penstock import _native
from penstock.ops.opaque import Opaque
from penstock.ops.operation import Building, Operation
from penstock.ops.parameters import lengths_of, pair_of
from penstock.ops.resize import RESIZE
from penstock.ops.timm.classes import FUNCTIONS, if_known, manners_of, named, of_images

__all__ = ["RESIZED_CROP"]

_OPTIONS: tuple[dict[str, Any], ...] = (
    {"size": 24, "interpolation": "random"},
    {"size": (17, 30), "scale": (0.5, 1.0), "ratio": (0.5, 3.0), "interpolation": "bicubic"},
    {"size": (30, 9), "scale": (0.01, 2.0), "ratio": (1.1, 1.3), "interpolation": "nearest"},
)


@if_known("timm draws the known rectangles and filters", "its RandomResizedCropAndInterpolation", _OPTIONS)
def _lower(building: Building, transform: Any) -> _native.Op:
    of_images(building)
    size = lengths_of(transform.size)
    if len(size) != 2:
        raise Opaque("its size is not (height, width)")
    scale, ratio = pair_of(transform.scale, "scale"), pair_of(transform.ratio, "ratio")
    if not min(ratio):
        raise Opaque(f"its ratio is {ratio}")
    logarithms = tuple(map(math.log, ratio))
    manners = manners_of(building, transform.interpolation)
    bounds = min(ratio), max(ratio)
    return _native.Op(
        "random_resized_crop_and_interpolation", size, scale, logarithms, bounds, len(manners), manners, math.exp
    )


RESIZED_CROP = Operation(
    name="timm's random resized crop",
    refuses=True,
    says=RESIZE.says,
    named=named("RandomResizedCropAndInterpolation", _lower),
    pythons_named=True,
    named_functions=FUNCTIONS,
)
