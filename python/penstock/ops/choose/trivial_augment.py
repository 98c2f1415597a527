"""`TrivialAugmentWide`: one operation at a magnitude that is drawn."""

from collections.abc import Iterator
from typing import Any

import torchvision.transforms as v1
from torchvision.transforms import InterpolationMode, v2

from penstock import _native
from penstock.ops.choose.rand_augment import RAND_AUGMENT
from penstock.ops.choose.space import FUNCTIONS, Space
from penstock.ops.operation import Building, Operation
from penstock.ops.parameters import generation_of, integer_of

__all__ = ["TRIVIAL_AUGMENT"]

_KINDS = (v1.TrivialAugmentWide, v2.TrivialAugmentWide)


def _lower(building: Building, transform: Any) -> _native.Op:
    space = Space(building, transform, integer_of(transform.num_magnitude_bins, "its number of magnitudes"))
    branches = [space.branch(name, drawn=True) for name in space.names]
    building.change_values()
    return _native.Op("rand_augment", generation_of(transform), 1, len(branches), branches)


def _examples() -> Iterator[Any]:
    for kind in _KINDS:
        yield kind()
        yield kind(7, interpolation=InterpolationMode.BICUBIC, fill=9)


TRIVIAL_AUGMENT = Operation(
    name="TrivialAugment",
    says=RAND_AUGMENT.says,
    transforms=dict.fromkeys(_KINDS, _lower),
    random=frozenset(_KINDS),
    functions=FUNCTIONS,
    examples=_examples,
)
