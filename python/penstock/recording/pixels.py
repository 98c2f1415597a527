"""Pixels that are made here and now: of a file's content, or of pixels that were made of it before."""

import ctypes
import math
import weakref
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np

from penstock.records import Head

__all__ = ["Array", "as_content", "as_file", "bytes_of", "keep_whole", "written"]

Array = np.ndarray[Any, np.dtype[np.uint8]]
# Bytes of whole images that a process keeps for what else may be asked of their files, and how many it keeps at
# least.
_MOST_BYTES = 1 << 26
_LEAST = 1


def written(shape: tuple[int, ...], write: Callable[[Array], None]) -> Array:
    """Return an array of bytes that a function has written; nobody may write to it afterwards.

    Its memory is a Python object for bytes, as that of an array is which NumPy makes of an image of Pillow's.

    Args:
        shape: Of the array.
        write: Given the array while it can be written to.
    """
    content = bytes(math.prod(shape))
    readable = np.ndarray(shape, np.uint8, content)
    memory = memoryview((ctypes.c_char * len(content)).from_address(readable.ctypes.data))
    write(np.ndarray(shape, np.uint8, memory))
    return readable


def bytes_of(pixels: Array) -> bytes:
    """Return an array's bytes, in order; those that `written` has made it of are not copied."""
    content: Any = pixels.base
    if type(content) is bytes and len(content) == pixels.nbytes and pixels.flags.c_contiguous:
        return content
    return pixels.tobytes()


def as_file(pixels: Array) -> tuple[bytes, Head]:
    """Return the content of a file that holds these pixels as they are, and its header."""
    height, width, *channels = pixels.shape
    return as_content(width, height, bytes_of(pixels)), (height, width, *(channels or [1]), "PPM")


def as_content(width: int, height: int, pixels: bytes) -> bytes:
    """Return the content of a PPM file that holds these pixels, in rows, of one channel or three."""
    kind = b"P5" if len(pixels) == width * height else b"P6"
    return b"%b %d %d 255\n%b" % (kind, width, height, pixels)


class _Owner(Protocol):
    def forget(self) -> None:
        """Let go of the pixels."""


_wholes: deque[tuple["weakref.ref[_Owner]", int]] = deque()


def keep_whole(owner: _Owner, size: int) -> None:
    """Note who keeps the pixels of a whole image, and have those who kept theirs first let go of them if need be."""
    _wholes.append((weakref.ref(owner), size))
    if _size_of(_wholes) <= _MOST_BYTES:
        return
    alive = [(reference, size) for reference, size in _wholes if reference() is not None]
    _wholes.clear()
    _wholes.extend(alive)
    while len(_wholes) > _LEAST and _size_of(_wholes) > _MOST_BYTES:
        if (first := _wholes.popleft()[0]()) is not None:
            first.forget()


def _size_of(wholes: Sequence[tuple[Any, int]]) -> int:
    return sum(size for _, size in wholes)
