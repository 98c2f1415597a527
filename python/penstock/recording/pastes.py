"""What was written over parts of images whose values were not made yet.

The values are plain ones, of whatever type the image's had by then. Functions that look at single values go through
them as well, and the threads that make the image write them over its values at the end.

What was multiplied by zeros depends on the image: a zero has the sign of what it was made of. So of such a part it is
known which functions make it of the image's bytes, and compared bit by bit with what the other parts are made by:
each bit must be the same in both, or the same for all bytes.
"""

import functools
from collections.abc import Sequence
from typing import NamedTuple

import torch

from penstock import _native, calls
from penstock.recording.chain import Chain, Link, apply, as_at_first

__all__ = ["Filling", "Paste", "Rectangle", "after", "filling", "in_channel", "pasted_after", "steps_of"]

# Whole numbers by the bytes of an element.
_WHOLE = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}
# Pairs of chains that were compared, and are kept.
_MOST = 512


# Top, left, height and width.
Rectangle = tuple[int, int, int, int]


class Paste(NamedTuple):
    """A rectangle of an image that was written over.

    Attributes:
        top: First row.
        left: First column.
        height: Rows.
        width: Columns.
        values: Of shape (C, height, width), or (C, 1, 1) if those of each channel are alike.
        content: The bytes of the values, in order.
        stay: For each channel the bits of an element that stay, to which its value is added; empty if none do.
        chain: What makes the rectangle, if it is made of the image's bytes.
    """

    top: int
    left: int
    height: int
    width: int
    values: torch.Tensor
    content: bytes
    stay: bytes = b""
    chain: Chain | None = None

    def onto(self, tensor: torch.Tensor) -> None:
        """Write it over a plain tensor of shape (C, H, W)."""
        part = tensor[:, self.top : self.top + self.height, self.left : self.left + self.width]
        if not self.stay:
            part[...] = self.values
            return
        kind = _WHOLE[tensor.element_size()]
        stay = torch.frombuffer(bytearray(self.stay), dtype=kind).reshape(-1, 1, 1)
        part.view(kind).bitwise_and_(stay).bitwise_or_(self.values.view(kind))


def in_channel(pastes: tuple[Paste, ...], paste: Paste, channel: int) -> tuple[Paste, ...]:
    """Return rectangles and one more, of which one channel is written over.

    Args:
        pastes: Those before. Some code writes over a rectangle channel by channel, which is one in the end.
        paste: The other one, of one value in that channel.
        channel: Its number.
    """
    size = paste.values.element_size()
    last = pastes[-1] if pastes else None
    if last is not None and last[:4] == paste[:4] and last.stay and last.chain is None:
        stay, content, pastes = bytearray(last.stay), bytearray(last.content), pastes[:-1]
    else:
        stay, content = bytearray(b"\xff" * size * len(paste.values)), bytearray(len(paste.content))
    of_channel = slice(channel * size, (channel + 1) * size)
    stay[of_channel], content[of_channel] = bytes(size), paste.content[of_channel]
    values = _constant(bytes(content), paste.values.dtype)
    return *pastes, Paste(*paste[:4], values, bytes(content), bytes(stay) if any(stay) else b"")


@functools.lru_cache(_MOST)
def _constant(content: bytes, dtype: torch.dtype) -> torch.Tensor:
    """Return bytes as a value for each channel."""
    with as_at_first():
        return torch.frombuffer(bytearray(content), dtype=dtype).reshape(-1, 1, 1)


class Filling(NamedTuple):
    """What a rectangle is written over with; see `Paste`."""

    values: torch.Tensor
    content: bytes
    stay: bytes = b""
    chain: Chain | None = None


@functools.lru_cache(_MOST)
def filling(rest: Chain, chain: Chain) -> Filling | None:
    """Return how a rectangle is written that other functions make of the image's bytes; None if that is not known.

    Args:
        rest: What makes the rest of the image.
        chain: What makes the rectangle.
    """
    ours, others = rest.table, chain.table
    if ours.dtype != others.dtype or ours.shape != others.shape:
        return None
    kind = _WHOLE[ours.element_size()]
    with as_at_first():
        ours, others = ours.contiguous().view(kind), others.contiguous().view(kind)
        stay = functools.reduce(torch.bitwise_or, (others ^ others[:, :1]).unbind(1))
        if bool(((ours ^ others) & stay[:, None]).any()):
            return None
        values = (others[:, 0] & ~stay).view(chain.dtype).reshape(-1, 1, 1)
        return Filling(values, calls.bytes_of(values), calls.bytes_of(stay) if bool(stay.any()) else b"", chain)


def steps_of(pastes: Sequence[Paste]) -> tuple[bytes, ...]:
    """Return rectangles as native code takes them."""
    return tuple(
        _native.step("overprint", *paste[:4], paste.stay + paste.content)
        if paste.stay
        else _native.step("paste", *paste[:4], paste.content)
        for paste in pastes
    )


def pasted_after(paste: Paste, chain: Chain, link: Link, *, stacked: bool) -> Paste | None:
    """Return what a function makes of a rectangle; None if that need not be what torch makes.

    Args:
        paste: The rectangle.
        chain: That of the image, which ends with the function.
        link: The function.
        stacked: Whether the image is one of a batch, on whose dimensions the function is called.
    """
    if paste.chain is not None:
        longer = paste.chain.then(*link)  # type: ignore[arg-type]
        made = None if longer is None else filling(chain, longer)
    elif (values := paste.values).shape[1:] == (1, 1):
        made = _constant_after(paste.content, values.dtype, paste.stay, chain, link, stacked=stacked)
    else:
        made = _after(values, paste.stay, chain, link, stacked=stacked)
    return None if made is None else Paste(*paste[:4], *made)


@functools.lru_cache(_MOST)
def _constant_after(
    content: bytes, dtype: torch.dtype, stay: bytes, chain: Chain, link: Link, *, stacked: bool
) -> Filling | None:
    return _after(_constant(content, dtype), stay, chain, link, stacked=stacked)


def _after(values: torch.Tensor, stay: bytes, chain: Chain, link: Link, *, stacked: bool) -> Filling | None:
    """Return what a function makes of a rectangle's values, bytes and bits that stay; None as `after` does."""
    made = after(values[None] if stacked else values, chain, link)
    if made is None:
        return None
    made = made[0] if stacked else made
    if not stay:
        return Filling(made, calls.bytes_of(made))
    # All bits of a channel, or none.
    stay = b"".join(stay[at : at + 1] * made.element_size() for at in range(0, len(stay), values.element_size()))
    kind = _WHOLE[made.element_size()]
    with as_at_first():
        bits = torch.frombuffer(bytearray(stay), dtype=kind).reshape(-1, 1, 1)
        made = (made.contiguous().view(kind) & ~bits).view(made.dtype)
    return Filling(made, calls.bytes_of(made), stay)


def after(values: torch.Tensor, chain: Chain, link: Link) -> torch.Tensor | None:
    """Return what a function makes of plain values beside those of images; None if they need not be what torch makes.

    Args:
        values: Which are not changed.
        chain: That of the images, which ends with the function.
        link: The function.
    """
    if values.is_floating_point() and not (chain.dtype.is_floating_point or chain.dtype is torch.bool):
        return None  # they need not fit
    made = apply(values.clone(), link)
    return None if made is None or made.dtype != chain.dtype or made.shape != values.shape else made
