"""`PIL.ImageEnhance`: an enhancer of a recording image has no degenerate image until somebody asks for it."""

import functools
import io
from collections.abc import Callable
from typing import Any

from PIL import Image
from PIL.PpmImagePlugin import PpmImageFile

from penstock.ops.table import ENHANCERS
from penstock.recording.image_calls import call_recorded
from penstock.recording.images import is_recorded, touch
from penstock.recording.loaded import is_loaded

__all__ = ["Degenerate", "enhances", "initialises"]

# Of images whose enhancement records.
_MODES = ("L", "RGB")


def initialises(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return what stands before an enhancer's `__init__`."""

    def hook(self: Any, image: Any) -> None:
        records = is_recorded(image) or is_loaded(image)
        if records and image.mode in _MODES and type(self) in ENHANCERS:
            kind: Any = type(self)
            if _loads(kind, image.mode):
                image.load()
            self.image = image
        else:
            function(self, image)

    return hook


def enhances(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return what stands before `enhance` of all of them."""

    def hook(self: Any, factor: Any) -> Any:
        records = ENHANCERS.get(type(self))
        if records is None or "degenerate" in self.__dict__:
            return function(self, factor)
        enhanced = call_recorded(records, lambda *_: None)(self.image, factor)
        return function(self, factor) if enhanced is None else enhanced

    return hook


@functools.cache
def _loads(kind: Any, mode: str) -> bool:
    """Whether an enhancer that is made of an image loads it."""
    buffer = io.BytesIO()
    Image.new(mode, (3, 3)).save(buffer, "PPM")
    buffer.seek(0)
    image = PpmImageFile(buffer)
    kind(image)
    return not image.tile


class Degenerate:
    """Makes the degenerate image of an enhancer that has none."""

    def __get__(self, enhancer: Any, kind: type) -> Any:
        if enhancer is None or "image" not in enhancer.__dict__:
            raise AttributeError(f"{kind.__name__!r} object has no attribute 'degenerate'")
        touch(enhancer.image)
        initialise: Any = kind.__init__  # type: ignore[misc]
        getattr(initialise, "__wrapped__", initialise)(enhancer, enhancer.image)
        return enhancer.__dict__["degenerate"]
