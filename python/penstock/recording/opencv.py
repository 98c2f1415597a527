"""JPEGs that OpenCV's `imread` and `imdecode` are given, decoded where they are asked for, into the array they return.

Nothing is recorded: the user has an array in his hands, of pixels. Which way Exif data turn an image is asked of
OpenCV, by a tiny one with the same data. Whatever is no JPEG of the known kinds, damaged, asked for in another way or
not there at all is OpenCV's, called as the user did.
"""

import contextlib
import functools
import io
import os
import sys
import tempfile
import time
import types
from collections.abc import Callable, Iterator
from pathlib import Path, PurePath
from typing import Any

import numpy as np
from PIL import Image

from penstock import _native, agreement
from penstock.lowering.known import unhooked
from penstock.lowering.pillow import jpegs
from penstock.recording.pixels import Array
from penstock.recording.recorder import Recorder

__all__ = ["decodes", "readers"]

# What is hooked, and what its first argument is called.
_READERS = {"imread": "filename", "imdecode": "buf"}
# What else is used of it.
_USED = ("flip", "transpose", "IMREAD_COLOR", "IMREAD_GRAYSCALE", "IMREAD_IGNORE_ORIENTATION", "IMREAD_UNCHANGED")
# The orders of a pixel's values.
_ORDERS = {"IMREAD_COLOR": "BGR", "IMREAD_COLOR_RGB": "RGB", "IMREAD_GRAYSCALE": "gray"}
# Files of such names are OpenCV's to read. What a name says need not be true, but nothing is lost then.
_OTHER_NAMES = (".png", ".bmp", ".tif", ".tiff", ".webp", ".gif", ".exr", ".hdr", ".ppm", ".pgm", ".jp2", ".avif")
# Its limits on an image's size are read from the environment when it is imported.
_LIMITS = "OPENCV_IO_MAX_IMAGE_"
_ORIENTATION = 0x0112


def readers() -> dict[str, Any]:
    """Return OpenCV's own functions that read files, by their names in `cv2`.

    None if it was not imported by the program, or not as a whole, and none in whose place somebody has put another one.
    """
    try:
        opencv = _opencv() if "cv2" in sys.modules else None
    except (AttributeError, KeyError):
        return {}
    if opencv is None or not isinstance(opencv.imdecode, types.BuiltinFunctionType):
        return {}
    found = {name: getattr(opencv, name) for name in _READERS}
    return {name: function for name, function in found.items() if isinstance(function, types.BuiltinFunctionType)}


@functools.cache
def _opencv() -> Any:
    """Return what is used of OpenCV, as it was when it was looked at first."""
    module = sys.modules["cv2"]
    used = {name: unhooked(getattr(module, name)) for name in (*_READERS, *_USED)}
    return types.SimpleNamespace(**used, IMREAD_COLOR_RGB=getattr(module, "IMREAD_COLOR_RGB", None))


def decodes(current: Callable[[], Recorder | None], name: str) -> Callable[[Any], Any]:
    """Return what makes one of OpenCV's functions one that decodes JPEGs as we do.

    Args:
        current: Returns for which recorder the calling thread's images record, None if for none.
        name: Of the function.
    """
    open_file = _file if name == "imread" else _content

    def make(function: Any) -> Any:
        def hook(*arguments: Any, **options: Any) -> Any:
            recorder = current()
            if recorder is None:
                return function(*arguments, **options)
            start = time.thread_time()
            array, why_not = _made(open_file, *_asked(name, arguments, options))
            spent = time.thread_time() - start
            if array is None:
                recorder.others[f"OpenCV decoded it: {why_not}"] += 1
                return function(*arguments, **options)
            recorder.decoded(spent, functools.partial(function, *arguments, **options))
            return array

        return hook

    return make


def _asked(name: str, arguments: tuple[Any, ...], options: dict[str, Any]) -> tuple[Any, Any]:
    """Return the file and the flags that a function is given; None for what is not given as its documentation says."""
    names = (_READERS[name], "flags")
    given = dict(zip(names, arguments, strict=False))
    if len(arguments) > len(names) or not options.keys() <= {*names} - given.keys():
        return None, None
    given.update(options)
    return given.get(names[0]), given.get("flags", _opencv().IMREAD_COLOR if name == "imread" else None)


def _made(open_file: Callable[[Any], Any], given: Any, flags: Any) -> tuple[Array | None, str]:
    """Return the array of a file in a way, or why OpenCV should make it."""
    way = _ways().get(flags) if type(flags) is int else None
    if way is None:
        return None, "other flags"
    if not agrees(flags):
        return None, "its pixels are others"
    file = open_file(given)
    if isinstance(file, str):
        return None, file
    array = _decoded(file, *way)
    return array, "" if array is not None else "irregular file"


@functools.cache
def _ways() -> dict[int, tuple[str | None, bool]]:
    """Return by OpenCV's flags the order of a pixel's values, None for the file's, and whether Exif data turn it."""
    opencv = _opencv()
    ways: dict[int, tuple[str | None, bool]] = {opencv.IMREAD_UNCHANGED: (None, False)}
    for name, order in _ORDERS.items():
        if (flags := getattr(opencv, name)) is not None:  # of a version that has it
            ways[flags] = order, True
            ways[flags | opencv.IMREAD_IGNORE_ORIENTATION] = order, False
    return ways


def _file(path: Any) -> Any:
    """Return the file that a path leads to, or why OpenCV should open it."""
    kind = "str" if isinstance(path, str) else "Path" if isinstance(path, PurePath) else ""
    if not kind or not opens(kind):
        return "not opened from a path"
    name = os.fspath(path)
    if name.lower().endswith(_OTHER_NAMES):
        return "another format"
    # OpenCV takes names in UTF-8, whatever the system's encoding is.
    with contextlib.suppress(UnicodeEncodeError):
        if name.isascii() or os.fsencode(name) == name.encode():
            return _native.JpegFile.read(name)
    return "a path in another encoding than OpenCV's"


def _content(content: Any) -> Any:
    """Return the file that an array holds, or why OpenCV should look at it."""
    plain = type(content) is np.ndarray and content.dtype == np.uint8 and content.ndim == 1
    if not plain or not content.flags.c_contiguous:
        return "not decoded from an array of bytes"
    return _native.JpegFile.parse(content)


def _decoded(file: _native.JpegFile, order: str | None, turns: bool) -> Array | None:
    """Return the pixels of a file as OpenCV has them, None if it should decode it itself."""
    height, width, channels = file.shape
    order = order or ("gray" if channels == 1 else "BGR")
    orientation = _orientation(metadata) if turns and (metadata := file.metadata) else 1
    if orientation is None:
        return None
    array = np.empty((height, width) if order == "gray" else (height, width, 3), np.uint8)
    return _turned(array, orientation) if file.decode(order, array) else None


def _turned(array: Array, orientation: int) -> Array:
    """Return an image as Exif data of an orientation have it seen, by OpenCV's own functions; it may be changed."""
    opencv = _opencv()
    across, down, both = 1, 0, -1
    direction = {2: across, 3: both, 4: down, 6: across, 7: both, 8: down}.get(orientation)
    seen: Array = opencv.transpose(array) if orientation > 4 else array
    if direction is not None:
        opencv.flip(seen, direction, seen)
    return seen


def _orientation(metadata: bytes) -> int | None:
    """Return which way OpenCV turns an image with such APP1 segments, None if it is none of the known ones."""
    marked, ways = _marked()
    file = np.frombuffer(b"".join((marked[:2], metadata, marked[2:])), np.uint8)
    return ways.get(_key(_opencv().imdecode(file, _opencv().IMREAD_GRAYSCALE)))


def _key(image: Any) -> tuple[Any, ...]:
    return () if image is None else (image.shape, image.tobytes())


@functools.cache
def _marked() -> tuple[bytes, dict[tuple[Any, ...], int]]:
    """Return a tiny JPEG that looks another way in each orientation, and these by what it looks like."""
    blocks = np.kron(np.array([[0, 50, 100], [150, 200, 250]]), np.ones((8, 8))).astype(np.uint8)
    file = _encoded(Image.fromarray(blocks))
    plain = _opencv().imdecode(np.frombuffer(file, np.uint8), _opencv().IMREAD_GRAYSCALE)
    return file, {_key(_turned(plain.copy(), orientation)): orientation for orientation in range(1, 9)}


def _encoded(image: Image.Image, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", **options)
    return buffer.getvalue()


def _examples() -> Iterator[bytes]:
    """Yield small JPEGs of every kind, and one in each orientation."""
    yield from jpegs()
    rng = np.random.default_rng(0)
    for orientation in range(10):
        exif = Image.Exif()
        exif[_ORIENTATION] = orientation
        image = Image.fromarray(rng.integers(0, 256, (19, 37, 3), np.uint8))
        yield _encoded(image, exif=exif, keep_rgb=orientation == 1)


@agreement.probe(
    "OpenCV decodes small JPEGs of every kind to the known pixels, turned as their Exif data say",
    "JPEGs that OpenCV decodes",
    otherwise=False,
    examples=(),  # it may not be there
    repeats=agreement.always,
)
def agrees(flags: int) -> bool:
    """Whether the installed OpenCV, asked with some flags, makes the arrays that are made here."""
    if "cv2" not in sys.modules:
        raise agreement.NotNowError("OpenCV is not imported")
    if any(name.startswith(_LIMITS) for name in os.environ):
        return False
    found = {_are_alike(_opencv().imdecode(np.frombuffer(file, np.uint8), flags), file, flags) for file in _examples()}
    return found - {None} == {True}


@agreement.probe(
    "OpenCV opens files by such paths as it decodes their content",
    "JPEGs that OpenCV opens",
    state=("the folder of temporary files",),
    otherwise=False,
    examples=(),
    repeats=agreement.always,
)
def opens(kind: str) -> bool:
    """Whether the installed OpenCV takes paths of a kind, "str" or "Path", and reads from them what is read here."""
    if "cv2" not in sys.modules:
        raise agreement.NotNowError("OpenCV is not imported")
    *_, file = _examples()
    flags = _opencv().IMREAD_COLOR
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "image.jpg")
        path.write_bytes(file)
        return _are_alike(_opencv().imread(str(path) if kind == "str" else path, flags), file, flags) is True


def _are_alike(theirs: Any, file: bytes, flags: int) -> bool | None:
    """Return whether OpenCV's array is ours, None if a file is not decoded here."""
    opened = _native.JpegFile.parse(file)
    ours = None if isinstance(opened, str) else _decoded(opened, *_ways()[flags])
    if ours is None:
        return None
    same: bool = (theirs.dtype, theirs.shape, theirs.strides) == (ours.dtype, ours.shape, ours.strides)
    return same and np.array_equal(theirs, ours)
