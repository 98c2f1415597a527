"""`Image.new`: an image of one colour, whose pixels are made when something looks at them.

If a recording image is pasted on it before, it is that one with margins, and records.
"""

import operator
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image

from penstock.compat.pillow import PLAIN, is_pillows
from penstock.ops.expand import moved
from penstock.ops.geometry.canvas import color_of
from penstock.recording.current import current
from penstock.recording.images import LikePillows, Recorded, is_recorded, named_as_pillows
from penstock.recording.sources import Trace, making

__all__ = ["makes_blanks"]

_NEW: Any = Image.new
_PASTE: Any = Image.Image.paste
# Of larger images Pillow may find that they are too large.
_MOST, _MOST_PIXELS = 1 << 16, 1 << 26
# Modes of images on which others are pasted.
_MODES = ("L", "RGB")


class _Blank(Image.Image, metaclass=LikePillows):
    """An image of one colour that is not there yet.

    Args:
        mode: Pillow's, "L" or "RGB".
        size: Width and height.
        color: As `Image.new` was given it.
        filled: Its three bytes.
    """

    _stands_for = Image.Image

    def __init__(self, mode: str, size: tuple[int, int], color: Any, filled: tuple[int, ...]) -> None:
        self.__dict__.update(PLAIN)
        self.__dict__.update(_mode=mode, _size=size, info={}, _blank=(mode, size, color, filled))

    @property
    def _im(self) -> Any:
        with making:
            self._become_pillows()
        return self._im

    @_im.setter
    def _im(self, value: Any) -> None:
        self._become_pillows()
        self._im = value

    def _become_pillows(self) -> None:
        if isinstance(self, _Blank):
            mode, size, color, _ = self.__dict__.pop("_blank")
            self.__class__ = Image.Image  # type: ignore[assignment]
            self._im = _NEW(mode, size, color).im

    def paste(self, im: Any, box: Any = None, mask: Any = None) -> Any:
        """Paste another image, or a colour."""
        trace = self._pasted(im, box) if mask is None and is_recorded(im) else None
        if trace is None:
            self._become_pillows()
            return self.paste(im, box, mask)
        del self.__dict__["_blank"]
        self.__dict__.update(_trace=trace, _is_loaded=True)
        self.__class__ = Recorded  # type: ignore[assignment]
        if (keeper := trace.source.keeper) is not None:
            keeper.append(weakref.ref(self))
        return None

    def _pasted(self, image: Any, box: Any) -> Trace | None:
        """Return what this becomes when a recording image is pasted on it; None if that is Pillow's to do."""
        mode, (width, height), _, color = self.__dict__["_blank"]
        place = (0, 0) if box is None else box
        if vars(Image.Image).get("paste") is not _PASTE or not is_pillows(_PASTE) or type(place) is not tuple:
            return None
        if (self.__dict__["_mode"], self.__dict__["_size"]) != (mode, (width, height)):
            return None
        if len(place) not in (2, 4) or not all(type(each) is int or isinstance(each, np.integer) for each in place):
            return None
        left, top, *others = map(operator.index, place)
        if others and others != [left + image.width, top + image.height]:
            return None
        right, bottom = width - left - image.width, height - top - image.height
        if left >= width or top >= height or right >= width or bottom >= height:
            return None  # nothing of it is on the image
        if image._mode not in _MODES:
            return None
        # What is pasted is what it is now, and may become Pillow's here.
        shown = image.convert(mode)
        if not is_recorded(shown):
            return None
        if not any((left, top, right, bottom)):
            return shown._trace.without_info()  # type: ignore[no-any-return]
        framed: Any = moved(shown._trace, (left, top, right, bottom), color)
        return framed  # type: ignore[no-any-return]

    def __reduce_ex__(self, protocol: Any) -> Any:
        self._become_pillows()
        return self.__reduce_ex__(protocol)

    def __eq__(self, other: object) -> bool:
        self._become_pillows()
        return bool(self == other)

    __hash__ = None  # type: ignore[assignment]


named_as_pillows(_Blank)


def makes_blanks(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return what stands before `Image.new`."""

    def hook(mode: Any, size: Any, color: Any = 0) -> Any:
        if type(mode) is str and mode in _MODES and current() is not None and _is_size(size):
            kinds = (int, float, str, type(None))
            if type(color) in kinds or (type(color) is tuple and all(type(each) in kinds for each in color)):
                try:
                    filled = color_of(mode, color)
                except Exception:  # Pillow raises its own
                    return function(mode, size, color)
                return _Blank(mode, (size[0], size[1]), color, filled)
        return function(mode, size, color)

    return hook


def _is_size(size: Any) -> bool:
    return (
        type(size) in (tuple, list)
        and len(size) == 2
        and all(type(length) is int and 0 < length < _MOST for length in size)
        and size[0] * size[1] < _MOST_PIXELS
    )
