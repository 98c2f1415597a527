"""Batches of bytes that timm's `FastCollateMixup` mixes: by its own code, run on images that only note.

Its code draws, decides, checks, and makes the targets, as it is installed; what it does to images' values is noted by
objects that stand for these, and done by the threads that make them. What cannot be noted has everything put back and
the code run on the images themselves.
"""

import sys
from collections.abc import Callable, Sequence
from typing import Any, Self

import numpy as np
import torch
from torch.overrides import TorchFunctionMode

from penstock.ops.operation import Share
from penstock.recording.tensors import RecordedTensor, is_recording

__all__ = ["mixed"]

_ZEROS = torch.zeros
# What rounding may add to the sum of two shares.
_MOST = 1.001


class _NotNotedError(Exception):
    """The code does something that is not noted."""


class _Noting(TorchFunctionMode):
    """Has torch's functions noted that the code calls on images, and the one that makes the batch's memory.

    Args:
        shape: Of each image.

    Attributes:
        shape: The same.
        has_written: Whether images were changed that the code was given.
    """

    def __init__(self, shape: torch.Size) -> None:
        super().__init__()
        self.shape, self.has_written = shape, False

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func is _ZEROS and kwargs == {"dtype": torch.uint8} and len(args) == 1 and args[0][1:] == self.shape:
            return _Output(*args)
        if func is torch.round and len(args) == 1 and isinstance(args[0], _Floats) and kwargs == {"out": args[0]}:
            args[0].is_rounded = True
            return args[0]
        return func(*args, **kwargs)


class _Bytes:
    """Stands for an image's bytes.

    Args:
        noting: Notes what is done to them.
        number: Of the image.
        gets: What it gets of another one, and that one's number.
        is_given: Whether this is an image that the code was given, and no copy.

    Attributes:
        number: The same.
        gets: The same.
    """

    def __init__(
        self, noting: _Noting, number: int, gets: tuple[Share, int] | None = None, *, is_given: bool = False
    ) -> None:
        self._noting, self.number, self.gets, self._is_given = noting, number, gets, is_given

    @property
    def shape(self) -> torch.Size:
        """Of the image."""
        return self._noting.shape

    def clone(self) -> "_Bytes":
        """Return a copy."""
        return _Bytes(self._noting, self.number, self.gets)

    def byte(self) -> "_Bytes":
        """Return itself."""
        return self

    def float(self) -> "_Floats":
        """Return the same numbers, of which sums are made."""
        return _Floats(self._noting, (self.as_made(), None))

    def __getitem__(self, index: Any) -> "_Part":
        return _Part(self, _rectangle(index, self.shape))

    def __setitem__(self, index: Any, part: Any) -> None:
        self.as_made()
        if not isinstance(part, _Part) or part.rectangle != (rectangle := _rectangle(index, self.shape)):
            raise _NotNotedError
        self.gets = rectangle, part.whole.as_made()
        self._noting.has_written |= self._is_given

    def as_made(self) -> int:
        """Return the image's number; nothing may have been written to it."""
        if self.gets is not None:
            raise _NotNotedError
        return self.number


class _Part:
    """Stands for a rectangle of an image, which is a view until it is copied.

    Args:
        whole: The image.
        rectangle: Top, bottom, left and right.

    Attributes:
        whole: The same.
        rectangle: The same.
    """

    def __init__(self, whole: _Bytes, rectangle: tuple[int, int, int, int]) -> None:
        self.whole, self.rectangle = whole, rectangle

    def clone(self) -> "_Part":
        """Return a copy."""
        return _Part(self.whole.clone(), self.rectangle)


class _Floats:
    """Stands for an image's values as numbers, times a share, or for the sum of two such.

    Args:
        noting: Notes what is done to them.
        terms: The numbers of the images, and their shares; None before there is one.

    Attributes:
        terms: The same.
        is_rounded: Whether they are whole numbers.
    """

    def __init__(self, noting: _Noting, *terms: tuple[int, float | None]) -> None:
        self._noting, self.terms, self.is_rounded = noting, terms, False

    def __mul__(self, share: Any) -> "_Floats":
        (number, before), *others = self.terms
        if others or before is not None or not isinstance(share, (float, np.floating)):
            raise _NotNotedError
        return _Floats(self._noting, (number, float(share)))

    def __add__(self, other: Any) -> "_Floats":
        if not isinstance(other, _Floats) or self.is_rounded or other.is_rounded:
            raise _NotNotedError
        return _Floats(self._noting, *self.terms, *other.terms)

    def byte(self) -> _Bytes:
        """Return the sum of two images as bytes."""
        (number, own), (partner, other) = self.terms
        # Not all sums need be bytes.
        if own is None or other is None or not (own >= 0 and other >= 0 and own + other <= _MOST):
            raise _NotNotedError
        if not self.is_rounded:
            raise _NotNotedError
        return _Bytes(self._noting, number, ((own, other), partner))

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Be something that torch's functions may be called on."""
        raise _NotNotedError


class _Output:
    """Stands for the batch that is put together, of zeros.

    Args:
        shape: Of the batch.

    Attributes:
        shape: The same.
        images: What was added at each place.
    """

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.shape = torch.Size(shape)
        self.images: list[_Bytes | None] = [None] * shape[0]

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, place: int) -> "_Place":
        return _Place(self, place)

    def __setitem__(self, place: int, added: Any) -> None:
        if not isinstance(added, _Place) or added.place != place:
            raise _NotNotedError


class _Place:
    """Stands for one image of the batch.

    Args:
        output: The batch.
        place: In it.

    Attributes:
        place: The same.
    """

    def __init__(self, output: _Output, place: int) -> None:
        self._output, self.place = output, place

    def __iadd__(self, image: Any) -> Self:
        if not isinstance(image, _Bytes) or self._output.images[self.place] is not None:
            raise _NotNotedError
        self._output.images[self.place] = image.clone()
        return self


def _rectangle(index: Any, shape: torch.Size) -> tuple[int, int, int, int]:
    """Return top, bottom, left and right of `[:, top:bottom, left:right]`."""
    channels, *others = index
    if channels != slice(None) or any(part.step is not None for part in others):
        raise _NotNotedError
    (top, bottom, _), (left, right, _) = (part.indices(length) for part, length in zip(others, shape[1:], strict=True))
    return top, max(top, bottom), left, max(left, right)


def mixed(function: Callable[[Any], Any], samples: Sequence[Any], batch: RecordedTensor, *, alone: bool) -> Any:
    """Return what a `FastCollateMixup` makes of samples, as a batch that records; None if that is its own affair.

    Args:
        function: timm's.
        samples: Tuples of an image of bytes and of the rest.
        batch: What `fast_collate` would make of the images.
        alone: Whether nobody else holds the list of samples.
    """
    before = np.random.get_state()  # noqa: NPY002 - the code draws from it
    try:
        made = _noted(function, samples, batch, alone=alone)
    except Exception:  # what the code raises it raises again
        made = None
    if made is None:
        np.random.set_state(before)  # noqa: NPY002
    return made


def _noted(function: Callable[[Any], Any], samples: Sequence[Any], batch: RecordedTensor, *, alone: bool) -> Any:
    noting, images = _Noting(batch.shape[1:]), dict[int, _Bytes]()
    given = [
        images.setdefault(id(sample[0]), _Bytes(noting, number, is_given=True)) for number, sample in enumerate(samples)
    ]
    numbers = [image.number for image in given]
    with noting:
        output, targets = function([(image, *sample[1:]) for image, sample in zip(given, samples, strict=True)])
    # What is written to images that were given is seen by who else holds them.
    if noting.has_written and not (alone and _are_alone(samples)):
        return None
    shares: list[Share | None] = []
    for image, number, partner in zip(output.images, numbers, reversed(numbers), strict=True):
        if image.number != number or (image.gets is not None and image.gets[1] != partner):
            return None
        shares.append(None if image.gets is None else image.gets[0])
    mixes = (tuple(shares),) if any(share is not None for share in shares) else ()
    return RecordedTensor(batch._traces, batch._chain, batch._lead, batch._given, mixes=mixes), targets


def _are_alone(samples: Sequence[Any]) -> bool:
    """Whether samples, and their images, which record, are held by nothing but the list and by themselves."""
    return all(is_recording(sample[0]) and not sample[0]._is_shared for sample in samples) and _references(
        samples
    ) <= _references([(object(),)])


def _references(samples: Sequence[Any]) -> int:
    """Return how many references there are at most to a sample, or to what is first in it."""
    return max(
        max(sys.getrefcount(samples[number]), sys.getrefcount(samples[number][0])) for number in range(len(samples))
    )
