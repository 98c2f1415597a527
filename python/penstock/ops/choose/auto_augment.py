"""`AutoAugment`: one of a policy's pairs of operations, each of which is made or not."""

from collections.abc import Iterator
from typing import Any

import torchvision.transforms as v1
from torchvision.transforms import AutoAugmentPolicy, InterpolationMode, v2

from penstock import _native
from penstock.ops.choose.rand_augment import RAND_AUGMENT
from penstock.ops.choose.space import FUNCTIONS, Branch, Space
from penstock.ops.opaque import Opaque
from penstock.ops.operation import Building, Operation
from penstock.ops.parameters import generation_of

__all__ = ["AUTO_AUGMENT"]

_KINDS = (v1.AutoAugment, v2.AutoAugment)
# The number of magnitudes, which torchvision has in the code.
_BINS = 10


def _lower(building: Building, transform: Any) -> _native.Op:
    space = Space(building, transform, _BINS)
    generation = generation_of(transform)
    policies = transform._policies if generation == "v2" else transform.policies
    if type(policies) is not list or not policies or any(len(policy) != 2 for policy in policies):
        raise Opaque("its policies are not a list of pairs")
    pairs = [[_part(space, *part) for part in policy] for policy in policies]
    building.change_values()
    return _native.Op("auto_augment", generation, len(pairs), pairs)


def _part(space: Space, name: str, p: Any, chosen: int | None) -> tuple[float, Branch]:
    if type(p) not in (int, float):
        raise Opaque(f"the probability of {name} is {p!r}")
    return float(p), space.branch(name, chosen)


def _examples() -> Iterator[Any]:
    for kind in _KINDS:
        for policy in AutoAugmentPolicy:
            yield kind(policy)
        yield kind(AutoAugmentPolicy.SVHN, interpolation=InterpolationMode.BILINEAR, fill=77)


AUTO_AUGMENT = Operation(
    name="AutoAugment",
    says=RAND_AUGMENT.says,
    transforms=dict.fromkeys(_KINDS, _lower),
    random=frozenset(_KINDS),
    functions=FUNCTIONS,
    examples=_examples,
)
