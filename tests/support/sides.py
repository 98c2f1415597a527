"""One piece of code run twice, on images that record and on Pillow's own, and what of it can be compared."""

import atexit
import contextlib
import functools
import io
import random
import shutil
import tempfile
import time
import types
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageFile, PngImagePlugin

from penstock.recording.hooks import recording
from penstock.recording.images import is_recorded
from penstock.recording.recorder import Recorder
from penstock.recording.tensors import RecordedTensor
from support.files import encode, photo
from support.pngs import chunk, write_png

# Attributes that only a recording image has.
_OURS = ("_trace", "_is_loaded", "_array", "_opened", "_pens", "_blank")


def exif(orientation: int) -> Image.Exif:
    """Exif data with an orientation and some text."""
    data = Image.Exif()
    data[0x0112], data[0x010F] = orientation, "a maker"
    return data


def _text() -> PngImagePlugin.PngInfo:
    info = PngImagePlugin.PngInfo()
    info.add_text("Title", "a title")
    info.add_itxt("Comment", "größer", "de", "Kommentar", zip=True)
    info.add(b"teXt", b"of a kind of its own")
    return info


# Files by name; their sizes are odd, and differ.
KINDS: dict[str, Callable[[], bytes]] = {
    "plain": lambda: encode(photo(37, 45), quality=90),
    "gray": lambda: encode(photo(41, 33), mode="L"),
    "rotated": lambda: encode(photo(38, 29), exif=exif(6), dpi=(72, 72), comment=b"a comment"),
    "mirrored": lambda: encode(photo(39, 27), exif=exif(2), icc_profile=b"not a profile"),
    "progressive": lambda: encode(photo(35, 44), progressive=True),
    "subsampled": lambda: encode(photo(33, 47), subsampling=2, restart_marker_blocks=3),
    "cmyk": lambda: encode(photo(32, 43), mode="CMYK"),
    "row": lambda: encode(photo(1, 23)),
    "column": lambda: encode(photo(19, 1)),
    "pixel": lambda: encode(photo(1, 1)),
    "rgb": lambda: encode(photo(31, 30), keep_rgb=True),
    "png": lambda: encode(photo(36, 41), "PNG"),
    "png gray": lambda: encode(photo(29, 34), "PNG", mode="L"),
    "png text": lambda: encode(photo(34, 28), "PNG", exif=exif(1), dpi=(72, 72), pnginfo=_text()),
    "png rotated": lambda: encode(photo(23, 31), "PNG", exif=exif(8), icc_profile=b"not a profile"),
    "png transparent": lambda: encode(photo(30, 25), "PNG", transparency=(1, 2, 3)),
    "png alpha": lambda: encode(photo(22, 35), "PNG", mode="RGBA"),
    "png palette": lambda: encode(photo(27, 32), "PNG", mode="P"),
    "png bits": lambda: encode(photo(26, 33), "PNG", mode="1"),
    "png two bits": lambda: write_png((25, 27), color=0, depth=2),
    "png few colours": lambda: write_png((33, 24), color=3, depth=4, colors=9),
    "png interlaced": lambda: write_png((28, 31), interlaced=True),
    "png text behind": lambda: write_png((24, 37), after=chunk(b"tEXt", b"Title\0behind")),
    "bmp": lambda: encode(photo(32, 25), "BMP"),
    "gif": lambda: encode(photo(21, 30), "GIF"),
    "tiff": lambda: encode(photo(22, 33), "TIFF", mode="RGBA"),
}


@functools.cache
def folder() -> Path:
    """A folder of the files; they are older than what is carried along because it may be gone soon."""
    path = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    for name, make in KINDS.items():
        (path / f"{name}.jpg").write_bytes(make())
    age(path)
    return path


def age(path: Path) -> None:
    """Wait until the files of a folder are not fresh any more."""
    newest = max(file.stat().st_ctime for file in path.iterdir())
    time.sleep(max(0.0, int(newest) + 3.05 - time.time()))


def place(name: str, how: str) -> Any:
    """What a file may be opened from: a "path", or "bytes"."""
    path = folder() / f"{name}.jpg"
    return io.BytesIO(path.read_bytes()) if how == "bytes" else str(path)


@contextlib.contextmanager
def side(ours: bool) -> Iterator[None]:
    """Have images record, or not, under the same random numbers."""
    random.seed(1)
    torch.manual_seed(1)
    np.random.seed(1)  # noqa: NPY002 - the one that transforms use
    with recording(Recorder()) if ours else contextlib.nullcontext():
        yield


def both(function: Callable[[], Any]) -> tuple[Any, Any]:
    """What a function gives where images record and where they do not, described."""
    results = []
    for ours in (True, False):
        with side(ours):
            results.append(outcome(function))
    return results[0], results[1]


def outcome(function: Callable[[], Any]) -> Any:
    """What a call gives, described: a value and warnings, or an exception."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            result = ("value", describe(function()))
        except Exception as error:
            result = ("raised", type(error), str(error))
    told = {(warning.category, str(warning.message)) for warning in caught if not _is_chance(warning)}
    return *result, sorted(told, key=repr)


def _is_chance(warning: Any) -> bool:
    """Whether it is told when garbage is collected, or by torch to the first who deserves it only."""
    return warning.category is ResourceWarning or "not writable" in str(warning.message)


def open_files() -> int:
    """How many files this process has open, the list of them included."""
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def is_ours(value: Any) -> bool:
    """Whether a value records, or stands for one that does."""
    return is_recorded(value) or isinstance(value, RecordedTensor)


def describe(value: Any) -> Any:
    """A value as something that can be compared; asking makes images and tensors real."""
    if isinstance(value, type):
        return value
    if isinstance(value, Image.Image):
        return image_state(value)
    if isinstance(value, torch.Tensor):
        return tensor_state(value)
    if isinstance(value, np.ndarray) and value.dtype == object:
        return "objects", value.shape, [describe(item) for item in value.flat]
    if isinstance(value, np.ndarray):
        return "array", value.dtype, value.shape, value.strides, value.flags.writeable, value.tobytes()
    if isinstance(value, Image.Exif):
        return "exif", {key: repr(item) for key, item in value.items()}, value.tobytes()
    if isinstance(value, io.BytesIO):
        return "bytes", value.getvalue()
    if isinstance(value, dict):
        return {key: describe(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, types.GeneratorType)):
        return type(value).__name__, [describe(item) for item in value]
    if type(value).__name__ in ("PixelAccess", "Pixels"):
        return "pixels", value[0, 0]
    if type(value).__name__ in ("ImagingCore", "PyCapsule", "Imaging", "_Opaque") or callable(value):
        return type(value).__name__
    if type(value).__repr__ is object.__repr__:
        return type(value).__name__, {key: describe(item) for key, item in vars(value).items()}
    if isinstance(value, float) and value != value:  # noqa: PLR0124 - NaN
        return "nan"
    return type(value).__name__, repr(value)


def tensor_state(tensor: torch.Tensor) -> Any:
    """All that can be seen of a tensor; what can be seen of its kind is asked for first."""
    seen = [tuple(tensor.shape), tensor.dtype, tensor.stride(), tensor.is_contiguous(), tensor.requires_grad]
    seen += [tensor.is_contiguous(memory_format=torch.channels_last), tensor.layout] if tensor.ndim == 4 else []
    if tensor.layout == torch.strided and not tensor.is_quantized and tensor.device.type == "cpu":
        dense = tensor.detach().resolve_conj().resolve_neg().clone(memory_format=torch.contiguous_format)
        seen.append(bytes(dense.view(-1).view(torch.uint8).numpy()) if dense.numel() else b"")
        seen.append(tensor.storage_offset())
    else:
        seen.append(str(tensor))
    return [type(tensor), *seen, tensor.is_inference()]


def image_state(image: Image.Image) -> Any:
    """All that can be seen of an image, what does not need pixels first."""
    seen: list[Any] = [image.mode, image.size, image.format, describe(image.info)]
    seen.append([hasattr(image, name) for name in ("filename", "quantization", "text", "app", "n_frames")])
    seen.append(outcome(lambda: image.getexif()))
    seen.append(outcome(lambda: describe(image.readonly)))
    seen.append(outcome(lambda: image.tobytes()))
    seen.append(outcome(lambda: image.getpalette()))
    seen.append(repr(image.palette and image.palette.palette))
    seen.append(_file_state(image))
    attributes = {name: value for name, value in vars(image).items() if name not in ("_im", "fp", "map", "_fp")}
    seen.append({name: describe(value) for name, value in sorted(attributes.items())})
    return [type(image), *seen, [name for name in _OURS if name in vars(image)]]


def _file_state(image: Image.Image) -> Any:
    if not isinstance(image, ImageFile.ImageFile):
        return None
    file = getattr(image, "fp", "no attribute")
    return getattr(file, "closed", file), len(getattr(image, "tile", ())), hasattr(image, "map")
