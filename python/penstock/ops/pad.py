"""Margins of a constant, of the outermost pixel, or mirrored."""

from collections.abc import Iterator
from typing import Any

import torchvision.transforms as v1
from torchvision.transforms import functional as F
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as F2

from penstock import _native
from penstock.ops.opaque import Opaque
from penstock.ops.operation import Building, Operation
from penstock.ops.parameters import margins_of
from penstock.ops.refuse import raises

__all__ = ["PAD", "fill_of", "world_of"]


def world_of(building: Building) -> str:
    """Return in which form an operation meets images: torchvision pads the two in different ways."""
    return "tensor" if building.is_tensor else "pil"


def fill_of(building: Building, transform: Any, mode: str) -> int:
    """Return the number of the colour of a transform's margins, 0 where they have none."""
    if type(transform) in (v2.Pad, v2.RandomCrop, v2.RandomZoomOut):
        fill = transform._fill.get(type(building.strip), transform._fill.get("others"))

        def pad(image: Any) -> Any:
            return F2.pad(image, padding=[0, 0, 1, 0], fill=fill, padding_mode=mode)
    else:

        def pad(image: Any) -> Any:
            return F.pad(image, [0, 0, 1, 0], transform.fill, mode)

    if mode == "constant":
        return building.add_margin(pad)
    pad(building.strip)  # raises what torchvision raises about fill and mode
    return 0


def _lower(building: Building, transform: Any) -> _native.Op:
    margins = margins_of(transform.padding)
    mode: str | None = transform.padding_mode
    if min(margins) < 0 and (mode != "constant" or building.is_tensor):
        raise Opaque("negative margins")
    fill = 0
    try:
        fill = fill_of(building, transform, transform.padding_mode)
    except Opaque:
        raise
    except Exception:
        if any(margins) or raises(transform, building.strip):
            raise
        mode = None  # no image gets a margin, and torchvision does not mind
    return _native.Op("pad", margins, mode, fill, world_of(building))


def _examples() -> Iterator[Any]:
    for kind in (v1.Pad, v2.Pad):
        yield kind(2)
        yield kind((3, 1), fill=(7, 80, 200))
        for mode in ("edge", "reflect", "symmetric"):
            yield kind((1, 2, 3, 0), padding_mode=mode)


PAD = Operation(
    name="pad",
    refuses=True,
    transforms={v1.Pad: _lower, v2.Pad: _lower},
    functions=((F, "pad"), (F2, "pad")),
    examples=_examples,
)
