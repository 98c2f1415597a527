"""`RandomRotation`; `Image.rotate` itself ends in transforms and transpositions, which are recorded."""

import functools
from collections.abc import Iterator
from typing import Any

import torchvision.transforms as v1
from torchvision.transforms import InterpolationMode, v2
from torchvision.transforms import functional as F
from torchvision.transforms.v2 import functional as F2

from penstock import _native
from penstock.compat.torchvision import INVERSE_MATRICES, OUTPUT_SIZES, tensor_functional
from penstock.ops.geometry.affine import sampling_of
from penstock.ops.geometry.grid import RecordedTensor, center_of, change_pixels, gridded
from penstock.ops.opaque import Opaque
from penstock.ops.operation import Building, Operation, Trace
from penstock.ops.parameters import generation_of, numbers_of
from penstock.ops.uniform import rounding_of

__all__ = ["ROTATE"]

_KINDS = (v1.RandomRotation, v2.RandomRotation)


def _lower(building: Building, transform: Any) -> _native.Op:
    sampling = sampling_of(building, transform)
    degrees = numbers_of(transform.degrees, "degrees", (2,))
    center = None if not transform.center else numbers_of(transform.center, "center", (2,))
    if building.is_of_numbers and generation_of(transform) == "v2":
        raise Opaque("no native form on tensors of float32 of the second generation, which may turn by whole quarters")
    change_pixels(building)
    generation, expand = generation_of(transform), bool(transform.expand)
    grown = functools.partial(_grown, generation) if expand and building.is_tensor else None
    rotation = generation, expand, grown, center, sampling
    return _native.Op("random_rotation", degrees, rotation, rounding_of())


def _grown(generation: str, *numbers: float) -> list[float]:
    """Return torchvision's width and height of what holds all of a tensor, given a matrix, and height and width."""
    *matrix, height, width = numbers
    size: list[float] = [*map(float, OUTPUT_SIZES[generation](matrix, int(width), int(height)))]
    return size


def _tensor_rotated(
    trace: Trace, matrix: Any, interpolation: Any = "nearest", expand: Any = False, fill: Any = None
) -> RecordedTensor:
    return gridded(trace, "v1", matrix, interpolation, fill, size=_size(trace, "v1", matrix, expand))


def _size(trace: Trace, generation: str, matrix: Any, expand: Any) -> tuple[int, int] | None:
    if not expand:
        return None
    width, height = _grown(generation, *matrix, trace.height, trace.width)
    return int(width), int(height)


def _kernel_rotated(  # noqa: PLR0917 - torchvision's own
    trace: Trace,
    angle: Any,
    interpolation: Any = InterpolationMode.NEAREST,
    expand: Any = False,
    center: Any = None,
    fill: Any = None,
) -> RecordedTensor:
    (angle,) = numbers_of([angle], "angle", (1,))
    angle %= 360
    if center is None and angle % 90 == 0:
        return None  # it may be a turn of pixels, some of which are no new memory
    matrix = INVERSE_MATRICES["v2"](center_of(trace, center), -angle, [0.0, 0.0], 1.0, [0.0, 0.0])
    return gridded(trace, "v2", matrix, interpolation, fill, size=_size(trace, "v2", matrix, expand))


def _examples() -> Iterator[Any]:
    for kind in _KINDS:
        yield kind(15)
        yield kind((0, 360), expand=True, fill=7)
        yield kind((-90, 200), InterpolationMode.BILINEAR, center=(2, 30))
        yield kind(45, InterpolationMode.BICUBIC, expand=True)
        for angle in (0, 90, 180, 270):
            yield kind((angle, angle))


ROTATE = Operation(
    name="rotation",
    says="{whose} own arithmetic, only for the pixels that are used",
    transforms=dict.fromkeys(_KINDS, _lower),
    random=frozenset(_KINDS),
    functions=((F, "rotate"), (F2, "rotate")),
    tensor_calls={(tensor_functional, "rotate"): _tensor_rotated},
    kernels={F2.rotate: _kernel_rotated},
    examples=_examples,
)
