"""Tensors of bytes that are looked at from elsewhere: torch's grid of places, and the nearest pixel at each.

torch multiplies the grid by a matrix in single precision, and the library that does it rounds once or twice for each
addition. Which one it is decides where a place lies half way between two pixels, so it is asked by matrices of which
many places lie there.
"""

import math
from collections.abc import Iterator
from typing import Any, Literal

import torch
from torchvision.transforms import InterpolationMode
from torchvision.transforms import functional as F
from torchvision.transforms.v2 import functional as F2

from penstock import _native, agreement
from penstock.compat.torchvision import INVERSE_MATRICES, tensor_functional
from penstock.ops.arithmetic import agreeing
from penstock.ops.geometry.canvas import Sampling, fill_of
from penstock.ops.opaque import Opaque
from penstock.ops.operation import Building, Trace
from penstock.ops.parameters import floats_of, generation_of, numbers_of
from penstock.ops.resampling import mode_of

__all__ = ["RecordedTensor", "center_of", "gridded", "places_of", "replay", "sampling_of_tensors"]

RecordedTensor = tuple[Trace, Literal["asked"]] | None
_AFFINE = {"v1": F.affine, "v2": F2.affine}
# A scale and the shear along rows, as a tangent.
_TIES = ((10.0, 3.0), (2.5, 0.25), (0.8, 0.0), (4.0, -1.75))
_SIZE = 61, 67
_MOST_BYTE = 255


@agreement.probe(
    "torch looks at the known pixels from elsewhere",
    "rotations and affine transforms of tensors",
    otherwise=None,
    state=("threads", "autocast", "the precision of products of matrices"),
    examples=[("v1",), ("v2",)],
)
def _places(generation: str) -> str | None:
    def calls() -> Iterator[tuple[tuple[float, ...], Any]]:
        for scale, tangent in _TIES:
            shear = [math.degrees(math.atan(tangent)), 0.0]
            matrix = INVERSE_MATRICES[generation]([0.0, 0.0], 0.0, [0.0, 0.0], scale, shear)
            yield tuple(matrix), _calling(generation, scale, shear)

    def made(places: str, *matrix: float) -> bytes:
        return _native.step("affine_grid", *matrix, places, *_SIZE, "nearest", 0, 0, 0)

    return agreeing(("rounded", "fused"), generation, made, calls())


def _calling(generation: str, scale: float, shear: list[float]) -> Any:
    return lambda picture: _AFFINE[generation](picture, 0.0, [0, 0], scale, shear)


def places_of(generation: str) -> str | None:
    """Return the native name of torch's arithmetic of places, None if it is not known or not the usual one."""
    if torch.get_float32_matmul_precision() != "highest" or torch.is_autocast_enabled("cpu"):
        return None
    return _places(generation)


def sampling_of_tensors(building: Building, transform: Any) -> Sampling:
    """Return how a transform looks at tensors; Opaque if it has no native form."""
    generation = generation_of(transform)
    mode = mode_of(transform.interpolation, strings=generation == "v2")
    fill = fill_of(building, transform)
    color = _color_of(fill, building.channels)
    if mode is not InterpolationMode.NEAREST:
        raise Opaque(f"no native form on tensors by {mode.value} interpolation")
    if color is None:
        raise Opaque(f"its fill is {fill!r}, which are no bytes")
    if (places := places_of(generation)) is None:
        raise Opaque("the installed torch looks elsewhere in an unknown arithmetic")
    return places, "nearest", color


def _color_of(fill: Any, channels: int) -> tuple[int, ...] | None:
    """Return the three bytes that torch fills a tensor with; None if it fills with anything else."""
    if fill is None:
        fill = 0
    values = [fill] if isinstance(fill, (int, float)) else [*fill]
    if len(values) not in (1, channels):
        return None
    filled = torch.tensor(floats_of(values), dtype=torch.float32, device="cpu").round()
    if not bool(((filled >= 0) & (filled <= _MOST_BYTE)).all()):
        return None
    return (*map(int, filled.tolist()),) * (3 // len(values))


def center_of(trace: Trace, center: Any) -> list[float]:
    """Return a centre, by columns and rows, as it is counted from the middle; the middle if it is None."""
    if center is None:
        return [0.0, 0.0]
    column, row = numbers_of(center, "center", (2,))
    return [column - trace.width * 0.5, row - trace.height * 0.5]


def gridded(
    trace: Trace, generation: str, matrix: Any, interpolation: Any, fill: Any, *, expand: Any = False
) -> RecordedTensor:
    """Record a call on a tensor of bytes that takes pixels from where a matrix says."""
    numbers = numbers_of([*matrix], "matrix", (6,))
    color = _color_of(fill, len(trace.mode))
    if expand or interpolation not in ("nearest", InterpolationMode.NEAREST) or color is None:
        return None
    if (places := places_of(generation)) is None:
        return None
    return trace.then("affine_grid", *numbers, places, trace.height, trace.width, "nearest", *color), "asked"


def replay(image: Any, *operands: Any) -> Any:
    """Have torchvision make the step of a Pillow image."""
    *matrix, _, _, _, _, red, green, blue = operands
    fill = [float(byte) for byte in (red, green, blue)][: len(image.getbands())]
    tensor = tensor_functional.affine(F.pil_to_tensor(image), list(matrix), "nearest", fill)
    return F.to_pil_image(tensor, mode=image.mode)
