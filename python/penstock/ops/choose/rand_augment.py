"""`RandAugment`: a number of operations at one magnitude."""

from collections.abc import Iterator
from typing import Any

import torchvision.transforms as v1
from torchvision.transforms import InterpolationMode, v2

from penstock import _native
from penstock.ops.choose.space import FUNCTIONS, Space
from penstock.ops.opaque import Opaque
from penstock.ops.operation import Building, Operation
from penstock.ops.parameters import generation_of, integer_of

__all__ = ["RAND_AUGMENT"]

_KINDS = (v1.RandAugment, v2.RandAugment)


def _lower(building: Building, transform: Any) -> _native.Op:
    times = integer_of(transform.num_ops, "its number of operations")
    if times < 0:
        raise Opaque("its number of operations is negative")
    space = Space(building, transform, integer_of(transform.num_magnitude_bins, "its number of magnitudes"))
    branches = [space.branch(name, integer_of(transform.magnitude, "its magnitude")) for name in space.names]
    building.change_values()
    return _native.Op("rand_augment", generation_of(transform), times, len(branches), branches)


def _examples() -> Iterator[Any]:
    for kind in _KINDS:
        yield kind()
        yield kind(4, magnitude=-1, num_magnitude_bins=10, fill=100)
        yield kind(3, 14, interpolation=InterpolationMode.BILINEAR, fill=[200])


RAND_AUGMENT = Operation(
    name="RandAugment",
    says="{whose} own arithmetic, operations and signs drawn as torch draws them",
    transforms=dict.fromkeys(_KINDS, _lower),
    random=frozenset(_KINDS),
    functions=FUNCTIONS,
    examples=_examples,
)
