"""Hue: every pixel's colour on the circle of hues, turned."""

from typing import Any

from torchvision.transforms.v2 import functional as F2

from penstock.compat.torchvision import image_functional
from penstock.ops.color.adjust import Adjustment
from penstock.ops.color.floats import float_replays
from penstock.ops.operation import Trace

__all__ = ["HUE", "hue"]


def _turn_of(value: Any) -> float:
    if not isinstance(value, (int, float)):
        raise TypeError
    if not -0.5 <= value <= 0.5:
        raise ValueError
    return float(value)


def _turned(trace: Trace, hue_factor: Any) -> Trace | None:
    if trace.mode != "RGB":
        raise NotImplementedError  # the very image is returned
    return hue.records(trace, hue_factor)


hue = Adjustment("hue", "adjust_hue", (-0.5, -0.11, 0.0, 0.03, 0.38), bare=True, checked=_turn_of)
HUE = hue.operation(
    replays={"hue": hue.replay, **float_replays("hue_floats")},
    calls={(image_functional, "adjust_hue"): _turned},
    image_kernels={F2.adjust_hue: _turned},
)
