"""Contrast: every value mixed with the mean of the picture's gray values."""

from PIL import ImageEnhance

from penstock.ops.color.adjust import Adjustment

__all__ = ["CONTRAST", "MOST_PIXELS", "contrast"]

# Up to so many pixels torch's sum of gray values is exact in single precision, in whatever order it adds them.
MOST_PIXELS = (2**24 - 1) // 255

contrast = Adjustment("contrast", "adjust_contrast", (0.0, 0.37, 1.0, 1.9), most=MOST_PIXELS, bare=True)
CONTRAST = contrast.operation(enhancers={ImageEnhance.Contrast: contrast.records})
