"""Whose arithmetic an operation has here: the libraries are asked, by small images that go both ways.

torchvision's second generation multiplies and adds in one step where torch was compiled for a processor that can, and
in two elsewhere; other builds may do other things altogether. So before an operation is trusted, what it makes of a few
images is compared with what the library makes of them.
"""

import functools
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image

from penstock import _native
from penstock.records import record_of

__all__ = ["LIBRARIES", "agreeing", "float_rendered", "float_table", "noise", "pillow_agrees", "rendered"]

# What a library may do, in the order in which it is tried.
LIBRARIES = {
    "pillow": ("pillow",),
    "torch1": ("torch1",),
    "torch2": ("torch2", "torch2_unfused"),
}
_SIZE = 61, 67


def rendered(pixels: Any, steps: Sequence[bytes], size: tuple[int, int] | None = None) -> Any:
    """Return what native steps make of an image, both uint8 of shape (H, W, 3).

    Args:
        pixels: Of the image.
        steps: One after the other.
        size: (height, width) of the result if it is another.
    """
    out = np.empty((*(size or pixels.shape[:2]), 3), np.uint8)
    head = (*pixels.shape, "PPM")
    why = _native.render_image(pixels, record_of(head, tuple(steps)), _bytes(), out.transpose(2, 0, 1))
    if why is not None:
        raise RuntimeError(why)
    return out


@functools.cache
def _bytes() -> _native.Plan:
    """Return a plan that leaves the bytes of three channels as they are; making one takes longer than most steps."""
    return _native.Plan([], bytes(range(256)) * 3, 3, 1, None, b"")


def float_table() -> torch.Tensor:
    """Return the numbers that `ToTensor` makes of all bytes."""
    return torch.arange(256, dtype=torch.float32, device="cpu").div(255)


def float_rendered(pixels: Any, step: bytes) -> torch.Tensor:
    """Return what a step that keeps an image's size makes of (H, W, 3) bytes as numbers, of shape (3, H, W)."""
    out = np.empty((3, *pixels.shape[:2]), np.uint32)
    plan = _native.Plan([], float_table().repeat(3).view(torch.uint8).numpy().tobytes(), 3, 4, None, b"")
    why = _native.render_image(pixels, record_of((*pixels.shape, "PPM"), (step,)), plan, out)
    if why is not None:
        raise RuntimeError(why)
    return torch.from_numpy(out.view(np.float32))


def agreeing(
    names: Sequence[str],
    library: str,
    step: Callable[..., bytes],
    cases: Iterable[tuple[tuple[Any, ...], Callable[[Any], Any]]],
) -> str | None:
    """Return the native name of the arithmetic that gives a library's pixels, None if none does.

    Args:
        names: Of what it may be, in the order in which they are tried.
        library: In `LIBRARIES`.
        step: Makes a step of the arithmetic's name and operands.
        cases: Operands of the step, and what the library does to an image.
    """
    pixels = noise()
    given: Any = Image.fromarray(pixels)
    if library != "pillow":
        given = torch.from_numpy(pixels).permute(2, 0, 1).contiguous()
    made = [(operands, _pixels_of(function(given))) for operands, function in cases]
    for name in names:
        if all(np.array_equal(rendered(pixels, [step(name, *operands)]), theirs) for operands, theirs in made):
            return name
    return None


def pillow_agrees(step: str, operands: Sequence[Any], replay: Callable[..., Any]) -> bool:
    """Whether a native step gives the pixels of what does the same by Pillow, to an image and with these operands."""
    pixels = noise()
    theirs = _pixels_of(replay(Image.fromarray(pixels), *operands))
    return np.array_equal(rendered(pixels, [_native.step(step, *operands)], theirs.shape[:2]), theirs)


def _pixels_of(image: Any) -> Any:
    if isinstance(image, torch.Tensor):
        return image.permute(1, 2, 0).numpy()
    return np.asarray(image)


def noise() -> Any:
    """Return pixels of all kinds: random ones, gray ones, and those that are as light or as dark as can be."""
    pixels = np.random.default_rng(0).integers(0, 256, (*_SIZE, 3), dtype=np.uint8)
    pixels[::5] = np.where(pixels[::5] > 127, 255, 0)
    pixels[1::7] = pixels[1::7, :, :1]
    return pixels
