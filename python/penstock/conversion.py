"""An image that holds every value: what conversions make of it is the table of a plan."""

from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image

__all__ = ["CODES", "arithmetic", "channels_of", "strip_of"]

# Values of a byte.
CODES = 256


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
