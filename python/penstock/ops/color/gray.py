"""Gray: every channel becomes the pixel's luminance."""

from collections.abc import Iterator
from typing import Any

import torchvision.transforms as v1
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as F2

from penstock import _native
from penstock.compat.torchvision import image_functional
from penstock.ops.color.adjust import Adjustment
from penstock.ops.color.floats import float_arithmetic, float_replays
from penstock.ops.opaque import Opaque
from penstock.ops.operation import Building, Trace
from penstock.ops.parameters import chance_of

__all__ = ["GRAY", "gray", "luminance"]

_RANDOM = (v1.RandomGrayscale, v2.RandomGrayscale)
_ALWAYS = (v1.Grayscale, v2.Grayscale)


def _lower_random(building: Building, transform: Any) -> _native.Op:
    if building.is_of_numbers:
        arithmetic = float_arithmetic(building, transform, "gray_floats")
        building.change_numbers(mixes=True)
        return _native.Op("random_gray_floats", "v2", chance_of(transform)[1], arithmetic)
    arithmetic = gray.arithmetic_for(building, transform)
    building.change_values()
    _, p = chance_of(transform)
    # Both generations compare as the second one does.
    return _native.Op("random_grayscale", "v2", p, arithmetic)


def _lower(building: Building, transform: Any) -> _native.Op | None:
    channels = transform.num_output_channels
    if channels not in (1, 3):
        raise Opaque(f"its number of channels is {channels!r}")
    if building.channels == 1:
        if channels != 1 and building.is_tensor:
            raise Opaque("no native form where a tensor gets more channels")
        # Of gray images, Pillow changes nothing but the number of channels, here or in what was done before.
        building.strip, building.channels = transform(building.strip), channels
        return None
    if building.is_of_numbers and channels == 3:
        arithmetic = float_arithmetic(building, transform, "gray_floats")
        building.change_numbers(mixes=True)
        return _native.Op("always", _native.step("gray_floats", arithmetic))
    arithmetic = gray.arithmetic_for(building, transform)
    building.change_values()
    if channels == 1:
        building.keep_channel(transform)
    return _native.Op("grayscale", arithmetic, channels == 1)


def luminance(trace: Trace) -> Trace | None:
    """Record that one channel is made of an image of Pillow's."""
    if trace.mode == "L":
        return trace
    arithmetic = gray.arithmetic("pillow")
    return None if arithmetic is None else trace.then("gray", arithmetic).then("channel", 0).convert("L")


def _made_gray(trace: Trace, num_output_channels: Any) -> Trace | None:
    if num_output_channels == 1:
        return luminance(trace)
    if trace.mode == "L":
        return trace.convert("RGB").without_info() if num_output_channels == 3 else None
    return gray.records(trace) if num_output_channels == 3 else None


def _kernel_made_gray(trace: Trace, num_output_channels: Any = 1) -> Trace | None:
    return _made_gray(trace, num_output_channels)


def _examples() -> Iterator[Any]:
    for kind in _RANDOM:
        for p in (0.2, 1):
            yield kind(p)
    for kind in _ALWAYS:
        yield kind(1)
        yield kind(3)


gray = Adjustment("gray", "rgb_to_grayscale", given=(3,), bare=True)
GRAY = gray.operation(
    says="{whose} own arithmetic, in one pass with other changes of colour",
    transforms={**dict.fromkeys(_RANDOM, _lower_random), **dict.fromkeys(_ALWAYS, _lower)},
    random=frozenset(_RANDOM),
    replays={"gray": gray.replay, **float_replays("gray_floats")},
    calls={(image_functional, "to_grayscale"): _made_gray},
    image_kernels={F2.rgb_to_grayscale: _kernel_made_gray},
    # Its result is one channel seen three times, which lies in memory as no image does.
    tensor_calls={},
    kernels={},
    examples=_examples,
)
