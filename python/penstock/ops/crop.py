"""Crops: in the middle, at random, and of a rectangle that is given."""

from collections.abc import Iterator
from typing import Any

import torchvision.transforms as v1
from torchvision.transforms import functional as F
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as F2

from penstock import _native
from penstock.ops.expand import moved
from penstock.ops.opaque import Opaque
from penstock.ops.operation import Building, Operation, Trace
from penstock.ops.pad import fill_of, world_of
from penstock.ops.parameters import margins_of, size_of

__all__ = ["CENTER_CROP", "RANDOM_CROP", "cropped"]

# Pixels of a rectangle that reaches beyond the image.
_MOST_OUTSIDE = 1 << 22


def _lower_center(building: Building, transform: Any) -> _native.Op:
    pad: Any = F.pad if type(transform) is v1.CenterCrop else F2.pad
    fill = building.add_margin(lambda strip: pad(strip, [0, 0, 1, 0], 0))
    return _native.Op("center_crop", size_of(transform.size), "constant", fill, world_of(building))


def _lower_random(building: Building, transform: Any) -> _native.Op:
    generation = "v1" if type(transform) is v1.RandomCrop else "v2"
    padding, needed = transform.padding, bool(transform.pad_if_needed)
    mode: str | None = transform.padding_mode
    margins = None
    if padding is not None:
        if generation == "v2":  # stored as left, right, top, bottom
            left, right, top, bottom = padding
            padding = [left, top, right, bottom]
        margins = margins_of(padding)
        if min(margins) < 0:
            raise Opaque("negative margins")
    fill = 0
    try:
        if needed or margins is not None:
            fill = fill_of(building, transform, transform.padding_mode)
    except Opaque:
        raise
    except Exception:
        if margins is not None and (generation == "v1" or any(margins)):
            raise  # every image gets a margin
        mode = None
    size, world = size_of(transform.size), world_of(building)
    return _native.Op("random_crop", generation, size, margins, needed, mode, fill, world)


def cropped(trace: Trace, box: Any = None) -> Trace | None:
    """Keep a rectangle (left, top, right, bottom) of a recording image."""
    if box is None:
        return trace
    if not isinstance(box, (tuple, list)):
        raise TypeError
    left, top, right, bottom = (int(round(length)) for length in box)  # noqa: RUF046 - a NumPy number stays one
    if box[2] < box[0] or box[3] < box[1]:
        raise ValueError
    if not (0 <= left < right <= trace.width and 0 <= top < bottom <= trace.height):
        if (right - left) * (bottom - top) > _MOST_OUTSIDE:
            return None  # Pillow may find that they are too many
        # What lies outside is zero.
        return moved(trace, (-left, -top, right - trace.width, bottom - trace.height), (0, 0, 0))
    if (left, top, right, bottom) == (0, 0, trace.width, trace.height):
        return trace
    return trace.then("crop", top, left, bottom - top, right - left, size=(right - left, bottom - top))


def _center_examples() -> Iterator[Any]:
    for kind in (v1.CenterCrop, v2.CenterCrop):
        yield kind(20)
        yield kind((9, 40))


def _random_examples() -> Iterator[Any]:
    for kind in (v1.RandomCrop, v2.RandomCrop):
        yield kind(16, padding=4)
        yield kind((20, 12), pad_if_needed=True, fill=9)
        yield kind(24, padding=(2, 3), pad_if_needed=True, padding_mode="reflect")


CENTER_CROP = Operation(
    name="centre crop",
    refuses=True,
    transforms={v1.CenterCrop: _lower_center, v2.CenterCrop: _lower_center},
    functions=((F, "center_crop"), (F2, "center_crop"), (F, "get_dimensions")),
    examples=_center_examples,
)
RANDOM_CROP = Operation(
    name="crop",
    refuses=True,
    transforms={v1.RandomCrop: _lower_random, v2.RandomCrop: _lower_random},
    random=frozenset((v1.RandomCrop, v2.RandomCrop)),
    functions=((F, "crop"), (F2, "crop")),
    replays={
        "crop": lambda image, top, left, height, width: image.crop((left, top, left + width, top + height)),
    },
    methods={"crop": cropped},
    moves=True,
    examples=_random_examples,
)
