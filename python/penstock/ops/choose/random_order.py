"""`RandomOrder`: torch's generator draws the order in the second generation of transforms, Python's in the first."""

import random
from collections.abc import Iterator
from typing import Any

import torchvision.transforms as v1
from torchvision.transforms import v2

from penstock import _native
from penstock.ops.choose.random_apply import RANDOM_APPLY
from penstock.ops.operation import Building, Operation
from penstock.ops.parameters import generation_of

__all__ = ["RANDOM_ORDER"]

_KINDS = (v1.RandomOrder, v2.RandomOrder)


def _lower(building: Building, transform: Any) -> _native.Op:
    parts = building.parts(transform.transforms)
    return _native.Op("random_order", generation_of(transform), len(parts), [(len(ops), ops) for ops in parts])


def _examples() -> Iterator[Any]:
    flips = [v2.RandomHorizontalFlip(0.5), v2.RandomVerticalFlip(0.5)]
    yield v1.RandomOrder([v1.RandomSolarize(100, p=0.8), v1.RandomPosterize(2, p=0.8), *flips])
    yield v1.RandomOrder([v1.Compose(flips), v2.Identity()])
    yield v2.RandomOrder([v2.RandomSolarize(100, p=0.8), v2.RandomPosterize(2, p=0.8), *flips])
    yield v2.RandomOrder([v2.Compose(flips), v2.RandomInvert(1.0), v2.Identity()])


RANDOM_ORDER = Operation(
    name="random order",
    says=RANDOM_APPLY.says,
    transforms=dict.fromkeys(_KINDS, _lower),
    random=frozenset(_KINDS),
    pythons=frozenset((v1.RandomOrder,)),
    functions=((random, "shuffle"),),
    examples=_examples,
)
