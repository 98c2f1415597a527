"""Solarizing: values from a threshold on are inverted.

The libraries compare with the threshold in their own ways, which differ where it is rounded to a whole number.
"""

import math
from collections.abc import Iterator
from typing import Any, Literal

import torchvision.transforms as v1
from PIL import ImageOps
from torchvision.transforms import functional as F
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as F2

from penstock import _native
from penstock.compat.torchvision import tensor_functional
from penstock.ops.color.floats import float_arithmetic, float_replays
from penstock.ops.opaque import Opaque
from penstock.ops.operation import Building, Operation, Trace
from penstock.ops.parameters import chance_of, library_of

__all__ = ["SOLARIZE"]


def _threshold_of(threshold: Any, *, of_tensors: bool, most: float = 255) -> float:
    if type(threshold) not in (int, float) or math.isnan(threshold):
        raise Opaque(f"its threshold is {threshold!r}")
    if of_tensors and not 0 <= threshold <= most:
        raise Opaque("its threshold is no value: torchvision refuses it, or torch takes another one in its place")
    return float(threshold)


def _lower(building: Building, transform: Any) -> _native.Op:
    if building.is_of_numbers:
        float_arithmetic(building, transform, "solarize_floats")
        threshold = _threshold_of(transform.threshold, of_tensors=True, most=1)
        building.change_numbers()
        return _native.Op("random_solarize_floats", chance_of(transform), threshold)
    threshold = _threshold_of(transform.threshold, of_tensors=building.is_tensor)
    building.change_values()
    return _native.Op("random_solarize", chance_of(transform), threshold, library_of(building, transform))


def _solarized(trace: Trace, threshold: Any = 128) -> Trace:
    return trace.then("solarize", _threshold_of(threshold, of_tensors=False), "pillow")


def _tensor_solarized(trace: Trace, threshold: Any) -> tuple[Trace, Literal["asked"]]:
    return trace.then("solarize", _threshold_of(threshold, of_tensors=True), "torch2"), "asked"


def _replay(image: Any, threshold: float, library: str) -> Any:
    if library == "pillow":
        return ImageOps.solarize(image, threshold)  # type: ignore[arg-type]
    solarize: Any = F2.solarize
    return F.to_pil_image(solarize(F.pil_to_tensor(image), threshold))


def _examples() -> Iterator[Any]:
    for kind in (v1.RandomSolarize, v2.RandomSolarize):
        for threshold in (-1, 0, 127.5, 128, 238.00000101327896, 255):
            yield kind(threshold, p=0.7)


SOLARIZE = Operation(
    name="solarize",
    says="a table of bytes, part of the conversion's",
    transforms={v1.RandomSolarize: _lower, v2.RandomSolarize: _lower},
    random=frozenset((v1.RandomSolarize, v2.RandomSolarize)),
    functions=((F, "solarize"), (F2, "solarize")),
    replays={"solarize": _replay, **float_replays("solarize_floats")},
    calls={(ImageOps, "solarize"): _solarized},
    tensor_calls={(tensor_functional, "solarize"): _tensor_solarized},
    kernels={F2.solarize: _tensor_solarized},
    examples=_examples,
)
