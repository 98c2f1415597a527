"""`ImageOps.expand`, by which torchvision pads Pillow's images with a constant too, the same of tensors, and mirrors.

It is a shift of an image on a canvas of another size, as an affine transform by the nearest pixel makes it.
"""

from collections.abc import Sequence
from typing import Any, Literal

import torch
from PIL import ImageOps
from torchvision.transforms import functional as F
from torchvision.transforms.v2 import functional as F2

from penstock import agreement
from penstock.compat.torchvision import image_functional, tensor_functional
from penstock.ops.arithmetic import pillow_agrees
from penstock.ops.geometry.canvas import color_of
from penstock.ops.operation import Operation, Trace
from penstock.ops.parameters import floats_of, margins_of

__all__ = ["EXPAND", "moved"]

_BORDERS = ((3, 0, 5, 7), (-2, 4, 1, -3))
_FILL = 3, 200, 90
_SHOWN = ("edge", "reflect", "symmetric")
_MOST_BYTE = 255
_Padded = tuple[Trace, Literal["asked"]] | None


@agreement.probe(
    "Pillow's expand gives the known pixels",
    "margins of images that record",
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


def moved(trace: Trace, border: tuple[int, ...], color: tuple[int, ...]) -> Trace | None:
    """Record that a border of a colour is put around an image, which loses pixels where it is negative.

    Args:
        trace: Of one of Pillow's.
        border: Left, top, right, bottom.
        color: Of three bytes, of which an image of one channel has the first.

    Returns:
        None if that is Pillow's to make.
    """
    width, height = trace.width + border[0] + border[2], trace.height + border[1] + border[3]
    if min(width, height) < 1 or not _agrees():
        return None
    return trace.then("affine", *_operands(border, (height, width), color), size=(width, height))


def _expanded(trace: Trace, border: Any = 0, fill: Any = 0) -> Trace | None:
    sides = border if isinstance(border, tuple) else (border, border)
    if len(sides) == 2:
        sides = (*sides, *sides)
    if len(sides) != 4 or any(type(side) is not int for side in sides):
        raise TypeError
    if trace.mode == "P" and not isinstance(fill, int):
        return None  # a colour, which Pillow may add to those that there are
    expanded = moved(trace, sides, color_of(trace.mode, fill))
    return None if expanded is None else expanded.without_info().recolored(ImageOps.expand)


def _image_padded(trace: Trace, padding: Any, fill: Any = 0, padding_mode: Any = "constant") -> Trace | None:
    """Record margins that show the image, which torchvision makes by NumPy; those of a constant are expanded."""
    if padding_mode not in _SHOWN:
        return None
    if not isinstance(fill, (int, float, tuple, list, type(None))):
        raise TypeError
    margins = margins_of(tuple(padding) if isinstance(padding, list) else padding)
    # A gray image is made over an array of NumPy's, and says that it may not be written to.
    if min(margins) < 0 or not any(margins) or trace.mode != "RGB":
        return None
    left, top, right, bottom = margins
    size = trace.width + left + right, trace.height + top + bottom
    return trace.then("pad", *margins, padding_mode, 0, size=size).without_info()


def _replay(image: Any, *operands: Any) -> Any:
    *margins, mode, _ = operands
    return F.pad(image, margins, padding_mode=mode)


def _tensor_padded(trace: Trace, padding: Any, fill: Any = 0, padding_mode: Any = "constant") -> _Padded:
    fill = 0 if fill is None else fill
    if not isinstance(fill, (int, float)):
        raise TypeError
    return _framed(trace, margins_of(padding), [fill], padding_mode)


def _kernel_padded(trace: Trace, padding: Any, fill: Any = None, padding_mode: Any = "constant") -> _Padded:
    if fill is None or isinstance(fill, (int, float)):
        return _tensor_padded(trace, padding, fill, padding_mode)
    # Of several numbers torch makes a tensor first.
    values = [*fill] if len(fill) == 1 else torch.tensor(floats_of(fill), dtype=torch.float32, device="cpu").tolist()
    return _framed(trace, margins_of(padding), values, padding_mode)


def _framed(trace: Trace, margins: Sequence[int], values: Sequence[float], mode: Any) -> _Padded:
    left, top, right, bottom = margins
    # Without margins a copy may lie in memory as none with margins does.
    if mode != "constant" or min(margins) < 0 or not any(margins) or len(values) not in (1, len(trace.mode)):
        return None
    if not all(0 <= value <= _MOST_BYTE for value in values):
        return None
    # A cast to bytes cuts off what is behind the point.
    color = (*map(int, values),) * (3 // len(values))
    width, height = trace.width + left + right, trace.height + top + bottom
    operands = _operands((left, top), (height, width), color)
    return trace.then("affine", *operands, size=(width, height)), "asked"


EXPAND = Operation(
    name="expand",
    replays={"pad": _replay},
    calls={(ImageOps, "expand"): _expanded, (image_functional, "pad"): _image_padded},
    moves=True,
    tensor_calls={(tensor_functional, "pad"): _tensor_padded},
    kernels={F2.pad: _kernel_padded},
)
