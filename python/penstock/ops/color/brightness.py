"""Brightness: every value times a factor."""

from typing import Any

from PIL import ImageEnhance
from torchvision.transforms.v2 import functional as F2

from penstock.ops.color.adjust import Adjustment
from penstock.ops.color.floats import float_replays
from penstock.ops.operation import Trace

__all__ = ["BRIGHTNESS", "brightness"]

brightness = Adjustment("brightness", "adjust_brightness", (0.0, 0.37, 1.0, 1.9), bare=True)
_multiplied = brightness.records_tensor("torch2")


def _brightened(trace: Trace, brightness_factor: Any) -> Any:
    # Bytes times a whole number are bytes to torch: what does not fit into them is lost.
    return None if isinstance(brightness_factor, int) else _multiplied(trace, brightness_factor)


BRIGHTNESS = brightness.operation(
    enhancers={ImageEnhance.Brightness: brightness.records},
    kernels={F2.adjust_brightness: _brightened},
    replays={"brightness": brightness.replay, **float_replays("brightness_floats")},
)
