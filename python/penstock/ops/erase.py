"""`RandomErasing`: a rectangle of the output becomes a constant, or noise that torch draws."""

from collections.abc import Callable, Iterator
from typing import Any

import torch
import torchvision.transforms as v1
from torchvision.transforms import functional as F
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as F2

from penstock import _native
from penstock.ops.opaque import Opaque
from penstock.ops.operation import Building, Operation
from penstock.ops.parameters import chance_of, numbers_of, pair_of
from penstock.ops.sides import exp, logarithms_of_transform
from penstock.ops.uniform import rounding_of
from penstock.process_state import as_in_worker

__all__ = ["ERASE"]

_KINDS = (v1.RandomErasing, v2.RandomErasing)


def _lower(building: Building, transform: Any) -> _native.Op:
    if not building.is_tensor:
        raise Opaque("it is given Pillow images, which it does not take")
    scale, ratio = pair_of(transform.scale, "scale"), pair_of(transform.ratio, "ratio")
    if scale[0] > scale[1] or not 0 < ratio[0] <= ratio[1]:
        raise Opaque(f"its scale {scale} or its ratio {ratio} is upside down")

    # Both generations compare in single precision.
    _, p = chance_of(transform)
    filling = _noise(building) if transform.value in (None, "random") else (_constant(building, transform.value),)
    building.is_erased = True
    logarithms = logarithms_of_transform(transform)
    return _native.Op("random_erasing", "v2", p, scale, logarithms, *filling, rounding_of(), exp)


def _constant(building: Building, value: Any) -> int:
    """Return the number of the constant that is written, in the output's table."""
    value = value if isinstance(value, (tuple, list)) else [value]
    if len(value) not in (1, building.channels):
        raise Opaque("torchvision refuses its value where it erases")
    values = torch.tensor([float(each) for each in numbers_of(value, "value", (len(value),))])[:, None, None]

    def erased(strip: Any) -> Any:
        longer = F.pad(strip, [0, 0, 1, 0])
        return F.erase(longer, 0, strip.shape[-1], 1, 1, values)

    return building.add_margin(erased)


def _noise(building: Building) -> tuple[None, int, Callable[..., tuple[bytes, bytes]]]:
    """Return operands that say by whom noise is drawn."""
    dtype = building.strip.dtype
    if not dtype.is_floating_point:
        raise Opaque("it erases with noise, whose cast to whole numbers has no defined result")
    building.keep_values("noise that it erases with would be converted, too")

    def drawn(state: bytes, channels: int, height: int, width: int) -> tuple[bytes, bytes]:
        # torch's generator, with the normal number that it keeps of an odd count.
        generator = torch.Generator(device="cpu")
        generator.set_state(torch.frombuffer(bytearray(state), dtype=torch.uint8))
        with as_in_worker():
            values = torch.empty([channels, height, width], dtype=torch.float32).normal_(generator=generator)
            content = values.to(dtype).view(torch.uint8).numpy().tobytes()
        return content, generator.get_state().numpy().tobytes()

    return None, building.channels, drawn


def _examples() -> Iterator[Any]:
    for kind in _KINDS:
        yield kind()
        yield kind(1.0, scale=(0.1, 0.9), ratio=(0.5, 2.0), value=0.7)
        yield kind(0.9, value="random")


ERASE = Operation(
    name="erasing",
    says="written into the output",
    transforms=dict.fromkeys(_KINDS, _lower),
    random=frozenset(_KINDS),
    functions=((F, "erase"), (F2, "erase")),
    examples=_examples,
)
