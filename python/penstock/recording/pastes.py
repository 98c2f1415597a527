"""What was written over parts of pictures whose values were not made yet.

The values are plain ones, of whatever type the picture's had by then. Functions that look at single values go through
them as well, and the threads that make the picture write them over its values at the end.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch

from penstock import _native
from penstock.recording import calls
from penstock.recording.chain import Chain, Link, apply

__all__ = ["Paste", "after", "steps_of"]


class Paste(NamedTuple):
    """A rectangle of a picture that was written over.

    Attributes:
        top: First row.
        left: First column.
        height: Rows.
        width: Columns.
        values: Of shape (C, height, width), or (C, 1, 1) if those of each channel are alike.
    """

    top: int
    left: int
    height: int
    width: int
    values: torch.Tensor

    def onto(self, tensor: torch.Tensor) -> None:
        """Write it over a plain tensor of shape (C, H, W)."""
        tensor[:, self.top : self.top + self.height, self.left : self.left + self.width] = self.values


def steps_of(pastes: Sequence[Paste]) -> tuple[bytes, ...]:
    """Return rectangles as native code takes them."""
    return tuple(_native.step("paste", *paste[:4], calls.bytes_of(paste.values)) for paste in pastes)


def after(values: torch.Tensor, chain: Chain, link: Link) -> torch.Tensor | None:
    """Return what a function makes of plain values beside those of pictures; None if they need not be what torch makes.

    Args:
        values: Which are not changed.
        chain: That of the pictures, which ends with the function.
        link: The function.
    """
    if values.is_floating_point() and not (chain.dtype.is_floating_point or chain.dtype is torch.bool):
        return None  # they need not fit
    made = apply(values.clone(), link)
    return None if made is None or made.dtype != chain.dtype or made.shape != values.shape else made
