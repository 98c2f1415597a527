"""`Image.transform` by an affine function of coordinates, which `Image.rotate` is too, and `RandomAffine`."""

from collections.abc import Iterator
from typing import Any

import torchvision.transforms as v1
from PIL import Image
from torchvision.transforms import InterpolationMode, v2
from torchvision.transforms import functional as F
from torchvision.transforms.v2 import functional as F2

from penstock import _native, agreement
from penstock.compat.torchvision import INVERSE_MATRICES, tensor_functional
from penstock.ops.arithmetic import pillow_agrees
from penstock.ops.geometry.canvas import INTERPOLATIONS, Sampling, canvas_of, color_of
from penstock.ops.geometry.grid import (
    RecordedTensor,
    center_of,
    change_pixels,
    gridded,
    replay,
    replay_sampled,
    replay_sampled_floats,
    sampling_of_tensors,
)
from penstock.ops.opaque import Opaque
from penstock.ops.operation import Building, Operation, Trace
from penstock.ops.parameters import floats_of, generation_of, numbers_of
from penstock.ops.uniform import rounding_of

__all__ = ["AFFINE", "affine_agrees", "sampling_of", "transformed"]

_KINDS = (v1.RandomAffine, v2.RandomAffine)
# Height and width, and colour.
_CANVAS, _FILL = (61, 67), (3, 200, 90)
_MATRICES = (
    (0.9, 0.31, -4.2, -0.27, 1.1, 7.7),
    (1.3, 0.0, -2.5, 0.0, 0.7, 3.25),
    (1.0, 0.0, 3.0, 0.0, 1.0, -5.0),
)


@agreement.probe(
    "Pillow's affine transform gives the known pixels",
    "rotations and affine transforms of images",
    otherwise=False,
    repeats=agreement.always,
    examples=[(name,) for name in INTERPOLATIONS],
)
def affine_agrees(name: str) -> bool:
    """Whether the installed Pillow transforms an image by an interpolation to our pixels."""
    return all(pillow_agrees("affine", (*matrix, *_CANVAS, name, *_FILL), _replay) for matrix in _MATRICES)


def transformed(trace: Trace, size: Any, matrix: Any, name: str, fillcolor: Any) -> Trace | None:
    """Record an affine transform of an image to (width, height)."""
    width, height = size
    if not affine_agrees(name):
        return None
    fill = color_of(trace.mode, fillcolor)
    return trace.then("affine", *floats_of(matrix[:6]), height, width, name, *fill, size=(width, height))


def sampling_of(building: Building, transform: Any, *, always: bool = True) -> Sampling:
    """Return how a transform looks at images; Opaque if it has no native form. See `canvas_of`."""
    if building.is_tensor:
        return sampling_of_tensors(building, transform, always=always)
    name, fill = canvas_of(building, transform, always=always)
    if not affine_agrees(name):
        raise Opaque(f"the installed Pillow's {name} transform gives other pixels")
    return "pillow", name, fill, None, False


def _lower(building: Building, transform: Any) -> _native.Op:
    sampling = sampling_of(building, transform)
    shear = None if transform.shear is None else numbers_of(transform.shear, "shear", (2, 4))
    operands = [
        generation_of(transform),
        numbers_of(transform.degrees, "degrees", (2,)),
        None if transform.translate is None else numbers_of(transform.translate, "translate", (2,)),
        None if transform.scale is None else numbers_of(transform.scale, "scale", (2,)),
        None if shear is None else shear[:2],
        None if shear is None or len(shear) == 2 else shear[2:],
        None if transform.center is None else numbers_of(transform.center, "center", (2,)),
    ]
    change_pixels(building)
    return _native.Op("random_affine", *operands, sampling, rounding_of())


def _tensor_transformed(trace: Trace, matrix: Any, interpolation: Any = "nearest", fill: Any = None) -> RecordedTensor:
    return gridded(trace, "v1", matrix, interpolation, fill)


def _kernel_transformed(  # noqa: PLR0917 - torchvision's own
    trace: Trace,
    angle: Any,
    translate: Any,
    scale: Any,
    shear: Any,
    interpolation: Any = InterpolationMode.NEAREST,
    fill: Any = None,
    center: Any = None,
) -> RecordedTensor:
    slants = [shear, 0.0] if isinstance(shear, (int, float)) else [*shear]
    slants = slants * 2 if len(slants) == 1 else slants
    middle = center_of(trace, center)
    shifts = [float(shift) for shift in translate]
    # Whatever is none of these numbers has torchvision raise, or warn.
    numbers_of([angle, *shifts, scale, *slants], "parameter", (6,))
    if scale <= 0 or not isinstance(translate, (list, tuple)):
        raise ValueError
    matrix = INVERSE_MATRICES["v2"](middle, float(angle), shifts, scale, slants)
    return gridded(trace, "v2", matrix, interpolation, fill)


def _replay(image: Any, *operands: Any) -> Any:
    *matrix, height, width, name, red, green, blue = operands
    color = (red, green, blue) if image.mode == "RGB" else red
    return image.transform((width, height), Image.Transform.AFFINE, matrix, INTERPOLATIONS[name], fillcolor=color)


def _examples() -> Iterator[Any]:
    for kind in _KINDS:
        yield kind(20)
        yield kind((-30, 80), translate=(0.1, 0.3), scale=(0.7, 1.4), shear=(-10, 20), fill=9)
        yield kind(0, shear=(-10, 20, 0, 15), interpolation=InterpolationMode.BILINEAR, center=(3, 40))
        yield kind(10, scale=(0.5, 0.6), interpolation=InterpolationMode.BICUBIC)


AFFINE = Operation(
    name="affine transform",
    says="{whose} own arithmetic, only for the pixels that are used",
    transforms=dict.fromkeys(_KINDS, _lower),
    random=frozenset(_KINDS),
    functions=((F, "affine"), (F2, "affine")),
    replays={
        "affine": _replay,
        "affine_grid": replay,
        "sampled_grid": replay_sampled,
        "sampled_floats": replay_sampled_floats,
    },
    tensor_calls={(tensor_functional, "affine"): _tensor_transformed},
    kernels={F2.affine: _kernel_transformed},
    examples=_examples,
)
