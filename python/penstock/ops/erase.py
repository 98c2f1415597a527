"""`RandomErasing`: a rectangle of the output becomes a constant."""

from collections.abc import Iterator
from typing import Any

import torch
import torchvision.transforms as v1
from torchvision.transforms import functional as F
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as F2

from penstock import _native
from penstock.ops.opaque import Opaque
from penstock.ops.operation import Building, Operation
from penstock.ops.parameters import chance_of, numbers_of, pair_of
from penstock.ops.sides import exp, logarithms_of_transform
from penstock.ops.uniform import rounding_of

__all__ = ["ERASE"]

_KINDS = (v1.RandomErasing, v2.RandomErasing)


def _lower(building: Building, transform: Any) -> _native.Op:
    if not building.is_tensor:
        raise Opaque("it is given Pillow images, which it does not take")
    if transform.value is None or isinstance(transform.value, str):
        raise Opaque("torch draws the noise that it erases with")
    value = transform.value if isinstance(transform.value, (tuple, list)) else [transform.value]
    if len(value) not in (1, building.channels):
        raise Opaque("torchvision refuses its value where it erases")
    values = torch.tensor([float(each) for each in numbers_of(value, "value", (len(value),))])[:, None, None]
    scale, ratio = pair_of(transform.scale, "scale"), pair_of(transform.ratio, "ratio")
    if scale[0] > scale[1] or not 0 < ratio[0] <= ratio[1]:
        raise Opaque(f"its scale {scale} or its ratio {ratio} is upside down")

    def erased(strip: Any) -> Any:
        longer = F.pad(strip, [0, 0, 1, 0])
        return F.erase(longer, 0, strip.shape[-1], 1, 1, values)

    # Both generations compare in single precision.
    _, p = chance_of(transform)
    fill = building.add_margin(erased)
    building.is_erased = True
    return _native.Op("random_erasing", "v2", p, scale, logarithms_of_transform(transform), fill, rounding_of(), exp)


def _examples() -> Iterator[Any]:
    for kind in _KINDS:
        yield kind()
        yield kind(1.0, scale=(0.1, 0.9), ratio=(0.5, 2.0), value=0.7)


ERASE = Operation(
    name="erasing",
    says="written into the output",
    transforms=dict.fromkeys(_KINDS, _lower),
    random=frozenset(_KINDS),
    functions=((F, "erase"), (F2, "erase")),
    examples=_examples,
)
