"""`ColorJitter`: brightness, contrast, saturation and hue by drawn factors, in a drawn order."""

from collections.abc import Iterator
from typing import Any

import torchvision.transforms as v1
from torchvision.transforms import v2

from penstock import _native
from penstock.ops.color.brightness import brightness
from penstock.ops.color.contrast import contrast_arithmetic, sums_of
from penstock.ops.color.floats import float_arithmetic
from penstock.ops.color.hue import hue
from penstock.ops.color.saturation import saturation
from penstock.ops.opaque import Opaque
from penstock.ops.operation import Building, Operation
from penstock.ops.parameters import numbers_of
from penstock.ops.uniform import rounding_of

__all__ = ["COLOR_JITTER", "bounds_of", "jitter_arithmetic"]

_KINDS = (v1.ColorJitter, v2.ColorJitter)
_OF_NUMBERS = ("brightness_floats", "contrast_floats", "saturation_floats", "hue_floats")
# Those whose arithmetic has a name.
_NAMED = ("saturation_floats", "hue_floats")


def bounds_of(transform: Any) -> list[tuple[float, ...] | None]:
    """Return the bounds of the factors of brightness, contrast, saturation and hue, None for each that there is not."""
    values = {name: getattr(transform, name) for name in ("brightness", "contrast", "saturation", "hue")}
    return [None if pair is None else numbers_of(pair, name, (2,), most=1e6) for name, pair in values.items()]


def jitter_arithmetic(building: Building, transform: Any, *, mixes_contrast: bool) -> str:
    """Return the native name of the arithmetic of all four changes; Opaque if they have not the same known one."""
    names = {each.arithmetic_for(building, transform) for each in (brightness, saturation, hue)}
    if mixes_contrast:
        names.add(contrast_arithmetic(building, transform))
    if len(names) > 1:
        raise Opaque(f"the installed torch has other arithmetic for each of its parts: {sorted(names)}")
    return names.pop()


def _lower(building: Building, transform: Any) -> _native.Op:
    bounds = bounds_of(transform)
    if building.is_of_numbers:
        # Those without a factor are not asked, but for one whose name counts.
        steps = [step for step, pair in zip(_OF_NUMBERS, bounds, strict=True) if pair is not None] or ["hue_floats"]
        named = [step for step in steps if step in _NAMED] or ["hue_floats"]
        for step in steps:
            float_arithmetic(building, transform, step)
        arithmetic = float_arithmetic(building, transform, *named)
        building.change_numbers(mixes=True)
        return _native.Op("color_jitter", arithmetic, True, sums_of(building), rounding_of(), *bounds)
    arithmetic = jitter_arithmetic(building, transform, mixes_contrast=bounds[1] is not None)
    building.change_values()
    return _native.Op("color_jitter", arithmetic, False, sums_of(building), rounding_of(), *bounds)


def _examples() -> Iterator[Any]:
    for kind in _KINDS:
        yield kind(0.4, 0.4, 0.4, 0.1)
        yield kind(saturation=(0, 2))
        yield kind(hue=0.5)
        yield kind(contrast=0.9)
        yield kind(brightness=(0.2, 3.0), hue=(-0.1, 0.3))


COLOR_JITTER = Operation(
    name="colour jitter",
    says="{whose} own arithmetic, factors and order drawn as torch draws them",
    transforms=dict.fromkeys(_KINDS, _lower),
    random=frozenset(_KINDS),
    examples=_examples,
)
