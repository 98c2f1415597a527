"""`Image.transform` by a perspective, and `RandomPerspective`."""

from collections.abc import Iterator
from typing import Any

import torchvision.transforms as v1
from PIL import Image
from torchvision.transforms import InterpolationMode, v2
from torchvision.transforms import functional as F
from torchvision.transforms.v2 import functional as F2

from penstock import _native, agreement
from penstock.compat.torchvision import perspective_coefficients, tensor_functional
from penstock.ops import refuse
from penstock.ops.arithmetic import pillow_agrees
from penstock.ops.geometry.canvas import INTERPOLATIONS, Sampling, canvas_of, color_of
from penstock.ops.geometry.grid import RecordedTensor, looked_at, sampling_of_tensors
from penstock.ops.opaque import Opaque
from penstock.ops.operation import Building, Operation, Trace
from penstock.ops.parameters import chance_of, floats_of, generation_of, numbers_of

__all__ = ["PERSPECTIVE", "seen_from"]

_KINDS = (v1.RandomPerspective, v2.RandomPerspective)
# Height and width, and colour.
_CANVAS, _FILL = (61, 67), (3, 200, 90)
_MATRICES = (
    (0.9, 0.31, -4.2, -0.27, 1.1, 7.7, 0.002, -0.001),
    (1.0, 0.0, 3.0, 0.0, 1.0, -5.0, 0.0, 0.0),
)


@agreement.probe(
    "Pillow's perspective gives the known pixels",
    "perspectives of images",
    otherwise=False,
    repeats=agreement.always,
    examples=[(name,) for name in INTERPOLATIONS],
)
def _agrees(name: str) -> bool:
    return all(pillow_agrees("perspective", (*matrix, *_CANVAS, name, *_FILL), _replay) for matrix in _MATRICES)


def seen_from(trace: Trace, size: Any, matrix: Any, name: str, fillcolor: Any) -> Trace | None:
    """Record a perspective of an image of (width, height)."""
    width, height = size
    if not _agrees(name):
        return None
    fill = color_of(trace.mode, fillcolor)
    return trace.then("perspective", *floats_of(matrix[:8]), height, width, name, *fill, size=(width, height))


def _lower(building: Building, transform: Any) -> _native.Op:
    # Both generations compare in single precision.
    _, p = chance_of(transform)
    sampling = _sampling_of(building, transform, always=p >= 1)
    scale = transform.distortion_scale
    if type(scale) not in (int, float) or not 0 <= scale <= 1:
        raise Opaque(f"its distortion_scale is {scale!r}")
    building.change_values()
    return _native.Op("random_perspective", "v2", p, generation_of(transform), float(scale), sampling, coefficients)


def _sampling_of(building: Building, transform: Any, *, always: bool) -> Sampling:
    if building.is_tensor:
        return sampling_of_tensors(building, transform, always=always, perspective=True)
    name, fill = canvas_of(building, transform, always=always)
    if not _agrees(name):
        raise Opaque(f"the installed Pillow's {name} perspective gives other pixels")
    return "pillow", name, fill, None, False


def coefficients(*numbers: float) -> list[float]:
    """Return torchvision's coefficients of a perspective; none where it raises.

    Args:
        numbers: Height and width of the image, and the new places (x, y) of its corners, clockwise from the top left.
    """
    height, width, *corners = map(int, numbers)
    start = [[0, 0], [width - 1, 0], [width - 1, height - 1], [0, height - 1]]
    end = [corners[k : k + 2] for k in range(0, len(corners), 2)]
    try:
        found: list[float] = perspective_coefficients(start, end)
    except RuntimeError as error:  # these are the corners of no perspective; torchvision raises once it has drawn them
        refuse.note(error)
        return []
    return found


def _tensor_seen(
    trace: Trace, perspective_coeffs: Any, interpolation: Any = "bilinear", fill: Any = None
) -> RecordedTensor:
    return _seen(trace, "v1", perspective_coeffs, interpolation, fill)


def _kernel_seen(  # noqa: PLR0917 - torchvision's own
    trace: Trace,
    startpoints: Any,
    endpoints: Any,
    interpolation: Any = InterpolationMode.BILINEAR,
    fill: Any = None,
    coefficients: Any = None,
) -> RecordedTensor:
    if coefficients is None:
        coefficients = perspective_coefficients(startpoints, endpoints)
    elif startpoints is not None or endpoints is not None:
        raise ValueError
    return _seen(trace, "v2", coefficients, interpolation, fill)


def _seen(trace: Trace, generation: str, numbers: Any, interpolation: Any, fill: Any) -> RecordedTensor:
    matrix = numbers_of([*numbers], "coefficients", (8,))
    return looked_at(trace, generation, matrix, interpolation, fill, (trace.width, trace.height))


def _replay(image: Any, *operands: Any) -> Any:
    *matrix, height, width, name, red, green, blue = operands
    color = (red, green, blue) if image.mode == "RGB" else red
    return image.transform((width, height), Image.Transform.PERSPECTIVE, matrix, INTERPOLATIONS[name], fillcolor=color)


def _examples() -> Iterator[Any]:
    for kind in _KINDS:
        yield kind()
        yield kind(0.2, p=1, interpolation=InterpolationMode.NEAREST, fill=200)
        yield kind(0.9, p=0.8, interpolation=InterpolationMode.BICUBIC)


PERSPECTIVE = Operation(
    name="perspective",
    says="{whose} own arithmetic, only for the pixels that are used",
    transforms=dict.fromkeys(_KINDS, _lower),
    random=frozenset(_KINDS),
    functions=((F, "perspective"), (F2, "perspective")),
    replays={"perspective": _replay},
    tensor_calls={(tensor_functional, "perspective"): _tensor_seen},
    kernels={F2.perspective: _kernel_seen},
    examples=_examples,
)
