"""Pillow's images, recording.

What is asked of a recording image is either written down in its `Trace`, or answered from the file's header, or it
makes the image a real one: its class becomes Pillow's own, its attributes what Pillow's would be, and the method
that was called goes on with it. All pixels of a Pillow image are reached through its attribute `_im`, which is a
property here, so nothing can reach them unnoticed.
"""

import contextlib
import functools
import time
import weakref
from collections.abc import Callable, Iterator
from typing import Any, TypeVar, cast

from PIL import Image
from PIL.ImageFile import ImageFile

from penstock.compat.pillow import PLAIN, READONLY, copy_info, is_pillows
from penstock.conversion import channels_of
from penstock.ops.color.gray import luminance
from penstock.ops.color.point import tabulated
from penstock.ops.color.space import in_space
from penstock.ops.operation import Records
from penstock.ops.rectangle import painted
from penstock.ops.table import METHODS, MOVES
from penstock.recording.causes import cause
from penstock.recording.pixels import bytes_of
from penstock.recording.sources import Trace, making

__all__ = [
    "LikePillows",
    "Pixels",
    "Recorded",
    "Recording",
    "image_of",
    "is_recorded",
    "materialize_kept",
    "named_as_pillows",
    "recorded_by",
    "touch",
    "while_recording",
]

_Method = TypeVar("_Method", bound=Callable[..., Any])
# Attributes on which it depends what an image is.
_MATERIAL = frozenset(("_mode", "_size", "decoderconfig", "fp", "palette", "tile"))


# Methods of Pillow's class that are done here, as long as they are Pillow's own.
_NAMES = frozenset((*METHODS, "convert", "copy", "getpalette", "paste", "putpalette", "split"))
# Modes of images of which calls record that make other values.
_COLORS = ("L", "RGB")


class Pixels:
    """Stands for the pixels of an image that was loaded, until one is looked at."""

    def __init__(self, image: Image.Image) -> None:
        self._image = image

    def __getitem__(self, place: Any) -> Any:
        return self._access()[place]

    def __setitem__(self, place: Any, color: Any) -> None:
        self._access()[place] = color

    def __getattr__(self, name: str) -> Any:
        return getattr(self._access(), name)

    def _access(self) -> Any:
        touch(self._image)
        return self._image.load()


def while_recording(method: _Method) -> _Method:
    """Have a method that was looked up on a recording image go on with the real one that it has become.

    One that goes on to another image after images of its file were sent is kept by somebody, who will use it again.
    """
    goes_on = method.__name__ != "load"
    name = method.__name__ if method.__name__ in _NAMES else None
    own = vars(Image.Image)[name] if name is not None and is_pillows(vars(Image.Image).get(name)) else None

    @functools.wraps(method)
    def called(self: Any, *args: Any, **options: Any) -> Any:
        if name is not None and vars(Image.Image).get(name) is not own and isinstance(self, Recording):
            self._materialize()  # somebody has given Pillow's class another method
            return getattr(self, name)(*args, **options)
        if goes_on and isinstance(self, Recording) and self._trace.source.sent:
            self._trace.source.outcome.kept = True
            materialize_kept(self)
        if isinstance(self, Recording):
            return method(self, *args, **options)
        return getattr(self, method.__name__)(*args, **options)

    return called  # type: ignore[return-value]


class Recording(Image.Image):
    """What all recording images have in common."""

    _trace: Trace
    # The class of Pillow's image.
    _stands_for: type
    # Whether Pillow's would have its pixels by now.
    _is_loaded: bool

    @property
    def _im(self) -> Any:
        if not self._is_loaded:
            return None
        touch(self)
        return self._im

    @_im.setter
    def _im(self, value: Any) -> None:
        if self.__dict__.get("_pens"):
            touch(self)  # what draws on it goes on with the pixels that it has now
        else:
            palette = self._trace.palette if self._is_loaded else None
            self._become_pillows()
            if palette is not None:
                self.palette = palette.image((1, 1), bytes(1)).palette
        self._im = value

    def _become_pillows(self) -> None:
        """Take the class and all attributes but the pixels of the image that Pillow would have made."""
        raise NotImplementedError

    def _materialize(self) -> None:
        """Make the image real, for a call that may fail before Pillow would load it."""
        if self._is_loaded:
            touch(self)
        else:
            self._become_pillows()

    def _new_trace(self, trace: Trace) -> "Recorded":
        info = None
        if trace.is_bare and trace is not self._trace:
            info = {}
        elif "info" in self.__dict__:
            info = copy_info(self)
        return image_of(trace, info, readonly=trace.is_mapped and trace is not self._trace)

    @while_recording
    def copy(self) -> Image.Image:
        """Return the same image once more."""
        self.load()
        return self._new_trace(self._trace)

    __copy__ = copy

    @while_recording
    def convert(self, mode: str | None = None, matrix: Any = None, *args: Any, **options: Any) -> Image.Image:
        """Return the image in another mode."""
        trace: Any = None
        try:
            is_taken = _is_taken(*args, **options)
        except TypeError:  # of Pillow's own, who has not loaded the image yet
            self._materialize()
            return self.convert(mode, matrix, *args, **options)
        if matrix is None and is_taken:
            trace = _converted(self._trace, mode)
        if trace is None:
            touch(self)
            return self.convert(mode, matrix, *args, **options)
        self.load()
        return self._new_trace(trace)

    @while_recording
    def split(self) -> tuple[Image.Image, ...]:
        """Return an image of each channel."""
        self.load()
        # An image whose file was closed by the user is Pillow's now.
        if not isinstance(self, Recording):
            return self.split()
        if (channels := channels_of(self._mode)) == 1:
            return (self.copy(),)
        return tuple([self.getchannel(number) for number in range(channels)])

    @while_recording
    def load(self) -> Any:
        """Return what stands for the pixels."""
        return Pixels(self)

    @while_recording
    def getpalette(self, rawmode: str | None = "RGB") -> list[int] | None:
        """Return what the image's numbers stand for, None if they are none."""
        if self._trace.palette is None or rawmode != "RGB":
            touch(self)
            return self.getpalette(rawmode)
        self.load()
        return self._trace.palette.colors() if isinstance(self, Recording) else self.getpalette(rawmode)

    @while_recording
    def putpalette(self, *args: Any, **options: Any) -> None:
        """Change what the image's numbers stand for."""
        self._materialize()
        self.putpalette(*args, **options)

    @property
    def __array_interface__(self) -> Any:
        if (pixels := self._pixels()) is None:
            touch(self)
            return self.__array_interface__
        self.load()
        return {"shape": pixels.shape, "typestr": "|u1", "version": 3, "data": bytes_of(pixels)}

    def _pixels(self) -> Any:
        """Return the image as an array, and stay as it is; None if Pillow has to make it."""
        with making:
            opened = self.__dict__.get("_opened")
            if not isinstance(self, Recording) or (opened is not None and opened.closed):
                return None
            with _touching(self._trace, opened):
                return self._trace.pixels()

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _MATERIAL:
            self._materialize()
        object.__setattr__(self, name, value)

    def _other(self, name: str) -> Any:
        """Answer for an attribute that is none: Pillow's classes know names that have gone out of use."""
        if (answer := getattr(self._stands_for, "__getattr__", None)) is not None:
            return answer(self, name)
        raise AttributeError(f"'{self._stands_for.__name__}' object has no attribute {name!r}")

    def __delattr__(self, name: str) -> None:
        self._materialize()
        delattr(self, name)

    @while_recording
    def __reduce_ex__(self, protocol: Any) -> Any:
        touch(self)
        return self.__reduce_ex__(protocol)

    @while_recording
    def __eq__(self, other: object) -> bool:
        touch(self)
        if isinstance(other, Recording):
            touch(other)
        return bool(self == other)

    __hash__ = None  # type: ignore[assignment]


def image_of(trace: Trace, info: dict[Any, Any] | None, *, readonly: bool = False) -> "Recorded":
    """Return an image that records.

    Args:
        trace: What was done to it so far.
        info: Its `info`; that of the file if None.
        readonly: Whether it says that it may not be written to, before it is.
    """
    new = Recorded.__new__(Recorded)
    attributes = new.__dict__
    attributes["_trace"], attributes["_is_loaded"] = trace, True
    attributes["_mode"], attributes["_size"] = trace.mode, (trace.width, trace.height)
    if info is not None:
        attributes["info"] = info
    if readonly:
        attributes[READONLY] = 1
    if (keeper := trace.source.keeper) is not None:
        keeper.append(weakref.ref(new))
    return new


def recorded_by(records: Records, trace: Trace, args: Any, options: Any) -> Trace | None:
    """Return what a call comes to, None if that is Pillow's to make."""
    if trace.mode not in _COLORS and records not in MOVES:
        return None
    return cast("Trace | None", records(trace, *args, **options))


def _is_taken(dither: Any = None, palette: Any = None, colors: Any = None) -> bool:  # noqa: ARG001
    """Whether Pillow's `convert` takes what it is given besides a mode, of which colours and gray depend on nothing."""
    return dither is None or (type(dither) in (int, Image.Dither) and dither in [*Image.Dither])


def _converted(trace: Trace, mode: str | None) -> Trace | None:
    """Return what Pillow's `convert` without further arguments makes; None if that is nothing that is recorded."""
    if trace.palette is not None and mode in (None, "L", "RGB"):
        mode = mode or "RGB"
        return cast("Trace", tabulated(trace.convert(mode), trace.palette.table(mode)))
    if mode is None or mode == trace.mode:
        return trace
    if mode == "RGB" and trace.mode == "L":
        return trace.convert("RGB")
    return cast("Trace | None", luminance(trace) if (trace.mode, mode) == ("RGB", "L") else in_space(trace, mode))


def _recorded(name: str, records: Records) -> Any:
    """Return a method of Pillow's that is written down where it can be."""

    def method(self: Recording, *args: Any, **options: Any) -> Any:
        try:
            trace = recorded_by(records, self._trace, args, options)
        except Exception:  # Pillow raises its own, or makes something of what is not understood here
            self._materialize()
            return getattr(self, name)(*args, **options)
        if trace is None:
            touch(self)
            return getattr(self, name)(*args, **options)
        self.load()
        return self._new_trace(trace)

    method.__name__, method.__doc__ = name, getattr(Image.Image, name).__doc__
    return while_recording(method)


for _name, _records in METHODS.items():
    setattr(Recording, _name, _recorded(_name, _records))


class LikePillows(type):
    """Has tables by type, of which torchvision's transforms take some, find what is there for Pillow's images."""

    _stands_for: type

    def __eq__(cls, other: object) -> bool:
        return other is cls or other is cls._stands_for

    def __hash__(cls) -> int:
        return hash(cls._stands_for)


class Recorded(Recording, metaclass=LikePillows):
    """An image that Pillow would have made of another one."""

    _stands_for = Image.Image

    def __getattr__(self, name: str) -> Any:
        attributes = self.__dict__
        if name == "info":
            attributes["info"] = copy_info(self._trace.source.info())
        elif name == "palette" and self._trace.palette is not None:
            touch(self)
        elif name in PLAIN:
            attributes[name] = PLAIN[name]
        else:
            return self._other(name)
        return attributes[name]

    def _become_pillows(self) -> None:
        attributes = self.__dict__
        trace = attributes["_trace"]
        if "info" not in attributes:
            attributes["info"] = copy_info(trace.source.info())
        del attributes["_trace"], attributes["_is_loaded"]
        attributes.update({name: value for name, value in PLAIN.items() if name not in attributes})
        self.__class__ = Image.Image  # type: ignore[assignment]

    @while_recording
    def paste(self, im: Any, box: Any = None, mask: Any = None) -> None:
        """Paste a colour, or another image."""
        trace = None
        if mask is None and not self.__dict__.get(READONLY) and self._trace.mode in _COLORS:
            with contextlib.suppress(Exception):  # Pillow raises its own
                trace = painted(self._trace, im, box)
        if trace is None:
            touch(self)
            self.paste(im, box, mask)
        else:
            self.__dict__["_trace"] = trace

    @while_recording
    def putpalette(self, data: Any, rawmode: str = "RGB") -> None:
        """Change what the image's numbers stand for."""
        palette = None
        if self._trace.palette is not None and rawmode == "RGB" and type(data) is list:
            with contextlib.suppress(Exception):  # Pillow raises its own
                palette = self._trace.palette.with_colors(data)
        if palette is None:
            touch(self)
            self.putpalette(data, rawmode)
        else:
            self.__dict__["_trace"] = self._trace.with_palette(palette)


def named_as_pillows(kind: Any) -> None:
    """Have messages name the class that one stands for."""
    kind.__name__ = kind.__qualname__ = kind._stands_for.__name__
    kind.__module__ = kind._stands_for.__module__


named_as_pillows(Recorded)


def is_recorded(image: Any) -> bool:
    """Whether something is an image that records."""
    return isinstance(image, Recording)


def touch(image: Image.Image) -> None:
    """Make a recording image real, with its pixels."""
    with making:
        if isinstance(image, Recording):
            _make(image)


def _make(image: Recording, *, touched: bool = True) -> None:
    opened = image.__dict__.get("_opened")
    if opened is not None and opened.closed:
        image._become_pillows()
        image.load()
        return
    with _touching(image._trace, opened, touched=touched):
        made = image._trace.image()
        if isinstance(image, ImageFile):
            image.load()
        image._become_pillows()
    image._im = made.im
    for pen in image.__dict__.pop("_pens", ()):
        if (draws := pen()) is not None:
            draws.become_pillows()
    if made.palette is not None:
        image.palette = made.palette


@contextlib.contextmanager
def _touching(trace: Trace, opened: Any, *, touched: bool = True) -> Iterator[None]:
    """Have the content of an image's file at hand while it is made, and note that it was, and by what."""
    source, start = trace.source, time.thread_time()
    with source.at_hand(opened):
        yield
    source.outcome.spent += time.thread_time() - start
    if touched and not source.outcome.is_touched:
        source.outcome.touched = cause()
    if source.log is not None:
        source.log.append((trace, None, None))


def materialize_kept(image: Any) -> None:
    """Make a recording image that outlives its batch real, with its pixels if it has been loaded."""
    with making:
        if not isinstance(image, Recording):
            return
        if image._is_loaded:
            _make(image, touched=False)
        else:
            image._become_pillows()
