"""Pillow's pictures, recording.

What is asked of a recording picture is either written down in its `Trace`, or answered from the file's header, or it
makes the picture a real one: its class becomes Pillow's own, its attributes what Pillow's would be, and the method
that was called goes on with it. All pixels of a Pillow picture are reached through its attribute `_im`, which is a
property here, so nothing can reach them unnoticed.
"""

import contextlib
import functools
import io
import time
import weakref
from collections.abc import Callable, Iterator
from typing import Any, TypeVar, cast

from PIL import Image
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile

from penstock import agreement
from penstock.compat.pillow import PLAIN, READONLY, copy_info, is_pillows
from penstock.ops.color.gray import luminance
from penstock.ops.operation import Records
from penstock.ops.table import METHODS
from penstock.recording.causes import cause
from penstock.recording.pixels import bytes_of
from penstock.recording.sources import Source, Trace, making

__all__ = ["Recorded", "call_recorded", "is_recorded", "open_recorded", "settle", "touch"]

_Method = TypeVar("_Method", bound=Callable[..., Any])
# Attributes on which it depends what a picture is.
_MATERIAL = frozenset(("_mode", "_size", "decoderconfig", "fp", "tile"))


# Methods of Pillow's class that are done here, as long as they are Pillow's own.
_NAMES = frozenset((*METHODS, "convert", "copy"))


class _Pixels:
    """Stands for the pixels of a picture that was loaded, until one is looked at."""

    def __init__(self, picture: Image.Image) -> None:
        self._picture = picture

    def __getitem__(self, place: Any) -> Any:
        return self._access()[place]

    def __setitem__(self, place: Any, color: Any) -> None:
        self._access()[place] = color

    def __getattr__(self, name: str) -> Any:
        return getattr(self._access(), name)

    def _access(self) -> Any:
        touch(self._picture)
        return self._picture.load()


def _while_recording(method: _Method) -> _Method:
    """Have a method that was looked up on a recording picture go on with the real one that it has become.

    One that goes on to another picture after pictures of its file were sent is kept by somebody, who will use it again.
    """
    goes_on = method.__name__ != "load"
    name = method.__name__ if method.__name__ in _NAMES else None
    own = vars(Image.Image)[name] if name is not None and is_pillows(vars(Image.Image).get(name)) else None

    @functools.wraps(method)
    def called(self: Any, *args: Any, **options: Any) -> Any:
        if name is not None and vars(Image.Image).get(name) is not own and isinstance(self, _Recording):
            self._release()  # somebody has given Pillow's class another method
            return getattr(self, name)(*args, **options)
        if goes_on and isinstance(self, _Recording) and self._trace.source.sent:
            self._trace.source.fate.kept = True
            settle(self)
        if isinstance(self, _Recording):
            return method(self, *args, **options)
        return getattr(self, method.__name__)(*args, **options)

    return called  # type: ignore[return-value]


class _Recording(Image.Image):
    """What all recording pictures have in common."""

    _trace: Trace
    # The class of Pillow's picture.
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
        self._become_real()
        self._im = value

    def _become_real(self) -> None:
        """Take the class and all attributes but the pixels of the picture that Pillow would have made."""
        raise NotImplementedError

    def _release(self) -> None:
        """Make the picture real, for a call that may fail before Pillow would load it."""
        if self._is_loaded:
            touch(self)
        else:
            self._become_real()

    def _new_trace(self, trace: Trace) -> "Recorded":
        new = Recorded.__new__(Recorded)
        attributes = new.__dict__
        attributes["_trace"], attributes["_is_loaded"] = trace, True
        attributes["_mode"], attributes["_size"] = trace.mode, (trace.width, trace.height)
        if trace.is_bare and trace is not self._trace:
            attributes["info"] = {}
        elif "info" in self.__dict__:
            attributes["info"] = copy_info(self)
        if (keeper := trace.source.keeper) is not None:
            keeper.append(weakref.ref(new))
        return new

    @_while_recording
    def copy(self) -> Image.Image:
        self.load()
        return self._new_trace(self._trace)

    __copy__ = copy

    @_while_recording
    def convert(self, mode: str | None = None, matrix: Any = None, *args: Any, **options: Any) -> Image.Image:
        trace: Any = None
        if matrix is None:  # Pillow has loaded the picture before it asks what else is none
            if mode is None or mode == self._mode:
                trace = self._trace
            elif mode == "RGB" and self._mode == "L":
                trace = self._trace.convert("RGB")
            elif mode == "L" and self._mode == "RGB":
                trace = luminance(self._trace)
        if trace is None:
            touch(self)
            return self.convert(mode, matrix, *args, **options)
        self.load()
        return self._new_trace(trace)

    @_while_recording
    def load(self) -> Any:
        return _Pixels(self)

    @property
    def __array_interface__(self) -> Any:
        if (pixels := self._pixels()) is None:
            touch(self)
            return self.__array_interface__
        self.load()
        return {"shape": pixels.shape, "typestr": "|u1", "version": 3, "data": bytes_of(pixels)}

    def _pixels(self) -> Any:
        """Return the picture as an array, and stay as it is; None if Pillow has to make it."""
        with making:
            opened = self.__dict__.get("_opened")
            if not isinstance(self, _Recording) or (opened is not None and opened.closed):
                return None
            with _touching(self._trace, opened):
                return self._trace.pixels()

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _MATERIAL:
            self._release()
        object.__setattr__(self, name, value)

    def _other(self, name: str) -> Any:
        """Answer for an attribute that is none: Pillow's classes know names that have gone out of use."""
        if (answer := getattr(self._stands_for, "__getattr__", None)) is not None:
            return answer(self, name)
        raise AttributeError(f"'{self._stands_for.__name__}' object has no attribute {name!r}")

    def __delattr__(self, name: str) -> None:
        self._release()
        delattr(self, name)

    @_while_recording
    def __reduce_ex__(self, protocol: Any) -> Any:
        touch(self)
        return self.__reduce_ex__(protocol)

    @_while_recording
    def __eq__(self, other: object) -> bool:
        touch(self)
        if isinstance(other, _Recording):
            touch(other)
        return bool(self == other)

    __hash__ = None  # type: ignore[assignment]


def _recorded(name: str, records: Records) -> Any:
    """Return a method of Pillow's that is written down where it can be."""

    def method(self: _Recording, *args: Any, **options: Any) -> Any:
        try:
            trace = records(self._trace, *args, **options)
        except Exception:  # Pillow raises its own, or makes something of what is not understood here
            self._release()
            return getattr(self, name)(*args, **options)
        if trace is None:
            touch(self)
            return getattr(self, name)(*args, **options)
        self.load()
        return self._new_trace(cast("Trace", trace))

    method.__name__, method.__doc__ = name, getattr(Image.Image, name).__doc__
    return _while_recording(method)


for _name, _records in METHODS.items():
    setattr(_Recording, _name, _recorded(_name, _records))


class _LikePillows(type):
    """Has tables by type, of which torchvision's transforms take some, find what is there for Pillow's pictures."""

    _stands_for: type

    def __eq__(cls, other: object) -> bool:
        return other is cls or other is cls._stands_for

    def __hash__(cls) -> int:
        return hash(cls._stands_for)


class _LikePillowsFiles(_LikePillows, type(JpegImageFile)):  # type: ignore[misc]
    """The same, for files."""


class Recorded(_Recording, metaclass=_LikePillows):
    """A picture that Pillow would have made of another one."""

    _stands_for = Image.Image

    def __getattr__(self, name: str) -> Any:
        attributes = self.__dict__
        if name == "info":
            attributes["info"] = copy_info(self._trace.source.info())
        elif name in PLAIN:
            attributes[name] = PLAIN[name]
        else:
            return self._other(name)
        return attributes[name]

    def _become_real(self) -> None:
        attributes = self.__dict__
        trace = attributes["_trace"]
        if "info" not in attributes:
            attributes["info"] = copy_info(trace.source.info())
        del attributes["_trace"], attributes["_is_loaded"]
        attributes.update({name: value for name, value in PLAIN.items() if name not in attributes})
        self.__class__ = Image.Image  # type: ignore[assignment]


class _RecordedFile(_Recording):
    """A file that Pillow would have opened; closed once it is loaded, as Pillow does."""

    # What refers to the open file: whoever asks for it reads the file himself.
    _of_open: tuple[str, ...] = ("fp", "tile", "_fp")
    # What loading changes.
    _of_loaded: tuple[str, ...] = ()

    @_while_recording
    def load(self) -> Any:
        """Close the file as Pillow would by now."""
        if not self._is_loaded:
            attributes = self.__dict__
            opened = attributes.get("_opened")
            if opened is not None and opened.closed:
                self._become_real()
                return self.load()
            attributes["_is_loaded"] = True
            attributes.pop("_opened", None)
            for name in self._of_loaded:
                attributes.pop(name, None)
            if opened is not None and attributes.get("_exclusive_fp"):
                opened.close()
            attributes["fp"], attributes["tile"], attributes["map"] = None, [], None
            attributes[READONLY] = 0
        return _Pixels(self)

    def __getattr__(self, name: str) -> Any:
        if self._is_loaded and name in self._of_loaded:
            touch(self)
            return getattr(self, name)
        if name in _attributes_of(self._stands_for):
            if name in self._of_open:
                if not self._trace.source.fate.is_touched:
                    self._trace.source.fate.touched = cause()
                self._become_real()
            else:
                self._answer()
            return getattr(self, name)
        return self._other(name)

    def __exit__(self, *args: object) -> None:
        # A `with` block keeps this method, also if the picture has become real in it.
        if isinstance(self, _RecordedFile):
            if self._is_loaded:
                return
            self._become_real()
        self.__exit__(*args)

    def _answer(self) -> None:
        """Take what Pillow finds in the header."""
        header = self._trace.source.header()
        changed = self._of_loaded if self._is_loaded else ()
        for name, value in header.__dict__.items():
            if name != "_im" and name not in self._of_open and name not in changed:
                self.__dict__.setdefault(name, value)

    def _become_real(self) -> None:
        attributes = self.__dict__
        loaded, opened = attributes.pop("_is_loaded"), attributes.pop("_opened", None)
        header = attributes.pop("_trace").source.open()
        if opened is not None:
            if not opened.closed:
                opened.seek(header.fp.tell())
            self._hand_over(header, opened)
        if loaded:
            self._end(header)
        for name, value in header.__dict__.items():
            attributes.setdefault(name, value)
        self.__class__ = type(header)
        if loaded:
            self._im = None

    @staticmethod
    def _hand_over(header: Any, opened: Any) -> None:
        """Have Pillow's picture read the file that was opened."""
        header.fp = opened

    @staticmethod
    def _end(header: Any) -> None:
        """Change what Pillow's picture keeps of its file as loading does."""


class _RecordedJpeg(_RecordedFile, JpegImageFile, metaclass=_LikePillowsFiles):  # type: ignore[metaclass]
    _stands_for = JpegImageFile


class _RecordedPng(_RecordedFile, PngImageFile, metaclass=_LikePillowsFiles):  # type: ignore[metaclass]
    _stands_for = PngImageFile
    _of_open = ("fp", "tile", "_fp", "png")
    _of_loaded = ("png", "_text", "_PngImageFile__idat")

    @staticmethod
    def _hand_over(header: Any, opened: Any) -> None:
        header.fp = header._fp = header.png.fp = opened

    @staticmethod
    def _end(header: Any) -> None:
        header._text = header.png.im_text
        header.png, header._PngImageFile__idat = None, 0


_FILES: dict[str, type[_RecordedFile]] = {"JPEG": _RecordedJpeg, "PNG": _RecordedPng}

# Messages name the classes that they stand for.
_kind: Any
for _kind in (Recorded, *_FILES.values()):
    _kind.__name__ = _kind.__qualname__ = _kind._stands_for.__name__
    _kind.__module__ = _kind._stands_for.__module__


@agreement.probe(
    "Pillow's plugins tell what they keep of a file",
    "attributes of pictures that record",
    examples=[(JpegImageFile,), (PngImageFile,)],
)
def _attributes_of(plugin: Any) -> frozenset[str]:
    """Return the names of what Pillow keeps of a file that one of its plugins has opened."""
    buffer = io.BytesIO()
    Image.new("RGB", (1, 1)).save(buffer, plugin.format)
    buffer.seek(0)
    return frozenset(vars(plugin(buffer)))


def is_recorded(picture: Any) -> bool:
    """Whether something is a picture that records."""
    return isinstance(picture, _Recording)


def call_recorded(records: Records, function: Callable[..., Any]) -> Callable[..., Any]:
    """Return what stands before a function of a picture: where that records, the call is written down if it can be."""

    def hook(image: Any, *args: Any, **options: Any) -> Any:
        if isinstance(image, _Recording):
            with contextlib.suppress(Exception):  # the function raises its own
                trace = records(image._trace, *args, **options)
                if trace is not None:
                    image.load()
                    # A picture whose file was closed by the user is Pillow's now.
                    if isinstance(image, _Recording):
                        return image._new_trace(cast("Trace", trace))
        return function(image, *args, **options)

    return hook


def open_recorded(source: Source, fp: Any, filename: Any) -> Any:
    """Return the picture that stands for a file that was looked through."""
    kind = _FILES[source.format]
    picture = kind.__new__(kind)
    attributes = picture.__dict__
    mode, size = source.mode, (source.width, source.height)
    attributes["_trace"], attributes["_is_loaded"] = Trace(source, mode, size, ()), False
    attributes["_mode"], attributes["_size"] = mode, size
    attributes["_opened"], attributes["filename"] = fp, filename if filename is not None else ""
    if source.keeper is not None:
        source.keeper.append(weakref.ref(picture))
    return picture


def touch(picture: Image.Image) -> None:
    """Make a recording picture real, with its pixels."""
    with making:
        if isinstance(picture, _Recording):
            _make(picture)


def _make(picture: _Recording, *, touched: bool = True) -> None:
    opened = picture.__dict__.get("_opened")
    if opened is not None and opened.closed:
        picture._become_real()
        picture.load()
        return
    with _touching(picture._trace, opened, touched=touched):
        core = picture._trace.image().im
        if isinstance(picture, ImageFile):
            picture.load()
        picture._become_real()
    picture._im = core


@contextlib.contextmanager
def _touching(trace: Trace, opened: Any, *, touched: bool = True) -> Iterator[None]:
    """Have the content of a picture's file at hand while it is made, and note that it was, and by what."""
    source, start = trace.source, time.thread_time()
    with source.at_hand(opened):
        yield
    source.fate.spent += time.thread_time() - start
    if touched and not source.fate.is_touched:
        source.fate.touched = cause()
    if source.log is not None:
        source.log.append((trace, None, None))


def settle(picture: Any) -> None:
    """Make a recording picture that outlives its batch real, with its pixels if it has been loaded."""
    with making:
        if not isinstance(picture, _Recording):
            return
        if picture._is_loaded:
            _make(picture, touched=False)
        else:
            picture._become_real()
