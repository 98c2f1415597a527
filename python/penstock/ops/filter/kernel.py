"""`ImageFilter.Kernel`, of 3 by 3 or 5 by 5 weights, and Pillow's own kernels: SMOOTH, SHARPEN, EMBOSS and the like."""

import functools
from typing import Any

from PIL import ImageFilter

from penstock import agreement
from penstock.ops.arithmetic import pillow_agrees
from penstock.ops.operation import Operation, Trace
from penstock.ops.parameters import floats_of

__all__ = ["KERNEL"]

_OWN = (
    *(ImageFilter.BLUR, ImageFilter.CONTOUR, ImageFilter.DETAIL, ImageFilter.EDGE_ENHANCE),
    *(ImageFilter.EDGE_ENHANCE_MORE, ImageFilter.EMBOSS, ImageFilter.FIND_EDGES, ImageFilter.SHARPEN),
    *(ImageFilter.SMOOTH, ImageFilter.SMOOTH_MORE),
)
_NAMES = {(3, 3): "kernel3", (5, 5): "kernel5"}


@agreement.probe(
    "Pillow's kernels give the known pixels",
    "kernels",
    otherwise=False,
    repeats=agreement.always,
    examples=[(size,) for size in _NAMES],
)
def _agrees(size: tuple[int, int]) -> bool:
    operands = [_operands(kernel()) for kernel in _OWN if kernel.filterargs[0] == size]
    operands.append((*(0.37 * k - 1.1 for k in range(size[0] * size[1])), 2.5, 9.0))
    return all(pillow_agrees(_NAMES[size], each, functools.partial(_replay, size[0])) for each in operands)


def _operands(kernel: Any) -> tuple[float, ...]:
    _, scale, offset, weights = kernel.filterargs
    return (*floats_of(weights), *floats_of((scale, offset)))


def _weighed(trace: Trace, kernel: Any) -> Trace | None:
    size = tuple(kernel.filterargs[0])
    if size not in _NAMES or not _agrees(size):
        return None
    return trace.then(_NAMES[size], *_operands(kernel))


def _replay(side: int, image: Any, *numbers: float) -> Any:
    *weights, scale, offset = numbers
    return image.filter(ImageFilter.Kernel((side, side), weights, scale, offset))


KERNEL = Operation(
    name="kernel",
    replays={name: functools.partial(_replay, size[0]) for size, name in _NAMES.items()},
    filters=dict.fromkeys((ImageFilter.Kernel, *_OWN), _weighed),
)
