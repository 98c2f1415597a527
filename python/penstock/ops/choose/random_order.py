"""`RandomOrder` of the second generation; the first one asks Python's generator."""

from collections.abc import Iterator
from typing import Any

from torchvision.transforms import v2

from penstock import _native
from penstock.ops.choose.random_apply import RANDOM_APPLY
from penstock.ops.operation import Building, Operation

__all__ = ["RANDOM_ORDER"]


def _lower(building: Building, transform: Any) -> _native.Op:
    parts = building.parts(transform.transforms)
    return _native.Op("random_order", len(parts), [(len(ops), ops) for ops in parts])


def _examples() -> Iterator[Any]:
    flips = [v2.RandomHorizontalFlip(0.5), v2.RandomVerticalFlip(0.5)]
    yield v2.RandomOrder([v2.RandomSolarize(100, p=0.8), v2.RandomPosterize(2, p=0.8), *flips])
    yield v2.RandomOrder([v2.Compose(flips), v2.RandomInvert(1.0), v2.Identity()])


RANDOM_ORDER = Operation(
    name="random order",
    says=RANDOM_APPLY.says,
    transforms={v2.RandomOrder: _lower},
    random=frozenset((v2.RandomOrder,)),
    examples=_examples,
)
