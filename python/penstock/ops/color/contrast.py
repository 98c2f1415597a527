"""Contrast: every value mixed with the mean of the picture's gray values."""

from typing import Any

from PIL import ImageEnhance
from torchvision.transforms.v2 import functional as F2

from penstock.ops.color.adjust import Adjustment
from penstock.ops.operation import Trace

__all__ = ["CONTRAST", "MOST_PIXELS", "contrast"]

# Up to so many pixels torch's sum of gray values is exact in single precision, in whatever order it adds them.
MOST_PIXELS = (2**24 - 1) // 255

contrast = Adjustment("contrast", "adjust_contrast", (0.0, 0.37, 1.0, 1.9), most=MOST_PIXELS, bare=True)
_mixed = contrast.records_tensor("torch2")


def _contrasted(trace: Trace, contrast_factor: Any) -> Any:
    # Where torch fuses the addition of the mean, it does not for the last few values of a tensor, or of a thread's.
    return None if contrast.arithmetic("torch2") == "torch2" else _mixed(trace, contrast_factor)


CONTRAST = contrast.operation(
    enhancers={ImageEnhance.Contrast: contrast.records}, kernels={F2.adjust_contrast: _contrasted}
)
