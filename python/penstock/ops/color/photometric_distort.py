"""`RandomPhotometricDistort`: changes of colour that are drawn, and perhaps channels in another order."""

from collections.abc import Iterator
from typing import Any

from torchvision.transforms import v2

from penstock import _native
from penstock.ops.color.jitter import bounds_of, jitter_arithmetic
from penstock.ops.opaque import Opaque
from penstock.ops.operation import Building, Operation
from penstock.ops.uniform import uniform_rounding

__all__ = ["PHOTOMETRIC_DISTORT"]

_NAMES = ("brightness", "contrast", "saturation", "hue")


def _lower(building: Building, transform: Any) -> _native.Op:
    if type(transform.p) not in (int, float):
        raise Opaque(f"its probability is a {type(transform.p).__name__}")
    bounds = [bounds_of(getattr(transform, name), name) for name in _NAMES]
    if (rounding := uniform_rounding()) is None:
        raise Opaque("torch's uniform_ draws other numbers here")
    arithmetic = jitter_arithmetic(building, transform, mixes_contrast=True)
    building.change_values()
    p = float(transform.p)
    return _native.Op("random_photometric_distort", arithmetic, building.channels, p, rounding, *bounds)


def _examples() -> Iterator[Any]:
    yield v2.RandomPhotometricDistort()
    yield v2.RandomPhotometricDistort(p=1)


PHOTOMETRIC_DISTORT = Operation(
    name="photometric distortion",
    says="{whose} own arithmetic, factors and order drawn as torch draws them",
    transforms={v2.RandomPhotometricDistort: _lower},
    random=frozenset((v2.RandomPhotometricDistort,)),
    examples=_examples,
)
