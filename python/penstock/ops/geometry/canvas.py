"""What all that looks at an image from elsewhere has in common: interpolation, and the colour of what is outside."""

import functools
from typing import Any

from PIL import Image

from penstock.compat.torchvision import parse_fill
from penstock.ops.opaque import Opaque
from penstock.ops.operation import Building
from penstock.ops.parameters import generation_of
from penstock.ops.resampling import filter_name, mode_of

__all__ = ["INTERPOLATIONS", "Sampling", "canvas_of", "color_of", "fill_of"]

# How a transform looks at images: the native names of arithmetic and interpolation, the bytes of what is outside, and
# numbers that a tensor is filled with by how much of a pixel is outside, if it is, and whether its pixels are numbers.
Sampling = tuple[str, str, tuple[int, ...], tuple[float, ...] | None, bool]
# Pillow's filters by their native names.
INTERPOLATIONS = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
}

# Pillow's own, before anything is hooked.
_new = Image.new


def color_of(mode: str, color: Any) -> tuple[int, ...]:
    """Return the three bytes of a colour as Pillow fills an image of a mode with it, black if it is None.

    Raises:
        TypeError: If Pillow takes no such colour.
        ValueError: The same.
    """
    # Numbers that are equal are not the same to Pillow, which takes no fractions.
    kinds: list[Any] = [type(color), *(map(type, color) if isinstance(color, tuple) else ())]
    return _color_of(mode, color, *kinds)


@functools.lru_cache(maxsize=256)
def _color_of(mode: str, color: Any, *_types: type) -> tuple[int, ...]:
    pixel = _new(mode, (1, 1), 0 if color is None else color).tobytes()
    return (*pixel,) * (3 // len(pixel))


def canvas_of(building: Building, transform: Any, *, always: bool = True) -> tuple[str, tuple[int, ...]]:
    """Return a transform's interpolation and the bytes of its fill, of images of Pillow's.

    Args:
        building: The pipeline.
        transform: torchvision's.
        always: Whether it needs them for every image, so that it raises for every one if they are wrong.

    Raises:
        Opaque: If it is given tensors, or Pillow has no such interpolation, or they are wrong for some images only.
    """
    if building.is_tensor:
        raise Opaque("no native form on tensors yet")
    try:
        return _canvas(building, transform)
    except (TypeError, ValueError) as error:
        if always:
            raise
        raise Opaque(f"torchvision refuses it for some images: {error}") from None


def _canvas(building: Building, transform: Any) -> tuple[str, tuple[int, ...]]:
    generation = generation_of(transform)
    name = filter_name(mode_of(transform.interpolation, strings=generation == "v2"))
    if name not in INTERPOLATIONS:
        raise Opaque(f"Pillow has no {name} filter for it")
    color = parse_fill(fill_of(building, transform), building.strip)["fillcolor"]
    return name, color_of(building.strip.mode, color)


def fill_of(building: Building, transform: Any) -> Any:
    """Return what a transform of torchvision's fills what is outside with, in the kind of images that it is given."""
    if generation_of(transform) == "v1":
        return transform.fill
    return transform._fill.get(type(building.strip), transform._fill.get("others"))
