"""Where a recording picture comes from: a file, or a file's content, that Pillow would get through.

A file that fails must fail where it fails today. So a file is looked through, by Rust, when it is opened; only one
that Pillow opens and loads without an exception becomes a source, any other one is Pillow's there and then.
"""

import contextlib
import io
import os
import struct
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from PIL import Image, ImageFile
from torchvision.transforms import InterpolationMode
from torchvision.transforms import functional as F
from torchvision.transforms.v2 import functional as F2

from penstock import _native
from penstock.lowering.pillow import PLUGINS, most_pixels
from penstock.lowering.resampling import pass_order
from penstock.recording.chain import chain_of
from penstock.recording.decoders import decode

if TYPE_CHECKING:
    import weakref

__all__ = ["FORMATS", "NO_LIMIT", "TORCH", "TORCH_MODES", "Fate", "Source", "Trace", "making", "pack", "source_of"]

# Formats by Pillow's names; the places are the numbers in tickets.
FORMATS = ("JPEG", "PNG")
NO_LIMIT = 2**63
_NOBODY = bytes(16)
_HEAD = struct.Struct("<16sIIBBH")
_STEP = struct.Struct("<5I")
_FORMATS = {name: number for number, name in enumerate(FORMATS)}
_ORDERS = ("across", "shrinkage", "tall")
# The arithmetic of torch's resizes, in their place, and torchvision's names for its filters' numbers.
TORCH = 3
TORCH_MODES = {
    1: InterpolationMode.LANCZOS,
    2: InterpolationMode.BILINEAR,
    3: InterpolationMode.BICUBIC,
    6: InterpolationMode.NEAREST,
}


# Held while something that records becomes real: another thread may touch it, too. Free in a forked child.
making = threading.RLock()
os.register_at_fork(before=making.acquire, after_in_parent=making.release, after_in_child=making.release)


class Fate:
    """What became of a file's pictures, for those who count when these are gone.

    Attributes:
        touched: What made one of them real, None if nothing did.
        spent: Seconds that looking through the file and making such a picture took.
    """

    __slots__ = ("spent", "touched")

    def __init__(self) -> None:
        self.touched: str | None = None
        self.spent = 0.0


class Source:
    """A file that was looked through.

    Attributes:
        path: Absolute; empty if it is none that another process could open.
        content: All its bytes, if it is nowhere else, or may not stay where it is.
        identity: By which native code knows the file again; zeros if it does not.
        height: Of the picture, in pixels.
        width: Of the picture, in pixels.
        channels: In the file: 1 or 3.
        format: Pillow's name for it.
        fate: What became of its pictures.
        keeper: Where its pictures and tensors are listed, None if nowhere.
        file: The file, kept so that nothing that happens to its path changes the picture; None if it is not.
        by_torchvision: Whether torchvision's decoder opens it where ours does not, instead of Pillow.
        sent: Whether a picture of it has gone with a batch.
    """

    __slots__ = (
        *("_whole", "by_torchvision", "channels", "content", "fate", "file", "format", "height", "identity", "keeper"),
        *("path", "sent", "width"),
    )

    def __init__(self, path: str, content: bytes | None, identity: bytes, seen: tuple[int, int, int, str]) -> None:
        self.path, self.content, self.identity = path, content, identity
        self.height, self.width, self.channels, self.format = seen
        self.fate = Fate()
        self.keeper: list[weakref.ref[Any]] | None = None
        self.file: _native.OpenFile | None = None
        self.by_torchvision = self.sent = False
        self._whole: Image.Image | None = None

    @property
    def mode(self) -> str:
        """Pillow's mode of the whole picture."""
        return "RGB" if self.channels == 3 else "L"

    def read(self) -> bytes:
        """Return the file's content."""
        if self.content is not None:
            return self.content
        return Path(self.path).read_bytes() if self.file is None else self.file.read()

    def place(self) -> str | bytes:
        """Return where another thread or process finds the file: its path, or its content if that leads elsewhere."""
        if self.content is None and (self.file is None or self.file.is_at(self.path)):
            return self.path
        return self.read()

    @contextlib.contextmanager
    def at_hand(self, file: Any) -> Iterator[None]:
        """Have the content at hand while this lasts, read once: from the open file, if there is one.

        The file's path may lead elsewhere by now.
        """
        before = self.content
        if before is None:
            self.content = self.read() if file is None else _content(file)
        try:
            yield
        finally:
            self.content = before

    def open(self) -> Any:
        """Return a real picture; if Pillow has opened it, it is not loaded."""
        if self.by_torchvision:
            return decode(self.read(), self.mode)
        return PLUGINS[self.format](io.BytesIO(self.read()), self.path)

    def header(self) -> Any:
        """Return the same, for what can be known of it without pixels."""
        if self.content is not None or (self.file is not None and not self.file.is_at(self.path)):
            return self.open()
        try:
            with Path(self.path).open("rb") as file:
                return PLUGINS[self.format](file, self.path)
        except OSError:  # no descriptor is left, or the path is gone meanwhile
            return self.open()

    def whole(self) -> Image.Image:
        """Return the whole picture, made once however often it is asked for."""
        if self._whole is None:
            self._whole = Trace(self, self.mode, (self.width, self.height), ()).image()
        return self._whole


class Trace:
    """What was done to a picture, as far as it was only recorded.

    Attributes:
        source: Where it comes from.
        mode: Pillow's, "L" or "RGB".
        width: In pixels, after all steps.
        height: In pixels, after all steps.
        steps: Number and operands of each step, as native code takes them.
    """

    __slots__ = ("height", "mode", "source", "steps", "width")

    def __init__(self, source: Source, mode: str, size: tuple[int, int], steps: tuple[tuple[int, ...], ...]) -> None:
        self.source, self.mode, self.steps = source, mode, steps
        self.width, self.height = size

    def then(self, step: tuple[int, int, int, int, int], size: tuple[int, int]) -> "Trace":
        """Return this trace and one step more, after which the picture has this (width, height)."""
        return Trace(self.source, self.mode, size, (*self.steps, step))

    def crop(self, left: int, top: int, right: int, bottom: int) -> "Trace":
        """Keep a rectangle that lies inside."""
        return self.then((0, top, left, bottom - top, right - left), (right - left, bottom - top))

    def resize(self, size: tuple[int, int], resample: int) -> "Trace | None":
        """Resize as Pillow does; None if the installed Pillow's arithmetic is not known."""
        order = _order(resample)
        if order is None:
            return None
        return self.then((1, size[1], size[0], resample, order), size)

    def flip(self, *, horizontal: bool) -> "Trace":
        """Mirror."""
        return self.then((2 if horizontal else 3, 0, 0, 0, 0), (self.width, self.height))

    def convert(self, mode: str) -> "Trace":
        """Make three channels of one."""
        return Trace(self.source, mode, (self.width, self.height), self.steps)

    def pixels(self) -> np.ndarray[Any, np.dtype[np.uint8]] | None:
        """Make the picture here and now, as Pillow's pixels lie in memory.

        Returns:
            uint8 of shape (H, W) or (H, W, 3); None if ours does not decode the file.
        """
        content = self.source.read()
        if not self.steps:
            channels = self.source.channels
            out = np.empty((self.height, self.width, channels), np.uint8)
            if not _native.decode_picture(content, (0, 0, self.width, self.height), out):
                return None
            if self.mode == "L":
                return out[:, :, 0]
            return out if channels == 3 else np.repeat(out, 3, axis=2)
        chain = chain_of(self.mode, (("pil_to_tensor",),))
        assert chain is not None  # noqa: S101 - torchvision's own function
        batch = _native.Batch.recorded(_native.Files([content], chain.plan, NO_LIMIT), pack([self]))
        planes = np.empty((chain.channels, self.height, self.width), np.uint8)
        batch.run(_native.Stream(1), planes)
        if batch.tally()[-1]:
            return None
        return planes[0] if self.mode == "L" else np.ascontiguousarray(planes.transpose(1, 2, 0))

    def by_pillow(self) -> Image.Image:
        """Make the picture without ours, by Pillow alone if not by torchvision."""
        return self._on(self.source.open())

    def _on(self, image: Image.Image) -> Image.Image:
        """Do the same to a real picture."""
        image = image.convert(self.mode)
        for number, a, b, c, d in self.steps:
            if number == 0:
                image = image.crop((b, a, b + d, a + c))
            elif number == 1 and d == TORCH:
                pixels = F2.resize(F.pil_to_tensor(image), [a, b], interpolation=TORCH_MODES[c], antialias=True)
                image = F.to_pil_image(pixels)
            elif number == 1:
                image = image.resize((b, a), Image.Resampling(c))
            else:
                image = image.transpose(
                    Image.Transpose.FLIP_LEFT_RIGHT if number == 2 else Image.Transpose.FLIP_TOP_BOTTOM
                )
        return image

    def image(self, pixels: np.ndarray[Any, np.dtype[np.uint8]] | None = None) -> Image.Image:
        """Return the picture as a real one of Pillow's.

        Args:
            pixels: As `pixels` gave them, if it did.
        """
        if pixels is None:
            if self.steps and self.source.fate.touched is not None:
                # Whoever touches several parts of a picture would otherwise have it decoded as many times.
                return self._on(self.source.whole())
            pixels = self.pixels()
        if pixels is None:
            return self.by_pillow()
        return Image.frombytes(self.mode, (self.width, self.height), pixels.tobytes())

    def tensor(self) -> torch.Tensor:
        """Return what torchvision's `pil_to_tensor` makes of the picture."""
        pixels = self.pixels()
        array = np.array(self.by_pillow()) if pixels is None else pixels
        return torch.from_numpy(array).view(self.height, self.width, -1).permute(2, 0, 1)


def pack(traces: Sequence[Trace]) -> bytes:
    """Return what native code needs to know of some pictures."""
    parts = []
    for trace in traces:
        source = trace.source
        parts.append(
            _HEAD.pack(
                source.identity, source.height, source.width, source.channels, _FORMATS[source.format], len(trace.steps)
            )
        )
        parts += [_STEP.pack(*step) for step in trace.steps]
    return b"".join(parts)


def _order(resample: int) -> int | None:
    order = pass_order(Image.Resampling(resample).name.lower())
    return None if order is None else _ORDERS.index(order)


def source_of(fp: Any, filename: Any, file_format: str | None) -> tuple[Source | None, str]:
    """Return the source that was opened, or why Pillow has to look at it itself.

    Args:
        fp: An open file, as Pillow's plugins are given it.
        filename: Its path, if Pillow opened it.
        file_format: The plugin's; None if any will do.
    """
    if ImageFile.LOAD_TRUNCATED_IMAGES:
        return None, "ImageFile.LOAD_TRUNCATED_IMAGES is set"
    if type(fp) is io.BytesIO:
        content = fp.getvalue()
        seen = _native.look_through(content)
        source = None if seen is None else Source("", content, _NOBODY, seen)
    elif type(fp) is io.BufferedReader and isinstance(path := filename or fp.raw.name, str):
        stays = bool(filename or _is_at(path, fp)) and not path.startswith(("/proc/", "/dev/"))
        found = _native.look_at_file(fp.fileno(), stays)
        if isinstance(found, str):
            return None, found
        seen, identity, file = found
        source = Source(path if path.startswith("/") else os.path.abspath(path), None, identity, seen)  # noqa: PTH100
        source.file = file
    else:
        return None, "not opened from a path or from bytes"
    if source is None or file_format not in (None, source.format):
        return None, "irregular file"
    if source.height * source.width > most_pixels():
        return None, "too many pixels"
    return source, ""


def _is_at(path: str, fp: Any) -> bool:
    """Whether a file that the user has opened is what its path leads to from here and now."""
    try:
        return os.path.samestat(os.fstat(fp.fileno()), os.stat(path))  # noqa: PTH116
    except OSError:
        return False


def _content(fp: Any) -> bytes:
    position = fp.tell()
    fp.seek(0)
    content: bytes = fp.read()
    fp.seek(position)
    return content
