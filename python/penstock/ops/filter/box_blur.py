"""`ImageFilter.BoxBlur`: the mean of a box whose sides may be fractions of pixels."""

from PIL import ImageFilter

from penstock.ops.filter.blur import blur

__all__ = ["BOX_BLUR"]

BOX_BLUR = blur("box blur", "box_blur", ImageFilter.BoxBlur, [(0.4, 0.4), (1.0, 1.0), (5.3, 2.5)])
