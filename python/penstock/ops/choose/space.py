"""What a policy draws from: torchvision's own table of magnitudes, and a native operation for each of them.

Some images are shifted by a share of their size; torchvision is asked for such magnitudes when they are drawn.
"""

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torchvision.transforms import autoaugment
from torchvision.transforms import functional as F

from penstock import _native
from penstock.ops.color.autocontrast import autocontrast
from penstock.ops.color.brightness import brightness
from penstock.ops.color.contrast import contrast_arithmetic, sums_of
from penstock.ops.color.equalize import equalize
from penstock.ops.color.saturation import saturation
from penstock.ops.filter.sharpness import sharpness
from penstock.ops.geometry.affine import sampling_of
from penstock.ops.opaque import Opaque
from penstock.ops.operation import Building
from penstock.ops.parameters import generation_of, integer_of, library_of
from penstock.process_state import as_in_worker

__all__ = ["FUNCTIONS", "Branch", "Space"]

# What policies call besides what their operations are.
FUNCTIONS: tuple[tuple[Any, str], ...] = ((autoaugment, "_apply_op"), (F, "get_dimensions"))
# Magnitudes of an operation, None if it has none; and whether their signs are drawn.
_Table = Mapping[str, tuple[list[float] | None, bool]]
# Whether the magnitude is drawn, whether the sign is, how many operations there are, and these: `Branch` in the core.
Branch = tuple[bool, bool, int, list[_native.Op | None]]
# Two sizes by which magnitudes are told apart that depend on it.
_SIZES = (331, 662), (1655, 993)
_MOST_BITS = 8


class Space:
    """The operations that a policy draws from.

    Args:
        building: The pipeline.
        transform: The policy.
        bins: The number of magnitudes.

    Attributes:
        names: Of the operations, in torchvision's order.

    Raises:
        Opaque: If one of them has no native form.
    """

    def __init__(self, building: Building, transform: Any, bins: int) -> None:
        self._building, self._transform = building, transform
        self._sampling = sampling_of(building, transform, always=False)
        self._generation = generation_of(transform)
        self._of_size = _tables(transform, bins)
        self._table, other = (self._of_size(*size) for size in _SIZES)
        self._sized = {name for name in self._table if self._table[name] != other[name]}
        self.names = tuple(self._table)
        self._fixed: dict[str, Callable[[float], bytes]] = {
            "Brightness": lambda m: _native.step("brightness", 1.0 + m, brightness.arithmetic_for(building, transform)),
            "Color": lambda m: _native.step("saturation", 1.0 + m, saturation.arithmetic_for(building, transform)),
            "Sharpness": lambda m: _native.step("sharpness", 1.0 + m, sharpness.arithmetic_for(building, transform)),
            "Posterize": lambda m: _native.step("posterize", _bits_of(m)),
            "Solarize": lambda m: _native.step("solarize", self._threshold_of(m), library_of(building, transform)),
            "AutoContrast": lambda _: _native.step("autocontrast", autocontrast.arithmetic_for(building, transform)),
            "Equalize": lambda _: _equalized(building, transform),
            "Invert": lambda _: _native.step("invert"),
        }

    def branch(self, name: str, chosen: int | None = None, *, drawn: bool = False) -> Branch:
        """Return an operation at one magnitude, or at all of them.

        Args:
            name: Of the operation.
            chosen: Which of its magnitudes, if it has any.
            drawn: Whether it is drawn which one.

        Raises:
            Opaque: If there is no such operation or magnitude, or no native form of it.
        """
        if name not in self._table:
            raise Opaque(f"it has an operation {name!r}")
        magnitudes, signs = self._table[name]
        if magnitudes is None or (chosen is None and not drawn):
            if magnitudes is not None and self._generation == "v2":
                raise Opaque(f"it has {name} without a magnitude")
            # The first generation draws the sign of nothing, too.
            signs = signs and (magnitudes is not None or self._generation == "v1")
            ops = [self._op(name, None, sign) for sign in _signs(signs)]
            return False, signs, len(ops), ops
        places: Sequence[int] = range(len(magnitudes))
        if not drawn:
            assert chosen is not None  # noqa: S101
            if not -len(magnitudes) <= integer_of(chosen, "its magnitude") < len(magnitudes):
                raise Opaque(f"it has no magnitude {chosen}")
            places = [chosen]
        ops = [self._op(name, place, sign) for place in places for sign in _signs(signs)]
        return drawn, signs, len(ops), ops

    def _op(self, name: str, place: int | None, sign: float) -> _native.Op | None:
        magnitudes, _ = self._table[name]
        magnitude = 0.0 if place is None or magnitudes is None else sign * magnitudes[place]
        if name == "Identity":
            return None
        if name in ("TranslateX", "TranslateY"):
            if name in self._sized and place is not None:
                return self._moved(None, functools.partial(_shift, self._of_size, name, place, sign))
            return self._moved(_along(name, float(int(magnitude))))
        if name in self._sized:
            raise Opaque(f"its magnitudes of {name} depend on the image's size")
        if name in ("ShearX", "ShearY"):
            return self._moved((0.0, 0.0), shear=_along(name, math.degrees(math.atan(magnitude))), center=(0.0, 0.0))
        if name == "Rotate":
            return _native.Op("rotated", magnitude, self._generation, False, None, None, self._sampling)
        if name == "Contrast":
            arithmetic = contrast_arithmetic(self._building, self._transform)
            return _native.Op("contrasted", 1.0 + magnitude, arithmetic, sums_of(self._building))
        if name not in self._fixed:
            raise Opaque(f"it has an operation {name!r}")
        return _native.Op("always", self._fixed[name](magnitude))

    def _moved(
        self,
        pixels: tuple[float, float] | None,
        *ask: Callable[[float, float], list[float]],
        shear: tuple[float, float] = (0.0, 0.0),
        center: tuple[float, float] | None = None,
    ) -> _native.Op:
        return _native.Op("moved", self._generation, pixels, *ask, shear, center, self._sampling)

    def _threshold_of(self, magnitude: float) -> float:
        return 255.0 * magnitude if self._generation == "v2" else magnitude


def _tables(transform: Any, bins: int) -> Callable[[int, int], _Table]:
    """Return what gives torchvision's table for height and width."""
    if generation_of(transform) == "v2":
        space: Any = transform._AUGMENTATION_SPACE

        def make(height: int, width: int) -> _Table:
            return {name: (_listed(of(bins, height, width)), signs) for name, (of, signs) in space.items()}
    else:
        of_size = isinstance(transform, (autoaugment.AutoAugment, autoaugment.RandAugment))

        def make(height: int, width: int) -> _Table:
            space = transform._augmentation_space(bins, *[(height, width)] * of_size)
            return {name: (_listed(magnitudes), signs) for name, (magnitudes, signs) in space.items()}

    @functools.lru_cache(maxsize=1024)
    def table(height: int, width: int) -> _Table:
        with as_in_worker():
            return make(height, width)

    return table


def _listed(magnitudes: Any) -> list[float] | None:
    if magnitudes is None or (isinstance(magnitudes, torch.Tensor) and magnitudes.ndim == 0):
        return None
    return [float(magnitude) for magnitude in magnitudes.tolist()]


def _shift(tables: Callable[[int, int], _Table], name: str, place: int, sign: float, *size: float) -> list[float]:
    magnitudes, _ = tables(*map(int, size))[name]
    assert magnitudes is not None  # noqa: S101 - it has some for other sizes
    return list(_along(name, float(int(sign * magnitudes[place]))))


def _along(name: str, amount: float) -> tuple[float, float]:
    """Return what is along rows, and what along columns, of an operation on one of them."""
    return (amount, 0.0) if name.endswith("X") else (0.0, amount)


def _signs(signs: bool) -> tuple[float, ...]:
    return (1.0, -1.0) if signs else (1.0,)


def _bits_of(magnitude: float) -> int:
    if not 0 <= magnitude <= _MOST_BITS:
        raise Opaque(f"it posterizes to {magnitude} bits")
    return int(magnitude)


def _equalized(building: Building, transform: Any) -> bytes:
    equalize.arithmetic_for(building, transform)
    return _native.step("equalize")
