"""timm's `ResizeKeepRatio`: a resize in proportion, of which scale and proportion may be drawn a little otherwise."""

import math
from typing import Any

from PIL import Image
from torchvision.transforms import functional as F

from penstock import _native
from penstock.ops import refuse
from penstock.ops.opaque import Opaque
from penstock.ops.operation import Building, Operation
from penstock.ops.parameters import numbers_of, pair_of, size_of
from penstock.ops.resize import RESIZE
from penstock.ops.timm.classes import FUNCTIONS, if_known, manners_of, named, of_images

__all__ = ["KEEP_RATIO"]

_OPTIONS: tuple[dict[str, Any], ...] = (
    {"size": 24},
    {"size": (20, 31), "longest": 1.0, "interpolation": "bicubic"},
    {"size": 22, "random_scale_prob": 1.0, "random_aspect_prob": 1.0, "random_aspect_range": (3.0, 0.5)},
    {
        "size": (33, 20),
        "longest": 0.3,
        "interpolation": "random",
        "random_scale_prob": 0.5,
        "random_scale_range": (0.8, 1.0),
        "random_scale_area": True,
        "random_aspect_prob": 0.5,
    },
)


@if_known("timm's ResizeKeepRatio makes the known sizes", "its ResizeKeepRatio", _OPTIONS)
def _lower(building: Building, transform: Any) -> _native.Op:
    of_images(building)
    (longest,) = numbers_of([transform.longest], "longest", (1,))
    if not 0 <= longest <= 1:
        raise Opaque(f"its longest is {longest}")
    scale_prob, aspect_prob = numbers_of(
        [transform.random_scale_prob, transform.random_aspect_prob], "probability", (2,)
    )
    scale = aspect = None
    if scale_prob > 0:
        scale = scale_prob, pair_of(transform.random_scale_range, "random_scale_range"), transform.random_scale_area
        if type(transform.random_scale_area) is not bool or not min(scale[1]):
            raise Opaque(f"its random_scale_range is {scale[1]}")
    if aspect_prob > 0:
        bounds = pair_of(transform.random_aspect_range, "random_aspect_range")
        if not min(bounds):
            raise Opaque(f"its random_aspect_range is {bounds}")
        aspect = aspect_prob, tuple(map(math.log, bounds))
    size, manners = size_of(transform.size), manners_of(building, transform.interpolation)
    return _native.Op("resize_keep_ratio", size, longest, scale, aspect, len(manners), manners, math.exp, _note_refusal)


def _note_refusal(height: float, width: float, rows: float, columns: float) -> list[float]:
    """Note what torchvision raises for a size that cannot be made, for once it is drawn it would not be drawn again."""
    try:
        F.resize(Image.new("L", (int(width), int(height))), [int(rows), int(columns)])
    except Exception as error:
        refuse.note(error)
    return []


KEEP_RATIO = Operation(
    name="timm's resize",
    refuses=True,
    says=RESIZE.says,
    named=named("ResizeKeepRatio", _lower),
    pythons_named=True,
    named_functions=FUNCTIONS,
)
