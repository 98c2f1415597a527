"""Saturation: every pixel mixed with its own gray."""

from PIL import ImageEnhance

from penstock.ops.color.adjust import Adjustment
from penstock.ops.color.floats import float_replays

__all__ = ["SATURATION", "saturation"]

saturation = Adjustment("saturation", "adjust_saturation", (0.0, 0.37, 1.0, 1.9))
SATURATION = saturation.operation(
    enhancers={ImageEnhance.Color: saturation.records},
    replays={"saturation": saturation.replay, **float_replays("saturation_floats")},
)
