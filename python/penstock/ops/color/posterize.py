"""Posterizing: only the upper bits of a value are kept, in all libraries."""

from collections.abc import Iterator
from typing import Any, Literal

import torchvision.transforms as v1
from PIL import ImageOps
from torchvision.transforms import functional as F
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as F2

from penstock import _native
from penstock.compat.torchvision import tensor_functional
from penstock.ops.opaque import Opaque
from penstock.ops.operation import Building, Operation, Trace
from penstock.ops.parameters import chance_of

__all__ = ["POSTERIZE"]

# Of a byte.
_BITS = 8


def _lower(building: Building, transform: Any) -> _native.Op:
    bits = transform.bits
    if type(bits) is not int or not 1 <= bits <= _BITS:
        raise Opaque(f"its number of bits is {bits!r}")
    building.change_values()
    return _native.Op("random_posterize", chance_of(transform), bits)


def _posterized(trace: Trace, bits: Any) -> Trace | None:
    return trace.then("posterize", bits) if type(bits) is int and 1 <= bits <= _BITS else None


def _tensor_posterized(trace: Trace, bits: Any) -> tuple[Trace, Literal["asked"]] | None:
    # The second generation returns the very tensor where all bits are kept.
    posterized = _posterized(trace, bits) if bits != _BITS else None
    return None if posterized is None else (posterized, "asked")


def _examples() -> Iterator[Any]:
    for kind in (v1.RandomPosterize, v2.RandomPosterize):
        for bits in (1, 3, 7, 8):
            yield kind(bits, p=0.7)


POSTERIZE = Operation(
    name="posterize",
    says="a table of bytes, part of the conversion's",
    transforms={v1.RandomPosterize: _lower, v2.RandomPosterize: _lower},
    random=frozenset((v1.RandomPosterize, v2.RandomPosterize)),
    functions=((F, "posterize"), (F2, "posterize")),
    replays={"posterize": ImageOps.posterize},
    calls={(ImageOps, "posterize"): _posterized},
    tensor_calls={(tensor_functional, "posterize"): _tensor_posterized},
    kernels={F2.posterize: _tensor_posterized},
    examples=_examples,
)
