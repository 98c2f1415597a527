"""Images whose pixels Pillow has, or somebody has given to it: what is made of them records.

An array of colours is copied when Pillow is given it, and so it is here: the image records over the copy. Other
images are Pillow's own, and behave as such; only what is made of them, by a method or a function that is written down
elsewhere, is made of a copy of their pixels as they are then.
"""

import contextlib
import functools
import time
import warnings
import weakref
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from PIL import Image

from penstock import agreement
from penstock.compat.pillow import copy_info, fromarray
from penstock.ops.operation import Records
from penstock.ops.table import METHODS
from penstock.recording.current import current
from penstock.recording.images import LikePillows, image_of, named_as_pillows, recorded_by
from penstock.recording.palettes import Palette
from penstock.recording.sources import Trace, of_pixels

if TYPE_CHECKING:
    from penstock.recording.recorder import Recorder

__all__ = ["end", "go_on", "is_loaded", "over_pixels", "recorded_over", "records_arrays"]

_T = TypeVar("_T")

_COLORS = 3
# Modes of which something records.
_MODES = ("L", "RGB", "P")


class _Loaded(Image.Image):
    """An image of Pillow's; what is made of it goes on, as far as that is known."""

    # The class of Pillow's image.
    _stands_for: type
    # Why it was counted as one that Pillow opens, None if it was not or is no more.
    _why: str | None

    def __reduce_ex__(self, protocol: Any) -> Any:
        end(self)
        return self.__reduce_ex__(protocol)

    def __eq__(self, other: object) -> bool:
        end(self)
        end(other)
        return bool(self == other)

    __hash__ = None  # type: ignore[assignment]


def _method(name: str, records: Records) -> Any:
    """Return a method whose result records if it can."""
    own = vars(Image.Image)[name]

    @functools.wraps(own)
    def method(self: Any, *args: Any, **options: Any) -> Any:
        recorded = None
        # What some plugins add to `info` when they load a file is too late for Pillow's `transform`.
        is_late = name == "transform" and self._im is None
        if vars(Image.Image)[name] is own and not is_late:
            recorded = recorded_over(self, lambda trace: recorded_by(records, trace, args, options))
        return getattr(super(_Loaded, self), name)(*args, **options) if recorded is None else recorded

    return method


def _copying(name: str) -> Any:
    """Return a method that Pillow does, by whose result it goes on."""
    own = vars(Image.Image)[name]

    @functools.wraps(own)
    def method(self: Any, *args: Any, **options: Any) -> Any:
        made = getattr(super(_Loaded, self), name)(*args, **options)
        if (recorder := current()) is None:
            return made
        why, self.__class__ = self._why, _kind_of(self._stands_for, None)
        return go_on(made, recorder, why)

    return method


for _name, _records in METHODS.items():
    setattr(_Loaded, _name, _method(_name, _records))
# They take less than a copy of all pixels, or make what others cannot be made of.
for _name in ("copy", "convert", "crop", "getchannel"):
    setattr(_Loaded, _name, _copying(_name))


@functools.cache
def _kind_of(kind: Any, why: str | None) -> Any:
    """Return the class of images of one of Pillow's classes that go on."""
    meta = LikePillows if type(kind) is type else type("_Like", (LikePillows, type(kind)), {})
    made = meta(kind.__name__, (_Loaded, kind), {"_stands_for": kind, "_why": why})
    named_as_pillows(made)
    return made


def go_on(image: Any, recorder: "Recorder", why: str | None = None) -> Any:
    """Have what is made of an image of Pillow's record; return the image.

    Args:
        image: Any one.
        recorder: Who has it recorded.
        why: Pillow has opened it, if that was counted.
    """
    if type(image).__module__.startswith("PIL.") and not isinstance(image, _Loaded):
        kind: Any = type(image)
        image.__class__ = _kind_of(kind, why)
        if recorder.thread is not None:
            reference = weakref.ref(image)
            recorder.at_finish.append(lambda: end(reference()))
    return image


def end(image: Any) -> None:
    """Have an image be nothing but Pillow's, if it goes on."""
    if isinstance(image, _Loaded):
        image.__class__ = image._stands_for


def is_loaded(image: Any) -> bool:
    """Whether an image is one that goes on."""
    return isinstance(image, _Loaded)


def recorded_over(image: Any, records: Callable[[Trace], Trace | None]) -> Any:
    """Return the recording image that a call on an image comes to, over a copy of its pixels; None if there is none.

    Args:
        image: Any one.
        records: Given the image's trace: that of the result, None if that is Pillow's to make.

    Raises:
        Exception: What Pillow raises for a file that it cannot load.
    """
    found = over_pixels(image, records)
    if found is None:
        return None
    return image_of(found, {} if found.is_bare else copy_info(image), readonly=found.is_mapped)


def over_pixels(image: Any, records: Callable[[Trace], _T | None]) -> _T | None:
    """Return what something makes of the trace of an image that goes on, whose pixels are copied if that is anything.

    Raises:
        Exception: What Pillow raises for a file that it cannot load.
    """
    if not isinstance(image, _Loaded) or (recorder := current()) is None:
        return None
    if image.mode not in _MODES or "transparency" in image.info or 0 in image.size:
        return None
    start = time.thread_time()
    palette = None
    if image.mode == "P":
        image.load()
        if image.palette is None or image.palette.mode != "RGB":
            return None
        pixel = Image.Image.resize(image, (1, 1))
        palette = Palette(lambda: pixel)
    trace, result = of_pixels(image.mode, image.size, b"", palette), None
    trace.source.keeper = recorder.kept
    with contextlib.suppress(Exception):  # Pillow raises its own
        result = records(trace)
    if result is not None:
        image.load()
        trace.source.fill(image.tobytes())
        trace.source.is_copied = True
        recorder.opened(trace.source)
        if image._why is not None:
            recorder.others -= Counter([image._why])  # it is counted as what it has become
            image.__class__ = _kind_of(image._stands_for, None)
        trace.source.outcome.spent = time.thread_time() - start
    return result


def records_arrays(function: Callable[..., Any], *, warns: bool = True) -> Callable[..., Any]:
    """Return what stands before `Image.fromarray`.

    Args:
        function: Pillow's, or torchvision's that stands before that.
        warns: Whether it may be one that warns where it is given a mode.
    """

    def hook(obj: Any, mode: str | None = None) -> Any:
        if (recorder := current()) is None:
            return function(obj, mode)
        if _is_of_colors(obj) and (mode is None or (mode == "RGB" and (not warns or _takes_modes()))):
            start = time.thread_time()
            trace = of_pixels("RGB", (obj.shape[1], obj.shape[0]), obj.tobytes())
            recorder.opened(trace.source)
            trace.source.outcome.spent = time.thread_time() - start
            return image_of(trace, {})
        return go_on(function(obj, mode), recorder)

    return hook


def _is_of_colors(array: Any) -> bool:
    return (
        type(array) is np.ndarray
        and array.ndim == 3
        and array.shape[2] == _COLORS
        and array.dtype == np.uint8
        and array.size > 0
    )


@agreement.probe(
    "Pillow's fromarray takes a mode without a warning",
    "images of arrays that record",
    state=("filters of warnings",),
    otherwise=False,
)
def _takes_modes() -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made: Image.Image = fromarray(np.zeros((1, 1, _COLORS), np.uint8), "RGB")
        return made.mode == "RGB"
