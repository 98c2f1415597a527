"""torchvision's conversions, and an image that holds every value: what they make of it is the table of a plan."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
import torchvision.transforms as v1
from PIL import Image
from torch import nn
from torchvision.transforms import functional as F
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as F2

__all__ = [
    "CODES",
    "CONVERSIONS",
    "CONVERTING",
    "IDENTITIES",
    "Conversion",
    "arithmetic",
    "channels_of",
    "converts",
    "strip_of",
]

# Values of a byte.
CODES = 256


@dataclasses.dataclass(frozen=True)
class Conversion:
    """A function that looks at one value of one channel at a time.

    Attributes:
        name: Of the function, under which it is recorded.
        function: That makes of an image what the transforms and the calls make of it, before anything is hooked.
        calls: Modules and names by which it is called, by transforms too.
        transforms: The classes, of both generations, that do nothing else.
        named: The same of classes of libraries that the program imports when it likes, by their modules and names.
        of_images: Whether it makes a tensor of an image.
        normalizes: Whether it takes a mean and a standard deviation.
    """

    name: str
    function: Callable[..., Any]
    calls: tuple[tuple[Any, str], ...]
    transforms: tuple[type, ...]
    named: tuple[str, ...] = ()
    of_images: bool = False
    normalizes: bool = False


CONVERSIONS = (
    Conversion(
        *("to_tensor", F.to_tensor, ((F, "to_tensor"),), (v1.ToTensor, v2.ToTensor)),
        named=("timm.data.transforms.MaybeToTensor",),
        of_images=True,
    ),
    Conversion(
        *("pil_to_tensor", F.pil_to_tensor, ((F, "pil_to_tensor"), (F2, "pil_to_tensor"), (F2, "to_image"))),
        (v1.PILToTensor, v2.PILToTensor, v2.ToImage),
        named=("timm.data.transforms.MaybePILToTensor", "timm.data.transforms.ToTensor"),
        of_images=True,
    ),
    Conversion(
        *("convert_image_dtype", F.convert_image_dtype, ((F, "convert_image_dtype"),), (v1.ConvertImageDtype,)),
    ),
    Conversion("to_dtype_image", F2.to_dtype_image, ((F2, "to_dtype"),), (v2.ToDtype, v2.ConvertImageDtype)),
    Conversion("normalize", F.normalize, ((F, "normalize"),), (v1.Normalize,), normalizes=True),
    Conversion("normalize_image", F2.normalize_image, ((F2, "normalize"),), (v2.Normalize,), normalizes=True),
)
# Transforms that return what they are given.
IDENTITIES = (v2.Identity, nn.Identity)
# All transforms that convert, and what they do to values, if anything.
CONVERTING: dict[type, Conversion | None] = {
    **{kind: conversion for conversion in CONVERSIONS for kind in conversion.transforms},
    **dict.fromkeys((v2.ToPureTensor, *IDENTITIES)),
}
_NAMED = frozenset(name for conversion in CONVERSIONS for name in conversion.named)


def converts(kind: type) -> bool:
    """Whether transforms of a class are known to do nothing but convert, or nothing."""
    return kind in CONVERTING or f"{kind.__module__}.{kind.__qualname__}" in _NAMED


def channels_of(mode: str) -> int:
    """Return how many channels an image has of Pillow's mode "L", "P", or one of three bytes in each pixel."""
    return 1 if mode in ("L", "P") else 3


def strip_of(mode: str) -> Image.Image:
    """Return an image of Pillow's mode "L", "P" or "RGB", one pixel high, of the values 0 to 255 in every channel."""
    values = np.arange(CODES, dtype=np.uint8)
    return Image.frombytes(mode, (CODES, 1), np.repeat(values, channels_of(mode)).tobytes())


def arithmetic(
    table: torch.Tensor, normalized: Sequence[tuple[Sequence[float], Sequence[float]]]
) -> list[tuple[bool, tuple[float, float] | None]] | None:
    """Return the arithmetic that gives a table, if it is the usual one; the plan proves it again.

    Args:
        table: Of shape (C, 256) or more columns.
        normalized: Mean and std of each normalisation that the table went through.
    """
    if table.dtype != torch.float32 or len(normalized) > 1:
        return None
    mean, std = normalized[0] if normalized else ([], [])
    channels = range(table.shape[0])
    pairs = [(float(mean[c % len(mean)]), float(std[c % len(std)])) if len(mean) else None for c in channels]
    codes = torch.arange(CODES, dtype=torch.float32, device="cpu")
    for divide in (True, False):
        scaled = codes / 255 if divide else codes * (1.0 / 255)
        columns = [scaled if p is None else (scaled - _scalar(p[0])) / _scalar(p[1]) for p in pairs]
        if torch.equal(torch.stack(columns), table[:, :CODES]):
            return [(divide, pair) for pair in pairs]
    return None


def _scalar(number: float) -> torch.Tensor:
    return torch.tensor(number, dtype=torch.float32, device="cpu")
