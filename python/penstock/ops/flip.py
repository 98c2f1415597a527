"""Flips, left to right and top to bottom, and quarter turns."""

from collections.abc import Iterator
from typing import Any

import torchvision.transforms as v1
from PIL import Image
from torchvision.transforms import functional as F
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as F2

from penstock import _native
from penstock.ops.operation import Building, Operation, Trace
from penstock.ops.parameters import chance_of

__all__ = ["FLIP"]

_HORIZONTAL = (v1.RandomHorizontalFlip, v2.RandomHorizontalFlip)
_VERTICAL = (v1.RandomVerticalFlip, v2.RandomVerticalFlip)
# What Pillow's transpositions come to.
_STEPS = {
    Image.Transpose.FLIP_LEFT_RIGHT: ("flip_horizontal",),
    Image.Transpose.FLIP_TOP_BOTTOM: ("flip_vertical",),
    Image.Transpose.ROTATE_180: ("flip_horizontal", "flip_vertical"),
}
_TURNS = {
    Image.Transpose.ROTATE_90: "rotate_90",
    Image.Transpose.ROTATE_270: "rotate_270",
    Image.Transpose.TRANSPOSE: "transpose",
    Image.Transpose.TRANSVERSE: "transverse",
}


def _lower(_building: Building, transform: Any) -> _native.Op:
    _, p = chance_of(transform)
    return _native.Op("random_flip", p, type(transform) in _HORIZONTAL)


def _transposed(trace: Trace, method: Any) -> Trace | None:
    if not isinstance(method, int):  # a number that is equal to one is none to Pillow
        raise TypeError
    known: Any = method  # by whatever number of Pillow's
    if (turn := _TURNS.get(known)) is not None:
        return trace.then("turn", turn, size=(trace.height, trace.width))
    for step in _STEPS.get(known, ()):
        trace = trace.then(step)
    return trace if known in _STEPS else None


def _examples() -> Iterator[Any]:
    for kind in (*_HORIZONTAL, *_VERTICAL):
        for p in (0, 0.5, 1):
            yield kind(p)


FLIP = Operation(
    name="flip",
    transforms=dict.fromkeys((*_HORIZONTAL, *_VERTICAL), _lower),
    random=frozenset((*_HORIZONTAL, *_VERTICAL)),
    functions=((F, "hflip"), (F, "vflip"), (F2, "horizontal_flip"), (F2, "vertical_flip")),
    replays={
        "flip_horizontal": lambda image: image.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
        "flip_vertical": lambda image: image.transpose(Image.Transpose.FLIP_TOP_BOTTOM),
        "turn": lambda image, turn: image.transpose(Image.Transpose[turn.upper()]),
    },
    methods={"transpose": _transposed},
    moves=True,
    examples=_examples,
)
