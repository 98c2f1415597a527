"""`RandomApply`: all of some transforms, or none."""

from collections.abc import Iterator
from typing import Any

import torchvision.transforms as v1
from torch import nn
from torchvision.transforms import v2

from penstock import _native
from penstock.ops.operation import Building, Operation
from penstock.ops.parameters import chance_of

__all__ = ["RANDOM_APPLY"]

_KINDS = (v1.RandomApply, v2.RandomApply)


def _lower(building: Building, transform: Any) -> _native.Op:
    chance = chance_of(transform)
    ops = [op for part in building.parts(transform.transforms) for op in part]
    return _native.Op("random_apply", chance, len(ops), ops)


def _examples() -> Iterator[Any]:
    for module in (v1, v2):
        yield module.RandomApply([module.RandomHorizontalFlip(0.5), module.RandomInvert(0.5)])
        yield module.RandomApply(nn.ModuleList([module.RandomSolarize(100, p=0.7), nn.Identity()]), p=0.8)
        nested = module.RandomApply([module.RandomPosterize(3)], p=1.0)
        yield module.RandomApply([module.Compose([nested, module.RandomVerticalFlip(1.0)]), nested], p=0.3)


RANDOM_APPLY = Operation(
    name="random apply",
    says="its parts are drawn as torch draws them",
    transforms=dict.fromkeys(_KINDS, _lower),
    random=frozenset(_KINDS),
    examples=_examples,
)
