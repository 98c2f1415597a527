"""timm's `CenterCropOrPad` and `RandomCropOrPad`: margins where an image is too small, a crop where it is too large."""

from typing import Any

from penstock import _native
from penstock.ops.opaque import Opaque
from penstock.ops.operation import Building, Operation
from penstock.ops.pad import fill_of, world_of
from penstock.ops.parameters import size_of
from penstock.ops.timm.classes import FUNCTIONS, if_known, named, of_images

__all__ = ["CENTER_CROP_OR_PAD", "RANDOM_CROP_OR_PAD"]

_CENTER, _RANDOM = "CenterCropOrPad", "RandomCropOrPad"
_NATIVE = {_CENTER: "center_crop", _RANDOM: "random_crop_or_pad"}
_OPTIONS: tuple[dict[str, Any], ...] = (
    {"size": 24, "padding_mode": "reflect"},
    {"size": (40, 21), "fill": (7, 80, 200)},
    {"size": (20, 51), "padding_mode": "edge"},
)


@if_known("timm's crops and margins are the known ones", "its crops that pad", _OPTIONS)
def _lower(building: Building, transform: Any) -> _native.Op:
    return _native.Op(_NATIVE[type(transform).__name__], *_operands(building, transform))


def _operands(building: Building, transform: Any) -> tuple[Any, ...]:
    of_images(building)
    size, mode, fill = size_of(transform.size), transform.padding_mode, 0
    try:
        fill = fill_of(building, transform, mode)
    except Opaque:
        raise
    except Exception:
        mode = None  # images that get no margin are made all the same
    return size, mode, fill, world_of(building)


CENTER_CROP_OR_PAD = Operation(
    name="timm's centre crop",
    refuses=True,
    named=named(_CENTER, _lower),
    named_functions=FUNCTIONS,
)
RANDOM_CROP_OR_PAD = Operation(
    name="timm's random crop",
    refuses=True,
    named=named(_RANDOM, _lower),
    pythons_named=True,
    named_functions=FUNCTIONS,
)
