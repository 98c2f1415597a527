"""`RandomRotation`; `Image.rotate` itself ends in transforms and transpositions, which are recorded."""

from collections.abc import Iterator
from typing import Any

import torchvision.transforms as v1
from torchvision.transforms import InterpolationMode, v2
from torchvision.transforms import functional as F
from torchvision.transforms.v2 import functional as F2

from penstock import _native
from penstock.ops.geometry.affine import affine_agrees
from penstock.ops.geometry.canvas import canvas_of
from penstock.ops.opaque import Opaque
from penstock.ops.operation import Building, Operation
from penstock.ops.parameters import numbers_of
from penstock.ops.uniform import rounding_of

__all__ = ["ROTATE"]

_KINDS = (v1.RandomRotation, v2.RandomRotation)


def _lower(building: Building, transform: Any) -> _native.Op:
    name, fill = canvas_of(building, transform)
    if not affine_agrees(name):
        raise Opaque(f"the installed Pillow's {name} transform gives other pixels")
    degrees = numbers_of(transform.degrees, "degrees", (2,))
    center = None if not transform.center else numbers_of(transform.center, "center", (2,))
    building.change_values()
    return _native.Op("random_rotation", degrees, bool(transform.expand), center, name, fill, rounding_of())


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
    examples=_examples,
)
