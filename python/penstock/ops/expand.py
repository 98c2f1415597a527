"""`ImageOps.expand`, by which torchvision pads Pillow's pictures with a constant too.

It is a shift of a picture on a canvas of another size, as an affine transform by the nearest pixel makes it.
"""

from typing import Any

from PIL import ImageOps

from penstock import agreement
from penstock.ops.arithmetic import pillow_agrees
from penstock.ops.geometry.canvas import color_of
from penstock.ops.operation import Operation, Trace

__all__ = ["EXPAND"]

_BORDERS = ((3, 0, 5, 7), (-2, 4, 1, -3))
_FILL = 3, 200, 90


@agreement.probe(
    "Pillow's expand gives the known pixels",
    "margins of pictures that record",
    otherwise=False,
    repeats=agreement.always,
)
def _agrees() -> bool:
    return all(
        pillow_agrees(
            "affine",
            _operands(border, (61 + border[1] + border[3], 67 + border[0] + border[2]), _FILL),
            lambda image, *_, border=border: ImageOps.expand(image, border, _FILL),
        )
        for border in _BORDERS
    )


def _operands(border: tuple[int, ...], size: tuple[int, int], fill: tuple[int, ...]) -> tuple[Any, ...]:
    """Return those of an affine transform to (height, width)."""
    left, top, *_ = border
    return 1.0, 0.0, float(-left), 0.0, 1.0, float(-top), *size, "nearest", *fill


def _expanded(trace: Trace, border: Any = 0, fill: Any = 0) -> Trace | None:
    sides = border if isinstance(border, tuple) else (border, border)
    if len(sides) == 2:
        sides = (*sides, *sides)
    if len(sides) != 4 or any(type(side) is not int for side in sides):
        raise TypeError
    width, height = trace.width + sides[0] + sides[2], trace.height + sides[1] + sides[3]
    if min(width, height) < 1 or not _agrees():
        return None
    if trace.mode == "P" and not isinstance(fill, int):
        return None  # a colour, which Pillow may add to those that there are
    operands = _operands(sides, (height, width), color_of(trace.mode, fill))
    expanded = trace.then("affine", *operands, size=(width, height)).without_info()
    return expanded.recolored(ImageOps.expand)


EXPAND = Operation(name="expand", calls={(ImageOps, "expand"): _expanded}, moves=True)
