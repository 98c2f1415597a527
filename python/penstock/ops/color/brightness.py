"""Brightness: every value times a factor."""

from PIL import ImageEnhance

from penstock.ops.color.adjust import Adjustment

__all__ = ["BRIGHTNESS", "brightness"]

brightness = Adjustment("brightness", "adjust_brightness", (0.0, 0.37, 1.0, 1.9), bare=True)
BRIGHTNESS = brightness.operation(enhancers={ImageEnhance.Brightness: brightness.records})
