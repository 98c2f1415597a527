"""`ImageDraw.Draw` of a recording image: rectangles of one colour are written down, anything else makes it real.

What draws is Pillow's own as soon as its image is real, over the pixels that the image has then.
"""

import contextlib
import functools
import weakref
from collections.abc import Callable
from typing import Any

from PIL import Image, ImageDraw

from penstock import agreement
from penstock.compat.pillow import READONLY, is_pillows
from penstock.ops.rectangle import drawn
from penstock.recording.images import Recorded, touch

__all__ = ["draws"]

_RECTANGLE = ImageDraw.ImageDraw.rectangle
_INITIALISE = ImageDraw.ImageDraw.__init__
# Modes of images on which drawing records.
_MODES = ("L", "RGB")


class _Pen(ImageDraw.ImageDraw):
    """Draws on a recording image.

    Args:
        image: That image.
    """

    def __init__(self, image: Recorded) -> None:
        self.__dict__["_image"] = image
        image.__dict__["_pens"] = (
            *(pen for pen in image.__dict__.get("_pens", ()) if pen() is not None),
            weakref.ref(self),
        )

    def rectangle(self, xy: Any, fill: Any = None, outline: Any = None, width: Any = 1) -> Any:
        """Draw a rectangle."""
        image, trace = self.__dict__["_image"], None
        if _is_plain() and fill is not None and outline is None and type(width) is int:
            with contextlib.suppress(Exception):  # Pillow raises its own
                trace = drawn(image._trace, xy, fill)
        if trace is None:
            self.begin()
            return self.rectangle(xy, fill, outline, width)
        image.__dict__["_trace"] = trace
        return None

    def begin(self) -> None:
        """Be Pillow's."""
        image = self.__dict__["_image"]
        touch(image)
        # By now its image has made it so.
        if isinstance(self, _Pen):
            self.become_pillows()

    def become_pillows(self) -> None:
        """Be Pillow's, as the image is by now."""
        image = self.__dict__.pop("_image")
        object.__setattr__(self, "__class__", ImageDraw.ImageDraw)
        _INITIALISE(self, image)

    def __getattr__(self, name: str) -> Any:
        if name not in _attributes():
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        self.begin()
        return getattr(self, name)

    def __setattr__(self, name: str, value: Any) -> None:
        self.begin()
        setattr(self, name, value)

    def __delattr__(self, name: str) -> None:
        self.begin()
        delattr(self, name)

    def __reduce_ex__(self, protocol: Any) -> Any:
        self.begin()
        return self.__reduce_ex__(protocol)


# Messages name the class that it stands for.
_Pen.__name__, _Pen.__qualname__, _Pen.__module__ = "ImageDraw", "ImageDraw", "PIL.ImageDraw"


@functools.cache
def _attributes() -> frozenset[str]:
    """Return the names of what Pillow's has."""
    with agreement.asking():
        return frozenset(vars(ImageDraw.ImageDraw(Image.new("L", (1, 1)))))


def _is_plain() -> bool:
    """Whether what draws is Pillow's own class as it was."""
    own = vars(ImageDraw.ImageDraw)
    return own["rectangle"] is _RECTANGLE and own["__init__"] is _INITIALISE and is_pillows(_RECTANGLE)


def draws(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return what stands before `ImageDraw.Draw`."""

    def hook(im: Any, mode: Any = None) -> Any:
        if type(im) is Recorded and im._mode in _MODES and mode in (None, im._mode):
            im.load()
            # An image that is kept is Pillow's now.
            if type(im) is Recorded and not im.__dict__.get(READONLY) and _is_plain():
                return _Pen(im)
        return function(im, mode)

    return hook
