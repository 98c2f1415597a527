"""What torchvision's own decoder makes of a file's content, and whether that is what ours makes."""

import itertools
from typing import Any

import numpy as np
import torch
from PIL import Image
from torchvision.io import ImageReadMode

from penstock import _native, agreement
from penstock.compat.pillow import fromarray
from penstock.lowering.pillow import jpegs, pngs

__all__ = ["CHANNELS", "agrees", "decode"]

# The channels of what is decoded in a mode, by its number; those of the file if None.
CHANNELS = {ImageReadMode.UNCHANGED.value: None, ImageReadMode.GRAY.value: 1, ImageReadMode.RGB.value: 3}


def decode(content: bytes, mode: str) -> Image.Image:
    """Return torchvision's image of a file.

    Args:
        content: Of the file.
        mode: Pillow's, "L" for gray files only, or "RGB".
    """
    made = _decoded(content, ImageReadMode.GRAY if mode == "L" else ImageReadMode.RGB)
    image: Image.Image = fromarray(made[0].numpy() if mode == "L" else made.permute(1, 2, 0).numpy())
    return image


@agreement.probe(
    "torchvision decodes small files of every kind to the known pixels",
    "files that torchvision.io decodes",
    state=("torch's modes", "the default device", "inference mode", "filters of warnings"),
    otherwise=False,  # a torchvision without a decoder, or a Pillow that does not write such files
)
def agrees() -> bool:
    """Whether the installed torchvision decodes small files of every kind that is recorded to our pixels."""
    return all(map(_decodes_to_our_pixels, itertools.chain(jpegs(), pngs())))


def _decodes_to_our_pixels(file: bytes) -> bool:
    seen = _native.look_through(file)
    height, width, channels, kind = seen or (0, 0, 0, "PNG/P")
    if kind == "PNG/P":  # it is not recorded
        return True
    pixels = np.empty((height, width, channels), np.uint8)
    if not _native.decode_image(file, (0, 0, width, height), pixels):
        return False
    ours = torch.from_numpy(pixels).permute(2, 0, 1)
    for mode in ImageReadMode.UNCHANGED, ImageReadMode.RGB, *((ImageReadMode.GRAY,) if channels == 1 else ()):
        wanted = CHANNELS[mode.value] or channels
        theirs = _decoded(file, mode)
        if not torch.equal(theirs, ours.expand(wanted, -1, -1)) or theirs.stride() != (1, width * wanted, wanted):
            return False
    return True


def _decoded(content: bytes, mode: Any) -> torch.Tensor:
    # The operation behind torchvision's functions, which warn that they will be gone.
    made: torch.Tensor = torch.ops.image.decode_image(
        torch.frombuffer(bytearray(content), dtype=torch.uint8), mode.value, False
    )
    return made
