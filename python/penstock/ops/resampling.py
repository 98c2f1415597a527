"""Resizing as the installed Pillow and torch do it: names of filters, and proofs that ours agree.

Pillow has changed the order of its two passes twice, last in version 13, and pixels with it; another compiler may round
the last bit of a weight elsewhere; and pillow-simd, under Pillow's name, computes other pixels altogether. So before
a filter is lowered, a few small images go both ways, once in a process, and the order that gives Pillow's bytes is
the one that is used. Which code of torch's resizes a uint8 tensor depends on its version, on the processor and on the
layout of the tensor, so it is asked in the same way.
"""

from typing import Any

import numpy as np
import torch
from PIL import Image
from torchvision.transforms import InterpolationMode
from torchvision.transforms import functional as F
from torchvision.transforms.v2 import functional as F2

from penstock import _native, agreement, memory
from penstock.ops.opaque import Opaque

__all__ = ["FILTERS", "filter_name", "float_filter", "mode_of", "mode_of_tensors", "pass_order", "tensor_filter"]

# Enlarged, shrunk a little and a lot, one side only, the height much more than the width, and just not so much; last an
# image more than a hundred times as high as wide, and one just not so:
# (height, width) before and after.
_SIZES = (
    ((13, 17), (29, 41)),
    ((64, 51), (40, 33)),
    ((97, 120), (7, 16)),
    ((19, 23), (19, 8)),
    ((6, 70), (11, 70)),
    ((90, 40), (30, 37)),
    ((50, 40), (30, 30)),
    ((51, 40), (30, 30)),
    ((301, 3), (300, 2)),
    ((300, 3), (299, 2)),
)
# The native names of the filters that resize uint8 tensors without rounding anything to float32.
_OF_TENSORS = {
    InterpolationMode.NEAREST: "corner",
    InterpolationMode.BILINEAR: "bilinear",
    InterpolationMode.BICUBIC: "bicubic",
    InterpolationMode.LANCZOS: "lanczos",
}
# The same of those that resize tensors of float32.
_OF_FLOATS = {mode: name for mode, name in _OF_TENSORS.items() if mode is not InterpolationMode.LANCZOS}
# Of the modes that Pillow has under the same name; NEAREST_EXACT has no number of its own.
_BY_NUMBER = {
    int(Image.Resampling[mode.name]): mode for mode in InterpolationMode if mode.name in Image.Resampling.__members__
}


def mode_of(interpolation: Any, *, strings: bool) -> InterpolationMode:
    """Return torchvision's interpolation argument as a mode.

    Args:
        interpolation: A mode, Pillow's number of one, or its name.
        strings: Whether names are taken, as transforms.v2 takes them.

    Raises:
        ValueError: If there is no such name or number.
        TypeError: If it is neither.
    """
    if strings and type(interpolation) is str and _takes_names():
        interpolation = InterpolationMode(interpolation)
    elif type(interpolation) is int:
        if interpolation not in _BY_NUMBER:
            raise ValueError(f"{interpolation} is no filter's number")
        interpolation = _BY_NUMBER[interpolation]
    if not isinstance(interpolation, InterpolationMode):
        raise TypeError(f"{interpolation!r} is no interpolation")
    return interpolation


def filter_name(mode: InterpolationMode) -> str:
    """Return the native name of a mode for Pillow images."""
    # Pillow has one nearest filter, and torchvision gives it both names.
    return str(mode.value).removesuffix("-exact")


def mode_of_tensors(name: str) -> InterpolationMode:
    """Return the mode that has a native name for uint8 tensors."""
    return next(mode for mode, native in _OF_TENSORS.items() if native == name)


def tensor_filter(mode: InterpolationMode, antialias: Any, *, version: int) -> str:
    """Return the native name of a mode for uint8 tensors.

    Args:
        mode: Of the interpolation.
        antialias: torchvision's argument.
        version: Of the transform, 1 or 2.

    Raises:
        Opaque: If torch's result is not reproduced.
    """
    if mode is InterpolationMode.NEAREST_EXACT:
        raise Opaque("no native form on tensors: which pixel is the nearest depends on which loop of torch's runs")
    if mode not in _OF_TENSORS:
        raise Opaque(f"torch has no {mode.value} filter for tensors")
    if mode is not InterpolationMode.NEAREST:
        if version == 1:
            raise Opaque("no native form on tensors: the first generation of transforms resizes them in float32")
        if antialias is not True:
            raise Opaque("no native form on tensors without antialiasing")
    if not _tensors_agree(mode, version):
        raise Opaque(f"the installed torch resizes uint8 tensors by {mode.value} to other pixels on this processor")
    return _OF_TENSORS[mode]


def float_filter(mode: InterpolationMode, antialias: Any, *, version: int) -> str:
    """Return the native name of a mode for tensors of float32.

    Args:
        mode: Of the interpolation.
        antialias: torchvision's argument.
        version: Of the transform, 1 or 2.

    Raises:
        Opaque: If torch's result is not reproduced.
    """
    if mode is InterpolationMode.NEAREST_EXACT:
        raise Opaque("no native form on tensors: which pixel is the nearest depends on which loop of torch's runs")
    if mode not in _OF_FLOATS:
        raise Opaque(f"no native {mode.value} filter for tensors of float32")
    if mode is not InterpolationMode.NEAREST and antialias is not True:
        raise Opaque("no native form on tensors without antialiasing")
    if not _floats_agree(mode, version):
        raise Opaque(f"the installed torch resizes float32 tensors by {mode.value} to other numbers on this processor")
    return _OF_FLOATS[mode]


@agreement.probe(
    "torchvision's transforms of version 2 take names of filters", "resizes by a filter's name", otherwise=False
)
def _takes_names() -> bool:
    """Whether transforms.v2 takes names of filters; earlier versions of torchvision do not."""
    try:
        F2.resize(Image.new("L", (2, 2)), [3, 3], interpolation="bilinear")
    except (TypeError, ValueError):
        return False
    return True


# By their names, in lower case; Pillow may have others.
FILTERS = ("nearest", "box", "bilinear", "hamming", "bicubic", "lanczos")


@agreement.probe(
    "Pillow resizes to the known pixels, by one of the known orders of passes",
    "resizes of Pillow images",
    otherwise=None,
    repeats=agreement.always,
    examples=[(name,) for name in FILTERS],
)
def pass_order(name: str) -> str | None:
    """Return the order of passes with which a filter gives the installed Pillow's bytes; None if none does."""
    resampling = getattr(Image.Resampling, name.upper())
    for order in ("shrinkage", "across", "tall"):
        if all(_agrees(name, order, resampling, before, after) for before, after in _SIZES):
            return order
    return None


def _agrees(name: str, order: str, resampling: Any, before: tuple[int, int], after: tuple[int, int]) -> bool:
    pixels = _noise(before)
    expected = np.asarray(Image.fromarray(pixels).resize(after[::-1], resampling))
    return np.array_equal(_resized(pixels, after, name, order).permute(1, 2, 0).numpy(), expected)


@agreement.probe(
    "torch resizes uint8 tensors to the known pixels",
    "resizes of tensors",
    state=("torch's modes", "the default device", "inference mode", "deterministic algorithms", "threads"),
    otherwise=False,
    examples=[(InterpolationMode.NEAREST, 1), *((mode, 2) for mode in _OF_TENSORS)],
)
def _tensors_agree(mode: InterpolationMode, version: int) -> bool:
    """Whether the installed torch resizes tensors of either layout, gray and in colour, to our pixels."""
    function = F.resize if version == 1 else F2.resize
    for before, after in _SIZES:
        pixels = _noise(before)
        ours = _resized(pixels, after, _OF_TENSORS[mode], "torch")
        last = torch.from_numpy(pixels).permute(2, 0, 1)
        images = [(last, ours), (last.contiguous(), ours), (last[:1], ours[:1]), (last[1:2].contiguous(), ours[1:2])]
        try:
            theirs = [function(image, list(after), mode, antialias=True) for image, _ in images]
        except (RuntimeError, ValueError, NotImplementedError):  # a torch without the filter
            return False
        if not all(torch.equal(a, b) for a, (_, b) in zip(theirs, images, strict=True)):
            return False
    return True


@agreement.probe(
    "torch resizes tensors of float32 to the known numbers",
    "resizes of tensors of float32",
    state=("torch's modes", "the default device", "inference mode", "deterministic algorithms", "threads"),
    otherwise=False,
    examples=[(mode, version) for mode in _OF_FLOATS for version in (1, 2)],
)
def _floats_agree(mode: InterpolationMode, version: int) -> bool:
    """Whether the installed torch resizes tensors of any layout, gray and in colour, to our numbers."""
    function = F.resize if version == 1 else F2.resize
    table = torch.arange(256, dtype=torch.float32, device="cpu").div(255)
    for before, after in _SIZES:
        pixels = _noise(before)
        ours = _resized(pixels, after, _OF_FLOATS[mode], "floats", table)
        last = table[torch.from_numpy(pixels).long()].permute(2, 0, 1)
        images = [(last, ours), (last.contiguous(), ours), (last[:1], ours[:1]), (last[1:2].contiguous(), ours[1:2])]
        # Crops have gaps between their rows.
        longer = torch.nn.functional.pad(last, [2, 3])
        images += [(each[..., 2:-3], ours) for each in (longer, longer.permute(1, 2, 0).contiguous().permute(2, 0, 1))]
        for image, expected in images:
            if not torch.equal(function(image, list(after), mode, antialias=True), expected):
                return False
    return True


def _noise(size: tuple[int, int]) -> Any:
    pixels = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    pixels[::3] = np.where(pixels[::3] > 127, 255, 0)  # clipped overshoot must agree as well
    return pixels


def _resized(
    pixels: Any, after: tuple[int, int], name: str, arithmetic: str, table: torch.Tensor | None = None
) -> torch.Tensor:
    """Return what our resize makes of (height, width, 3) bytes, or of what a table makes of them."""
    table = torch.arange(256, dtype=torch.uint8, device="cpu") if table is None else table
    entries = table.repeat(3).view(torch.uint8).numpy().tobytes()
    op = _native.Op("resize", "exact", after, name, arithmetic)
    plan = _native.Plan([op], entries, 3, table.element_size(), inks=b"")
    batch = _native.Batch(_native.ArrayImages(pixels[None], plan), [0], _native.Generator(0))
    made, out = memory.empty((1, 3, *after), table.dtype)
    batch.run(_native.JobQueue(1), out)
    return made[0]
