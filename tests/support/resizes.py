"""Hypothesis strategies for transforms that make new pixels, and images on which a wrong last bit shows."""

from typing import Any

import numpy as np
import torch
from hypothesis import strategies as st
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional as F2

from support.recipes import Recipe, call

MODES = tuple(InterpolationMode)


def _resizes_tensors(mode: InterpolationMode) -> bool:
    """Whether torch does so by this filter; earlier versions have no lanczos."""
    try:
        F2.resize(torch.zeros(3, 9, 9, dtype=torch.uint8), [4, 4], mode, antialias=True)
    except (NotImplementedError, ValueError):
        return False
    return True


# Those by which torch resizes uint8 tensors without float32.
TENSOR_MODES = tuple(
    mode
    for mode in (
        InterpolationMode.NEAREST,
        InterpolationMode.BILINEAR,
        InterpolationMode.BICUBIC,
        InterpolationMode.LANCZOS,
    )
    if _resizes_tensors(mode)
)
_NUMBERS = {"nearest": 0, "lanczos": 1, "bilinear": 2, "bicubic": 3, "box": 4, "hamming": 5}


def noise(shape: Any, seed: int = 0) -> Any:
    """Bytes of which every other one is 0 or 255, so that overshoot is clipped."""
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 256, shape, dtype=np.uint8)
    return np.where(rng.random(shape) < 0.5, pixels, np.where(pixels > 127, 255, 0)).astype(np.uint8)


@st.composite
def _ratios(draw: Any) -> tuple[float, float]:
    low = draw(st.floats(0.05, 1.9))
    return low, draw(st.floats(max(low, 0.6), 20.0))


@st.composite
def resizes(draw: Any, lengths: Any, sizes: Any) -> Recipe:
    """`Resize` or `RandomResizedCrop` of Pillow images, by any filter.

    Args:
        draw: Hypothesis's.
        lengths: Of one side.
        sizes: (height, width).
    """
    version, mode = draw(st.sampled_from(["v1", "v2"])), draw(st.sampled_from(MODES))
    interpolation: Any = mode
    spelling = draw(st.integers(0, 3))
    if spelling == 0 and mode is not InterpolationMode.NEAREST_EXACT:
        interpolation = _NUMBERS[mode.value]
    elif spelling == 1 and version == "v2":
        interpolation = mode.value
    options = {"interpolation": interpolation, "antialias": draw(st.sampled_from([True, True, None]))}
    return draw(_calls(version, options, lengths, sizes))


@st.composite
def tensor_resizes(draw: Any, lengths: Any, sizes: Any) -> Recipe:
    """`Resize` or `RandomResizedCrop` of uint8 tensors, as far as there is a native form.

    Args:
        draw: Hypothesis's.
        lengths: Of one side.
        sizes: (height, width).
    """
    mode = draw(st.sampled_from(TENSOR_MODES))
    nearest = mode is InterpolationMode.NEAREST
    version = draw(st.sampled_from(["v1", "v2"])) if nearest else "v2"
    spellings: list[Any] = [mode, mode, _NUMBERS[mode.value], *([mode.value] if version == "v2" else [])]
    antialias = draw(st.sampled_from([True, False, None] if nearest else [True]))
    options = {"interpolation": draw(st.sampled_from(spellings)), "antialias": antialias}
    more, larger = lengths.filter(lambda length: length > 1), sizes.filter(lambda size: max(size) > 1)
    return draw(_calls(version, options, more, larger))


@st.composite
def _calls(draw: Any, version: str, options: dict[str, Any], lengths: Any, sizes: Any) -> Recipe:
    options = dict(options)
    kind = draw(st.sampled_from(["exact", "short", "longest", "long", "crop", "crop", "crop"]))
    if kind == "exact":
        return call(f"{version}.Resize", list(draw(sizes)), **options)
    if kind == "short":
        length = draw(lengths)
        return call(f"{version}.Resize", draw(st.sampled_from([length, (length,), [length]])), **options)
    if kind == "longest":
        length = draw(lengths)
        return call(f"{version}.Resize", length, max_size=length + draw(st.integers(1, 200)), **options)
    if kind == "long":
        return call("v2.Resize", None, max_size=draw(lengths), **options)
    size = draw(lengths) if draw(st.booleans()) else draw(sizes)
    if draw(st.booleans()):
        low = draw(st.floats(0, 1))
        options["scale"] = (low, draw(st.floats(low, 1.5)))
    if draw(st.booleans()):
        options["ratio"] = draw(_ratios())
    return call(f"{version}.RandomResizedCrop", size, **options)
