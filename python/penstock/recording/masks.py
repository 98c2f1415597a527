"""Products of recording tensors with masks of zeros and ones, as code that cuts holes into images makes them.

Where the mask is one, what happens is what happens everywhere; where it is zero, in some rectangles, the image is
made by other functions of its bytes.
"""

import contextlib
import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch

from penstock import _native, calls
from penstock.recording.chain import Chain, Link, as_at_first
from penstock.recording.memoryless import is_torch_plain
from penstock.recording.pastes import Filling, Paste, Rectangle, filling, pasted_after
from penstock.recording.tensors import RecordedTensor, image_of, is_plain, is_recording

__all__ = ["PRODUCTS", "RECORDED", "product"]

# Functions that multiply, by their names in `calls.FUNCTIONS`.
PRODUCTS = frozenset(("mul", "multiply", "Tensor.mul", "Tensor.mul_", "Tensor.multiply", "Tensor.multiply_"))
# Rectangles of one image.
_MOST = 16
# Products that are kept.
_KEPT = 256
# Dimensions of a mask that has no channels.
_PLANE = 2


class _Product(NamedTuple):
    """What a product with a mask comes to.

    Attributes:
        link: The product where the mask is one.
        rest: What the image is made by there.
        hole: What it is made by where the mask is zero; None if it is not known how to write that.
    """

    link: Link
    rest: Chain
    hole: Filling | None


def product(name: str, place: int, arguments: tuple[Any, ...]) -> RecordedTensor | None:
    """Return a recording tensor times a mask of zeros and ones, None if it is nothing of the kind.

    Args:
        name: Of the function, in `PRODUCTS`.
        place: Of the recording tensor, among the two arguments.
        arguments: Of the call.
    """
    tensor, mask = arguments[place], arguments[1 - place]
    trace = image_of(tensor, pasted=True) if is_plain(mask) else None
    if trace is None or mask.shape[-2:] != (trace.height, trace.width) or not is_torch_plain():
        return None
    found = _product(tensor._chain, name, place, mask.dtype)
    holes = None if found is None else _holes(mask, tensor._chain.channels)
    if found is None or holes is None or len(holes) + len(trace.pastes) > _MOST:
        return None
    pastes = [pasted_after(paste, found.rest, found.link, stacked=False) for paste in trace.pastes]
    if None in pastes or (holes and found.hole is None) or (pastes and _meet(holes, trace.pastes)):
        return None
    pastes += [Paste(*hole, *found.hole) for hole in holes]  # type: ignore[misc]
    return RecordedTensor((trace.with_pastes(tuple(pastes)),), found.rest, ())  # type: ignore[arg-type]


@functools.lru_cache(_KEPT)
def _product(chain: Chain, name: str, place: int, dtype: torch.dtype) -> _Product | None:
    """Return what a product with a mask of a type comes to; None if that is torch's affair.

    The result lies in memory as the tensor does, if that lies in order, as masks do.
    """
    links = []
    for number in (1, 0):
        with as_at_first():
            constant = torch.full((1, 1, 1), number, dtype=dtype)
        given = [constant, constant]
        given[place] = torch.empty(0)
        call = calls.call_of(name, place, given, {})
        if call is None or chain.is_view or chain.interleaved:
            return None
        links.append(("call", *call))
    rest, hole = (chain.then("call", *link[1:]) for link in links)
    if rest is None:
        return None
    return _Product(links[0], rest, None if hole is None else filling(rest, hole))


def _holes(mask: torch.Tensor, channels: int) -> list[Rectangle] | None:
    """Return the rectangles in which a mask for so many channels is zero; None if it is no mask.

    The product lies in memory as the tensor does: the mask lies in the same order.
    """
    with contextlib.suppress(Exception):  # NumPy does not know all types and kinds
        planes = mask.numpy()
        if planes.ndim == _PLANE:
            planes = planes[None]
        if planes.ndim != _PLANE + 1 or len(planes) not in (1, channels) or not planes[0].flags.c_contiguous:
            return None
        # By bytes, as a zero's sign is the product's as well.
        content = planes[0].tobytes()
        is_seen_again = len(planes) == 1 or planes.strides[0] == 0
        if not is_seen_again and not (planes.flags.c_contiguous and content * channels == planes.tobytes()):
            return None
        return _native.mask_holes(content, planes.shape[2], _one(planes.dtype), _MOST)
    return None


@functools.cache
def _one(dtype: "np.dtype[Any]") -> bytes:
    return np.ones(1, dtype).tobytes()


def _meet(holes: list[Rectangle], pastes: Sequence[Paste]) -> bool:
    """Whether one of some rectangles has a place in common with one of others."""
    return any(
        top < paste.top + paste.height
        and paste.top < top + height
        and left < paste.left + paste.width
        and paste.left < left + width
        for top, left, height, width in holes
        for paste in pastes
    )


def _record_expand_as(tensor: Any, other: Any) -> Any:
    """Return a plain tensor that is seen in the shape of a recording one, of which nothing else is asked."""
    if isinstance(tensor, RecordedTensor) or not is_recording(other):
        return None
    trace = other._traces[0]
    return tensor.expand(*other._lead, other._chain.channels, trace.height, trace.width)


# Functions of torch, and what writes them down.
RECORDED: dict[Any, Callable[..., Any]] = {torch.Tensor.expand_as: _record_expand_as}
