"""`RandomZoomOut`: margins of a constant, as wide as is drawn."""

from collections.abc import Iterator
from typing import Any

from torchvision.transforms import functional as F
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as F2

from penstock import _native
from penstock.ops.opaque import Opaque
from penstock.ops.operation import Building, Operation
from penstock.ops.pad import fill_of, world_of
from penstock.ops.parameters import chance_of, pair_of

__all__ = ["ZOOM_OUT"]

# By so many times sides grow that are still sides of images.
_MOST = 64


def _lower(building: Building, transform: Any) -> _native.Op:
    sides = pair_of(transform.side_range, "side_range")
    if not 1 <= sides[0] <= sides[1] <= _MOST:
        raise Opaque(f"its side_range is {sides}")
    try:
        fill = fill_of(building, transform, "constant")
    except Opaque:
        raise
    except Exception as error:
        raise Opaque(f"its fill is refused where it happens: {error}") from None
    return _native.Op("random_zoom_out", *chance_of(transform), sides, fill, world_of(building))


def _examples() -> Iterator[Any]:
    yield v2.RandomZoomOut()
    yield v2.RandomZoomOut(200, side_range=(1.0, 1.3), p=0.8)


ZOOM_OUT = Operation(
    name="zoom out",
    transforms={v2.RandomZoomOut: _lower},
    random=frozenset((v2.RandomZoomOut,)),
    functions=((F, "pad"), (F2, "pad")),
    examples=_examples,
)
