"""`ImageFilter.GaussianBlur`: three box blurs, which together are nearly a Gaussian."""

from PIL import ImageFilter

from penstock.ops.filter.blur import blur

__all__ = ["GAUSSIAN_BLUR"]

GAUSSIAN_BLUR = blur(
    "Gaussian blur", "gaussian_blur", ImageFilter.GaussianBlur, [(0.3, 0.3), (1.7, 1.7), (3.2, 0.4), (9.5, 9.5)]
)
