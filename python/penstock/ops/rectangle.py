"""A filled rectangle of one colour, drawn over an image."""

import functools
import math
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from penstock import _native, agreement
from penstock.ops.arithmetic import noise, rendered
from penstock.ops.geometry.canvas import color_of
from penstock.ops.operation import Operation, Trace

__all__ = ["RECTANGLE", "drawn", "painted"]

# Pillow's own, before anything is hooked.
_draw: Any = ImageDraw.ImageDraw
_new = Image.new
# The corners of rectangles, which the installed Pillow is asked to draw.
_CORNERS = (
    *((3, 5, 20, 30), (7, 7, 7, 7), (2.9, 3.5, 11.99, 12.5), (-0.9, -5.5, 4, 2), (30, 40, 500, 600)),
    *((-9, -8, -1, 3), (-9, -8, -0.5, 3), (67, 3, 80, 9), (66, 60, 66.9, 60.1), ((1, 2), (5.5, 9))),
)
_COLOR = 3, 200, 90
# Beyond them a number has no defined whole one.
_MOST = 1 << 30


@agreement.probe(
    "Pillow draws the known rectangles", "rectangles that record", otherwise=False, repeats=agreement.always
)
def _agrees() -> bool:
    pixels = noise()
    height, width, _ = pixels.shape
    for corners in _CORNERS:
        image = Image.fromarray(pixels)
        _draw(image).rectangle(corners, _COLOR)
        operands = _operands(_bounds(corners), (width, height), _COLOR)
        steps = [] if operands is None else [_native.step("rectangle", *operands)]
        if not np.array_equal(np.asarray(image), rendered(pixels, steps)):
            return False
    return True


def drawn(trace: Trace, corners: Any, fill: Any) -> Trace | None:
    """Record that a rectangle is drawn over an image as `ImageDraw` draws it.

    Args:
        trace: Of the image.
        corners: Left, top, right and bottom, all inside, in one sequence or two pairs.
        fill: Its colour.

    Raises:
        Exception: If Pillow raises, or takes them for what is not known here.
    """
    color, bounds = _ink(trace.mode, fill, *_types(fill)), _bounds(corners)
    return _recorded(trace, _operands(bounds, (trace.width, trace.height), color)) if _agrees() else None


def painted(trace: Trace, color: Any, box: Any) -> Trace | None:
    """Record that a colour is pasted on an image; None if that is Pillow's to do.

    Args:
        trace: Of the image.
        color: Of Pillow's `paste`, if it is no image.
        box: Left, top, right and bottom, of which the last two are outside.

    Raises:
        Exception: If Pillow raises, or takes them for what is not known here.
    """
    if isinstance(color, Image.Image) or color is None or type(box) is not tuple or not _agrees():
        return None
    left, top, right, bottom = box
    if any(type(value) is not int and not isinstance(value, np.integer) for value in box):
        return None
    if any(abs(value) > _MOST for value in box):
        return None
    bounds = int(left), int(top), int(right) - 1, int(bottom) - 1
    return _recorded(trace, _operands(bounds, (trace.width, trace.height), color_of(trace.mode, color)))


def _recorded(trace: Trace, operands: tuple[int, ...] | None) -> Trace:
    return trace if operands is None else trace.then("rectangle", *operands)


def _types(fill: Any) -> list[type]:
    # Numbers that are equal are not the same to Pillow.
    return [type(fill), *(map(type, fill) if isinstance(fill, (tuple, list)) else ())]


def _ink(mode: str, fill: Any, *types: type) -> tuple[int, ...]:
    return _ink_of(mode, tuple(fill) if type(fill) is list else fill, type(fill) is list, *types)


@functools.lru_cache(maxsize=256)
def _ink_of(mode: str, fill: Any, is_list: bool, *_types: type) -> tuple[int, ...]:
    pixel = _new(mode, (1, 1))
    _draw(pixel).rectangle((0, 0, 0, 0), list(fill) if is_list else fill)
    values = pixel.tobytes()
    return (*values,) * (3 // len(values))


def _bounds(corners: Any) -> tuple[int, ...]:
    """Return left, top, right and bottom as whole numbers, from which what is behind the point is cut off."""
    if type(corners) not in (tuple, list):
        raise TypeError
    values: Any = [value for corner in corners for value in corner] if len(corners) == 2 else corners
    if any(type(value) not in (int, float) and not isinstance(value, (np.integer, np.floating)) for value in values):
        raise TypeError
    left, top, right, bottom = map(float, values)
    if right < left or bottom < top or not all(math.fabs(value) < _MOST for value in (left, top, right, bottom)):
        raise ValueError
    return int(left), int(top), int(right), int(bottom)


def _operands(bounds: tuple[int, ...], size: tuple[int, int], color: tuple[int, ...]) -> tuple[int, ...] | None:
    """Return those of the step, None if nothing of the rectangle is on the image."""
    left, top, right, bottom = bounds
    (width, height), left, top = size, max(left, 0), max(top, 0)
    right, bottom = min(right + 1, width), min(bottom + 1, height)
    return (top, left, bottom - top, right - left, *color) if left < right and top < bottom else None


def _replay(image: Any, *operands: int) -> Any:
    top, left, height, width, *color = operands
    copy = image.copy()
    corners = left, top, left + width - 1, top + height - 1
    _draw(copy).rectangle(corners, color[0] if image.mode == "L" else tuple(color))
    return copy


RECTANGLE = Operation(name="rectangle", replays={"rectangle": _replay})
