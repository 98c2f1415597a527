"""Products of recording tensors with masks of zeros and ones, as code that cuts holes into pictures makes them.

Where the mask is one, what happens is what happens everywhere; where it is zero, in some rectangles, the picture is
made by other functions of its bytes.
"""

import contextlib
import functools
import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch

from penstock.recording import calls
from penstock.recording.chain import Chain, Link, as_at_first
from penstock.recording.pastes import Filling, Paste, Rectangle, filling, pasted_after
from penstock.recording.tensors import RecordedTensor, is_plain, is_recording, is_torch_plain, picture_of

__all__ = ["PRODUCTS", "RECORDED", "product"]

# Functions that multiply, by their names in `calls.FUNCTIONS`.
PRODUCTS = frozenset(("mul", "multiply", "Tensor.mul", "Tensor.mul_", "Tensor.multiply", "Tensor.multiply_"))
# Rectangles of one picture.
_MOST = 16
# Products that are kept.
_KEPT = 256
# Dimensions of a mask that has no channels.
_PLANE = 2
# Whole numbers by the bytes of an element.
_BITS = {size: np.dtype(f"u{size}") for size in (1, 2, 4, 8)}


class _Product(NamedTuple):
    """What a product with a mask comes to.

    Attributes:
        link: The product where the mask is one.
        rest: What the picture is made by there.
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
    trace = picture_of(tensor, pasted=True) if is_plain(mask) else None
    if trace is None or mask.shape[-2:] != (trace.height, trace.width) or not is_torch_plain():
        return None
    found = _product(tensor._chain, name, place, mask.dtype)
    holes = None if found is None else _holes(mask, tensor._chain.channels)
    if found is None or holes is None or len(holes) + len(trace.pastes) > _MOST:
        return None
    pastes = [pasted_after(paste, found.rest, found.link, stacked=False) for paste in trace.pastes]
    if None in pastes or (holes and (found.hole is None or _meet(holes, trace.pastes))):
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
    if mask.ndim != _PLANE and not (mask.ndim == _PLANE + 1 and len(mask) in (1, channels)):
        return None
    with contextlib.suppress(Exception):  # NumPy does not know all types and kinds
        values = mask.numpy()
        plane = values if values.ndim == _PLANE else values[0]
        if not plane.flags.c_contiguous:
            return None
        is_one = plane is values or len(values) == 1 or values.strides[0] == 0
        if not is_one and not (values.flags.c_contiguous and (values == plane).all()):
            return None
        # A zero's sign is the product's as well.
        bits = plane.view(_BITS[plane.itemsize])
        zeros = bits == 0
        count = int(np.count_nonzero(zeros))
        if count + np.count_nonzero(bits == plane.dtype.type(1).view(bits.dtype)) != plane.size:
            return None
        return _only(zeros, count) or [*itertools.islice(_rectangles(zeros), _MOST + 1)]
    return None


def _only(places: "np.ndarray[Any, np.dtype[np.bool_]]", count: int) -> list[Rectangle] | None:
    """Return the only rectangle that covers all of so many places; None if there is no such one."""
    content, width = places.tobytes(), places.shape[1]
    if not count:
        return None
    (top, left), (bottom, right) = divmod(content.index(1), width), divmod(content.rindex(1), width)
    part = places[top : bottom + 1, left : right + 1]
    height, width = part.shape
    return [(top, left, height, width)] if part.size == count == np.count_nonzero(part) else None


def _rectangles(places: "np.ndarray[Any, np.dtype[np.bool_]]") -> Iterator[Rectangle]:
    """Yield rectangles that cover all places, none of them twice."""
    width, content, top = places.shape[1], places.tobytes(), 0
    rows = (content[start : start + width] for start in range(0, len(content), width))
    for row, same in itertools.groupby(rows):
        height = sum(1 for _ in same)
        left = row.find(1)
        while left >= 0:
            right = row.find(0, left)
            right = width if right < 0 else right
            yield top, left, height, right - left
            left = row.find(1, right)
        top += height


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
