"""`RandomChoice`: torch's generator chooses in the second generation of transforms, Python's in the first."""

import itertools
import math
import random
from collections.abc import Iterator, Sequence
from typing import Any

import torch
import torchvision.transforms as v1
from torchvision.transforms import v2

from penstock import _native, agreement
from penstock.ops.choose.random_apply import RANDOM_APPLY
from penstock.ops.opaque import Opaque
from penstock.ops.operation import Building, Operation

__all__ = ["RANDOM_CHOICE"]

# Of few choices and many, some of which are never made.
_PROBABILITIES = ((1.0,), (0.5, 0.5), (0.1, 0.0, 0.6, 0.3), tuple(k / 210 for k in range(21)))
_DRAWS = 64
_MOST = 1 << 53


@agreement.probe(
    "torch's multinomial draws the known numbers",
    "RandomChoice",
    otherwise=False,
    state=("the default dtype", "the default device", "torch's modes", "deterministic algorithms"),
)
def _multinomial_agrees() -> bool:
    """Whether `torch.multinomial` chooses by exponential variates of its generator, and not of another library's."""
    for seed, probabilities in enumerate(_PROBABILITIES):
        ours, theirs = _native.Generator(seed), torch.Generator(device="cpu").manual_seed(seed)
        tensor = torch.tensor(probabilities, dtype=torch.float32, device="cpu")
        for _ in range(_DRAWS):
            if ours.multinomial(probabilities) != torch.multinomial(tensor, 1, generator=theirs).item():
                return False
        state = theirs.get_state()
        drawn = state.clone()
        ours.store(drawn.numpy())
        if not torch.equal(drawn, state):
            return False
    return True


def _lower(building: Building, transform: Any) -> _native.Op:
    p = transform.p
    if type(p) is not list or not all(type(each) is float and math.isfinite(each) and each >= 0 for each in p):
        raise Opaque(f"its probabilities are {p!r}")
    parts = building.parts(transform.transforms)
    if len(p) != len(parts) or not any(p):
        raise Opaque(f"it has {len(parts)} transforms and the probabilities {p!r}")
    if not _multinomial_agrees():
        raise Opaque("torch's multinomial draws other numbers here")
    return _choice("torch", p, parts)


def _lower_first(building: Building, transform: Any) -> _native.Op:
    parts, p = building.parts(transform.transforms), transform.p
    if not parts:
        raise Opaque("there is nothing to choose from")
    if p is None:
        return _choice("python", [0.0] * len(parts), parts)
    if type(p) not in (list, tuple) or not all(type(each) in (int, float) for each in p):
        raise Opaque(f"its weights are {p!r}")
    sums = list(itertools.accumulate(p))
    if len(sums) != len(parts) or not 0 < sums[-1] < math.inf:
        raise ValueError(p)  # as Python does for each image
    if not all(abs(each) < _MOST for each in sums):
        raise Opaque(f"its weights are {p!r}")
    return _choice("weighted", sums, parts)


def _choice(chooser: str, numbers: Sequence[float], parts: list[list[_native.Op]]) -> _native.Op:
    choices = [(float(each), len(ops), ops) for each, ops in zip(numbers, parts, strict=True)]
    return _native.Op("random_choice", chooser, len(choices), choices)


def _examples() -> Iterator[Any]:
    flips = [v2.RandomHorizontalFlip(0.5), v2.RandomVerticalFlip(0.5)]
    yield v2.RandomChoice([*flips, v2.RandomInvert(0.5), v2.Identity()])
    yield v1.RandomChoice([*flips, v1.RandomInvert(0.5), v2.Identity()])
    yield v1.RandomChoice([v1.Compose(flips), v1.RandomPosterize(2)], p=(3, 0.5))
    yield v2.RandomChoice([v2.Compose(flips), v2.RandomPosterize(2), v2.RandomSolarize(30, p=0.9)], p=[3, 0, 1.5])


RANDOM_CHOICE = Operation(
    name="random choice",
    says=RANDOM_APPLY.says,
    transforms={v1.RandomChoice: _lower_first, v2.RandomChoice: _lower},
    random=frozenset((v1.RandomChoice, v2.RandomChoice)),
    pythons=frozenset((v1.RandomChoice,)),
    functions=((random, "choices"),),
    examples=_examples,
)
