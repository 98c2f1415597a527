"""Files that `torchvision.io.decode_image` and `read_image` are given by their paths.

These functions run as they are, with their warnings and errors; who holds one of them, in a partial function for
instance, need not know of any hook. Only the operation by which they read a file is another one: it returns a file
that nobody has read yet, and what their decoder would make of that is recorded. Anything else that meets it reads it.
"""

import functools
import os
import sys
import time
from collections.abc import Callable
from typing import Any, Self

import torch
from torchvision.io import image as torchvisions

from penstock.compat.torch import is_torch_function_enabled, make_wrapper_subclass
from penstock.recording.chain import chain_of
from penstock.recording.decoders import CHANNELS, agrees
from penstock.recording.looking import source_of
from penstock.recording.memoryless import is_torch_plain, own_of
from penstock.recording.recorder import Recorder
from penstock.recording.sources import Source, Trace
from penstock.recording.tensors import record
from penstock.system import open_at_once

__all__ = ["has_decoder", "reads_files"]

# libpng refuses wider images.
_WIDEST = 1_000_000
_READER = torchvisions.read_file.__code__
# What reads a file in order to decode it, and for nothing else.
_DECODERS = frozenset((torchvisions.decode_image.__code__, torchvisions.read_image.__code__))


def has_decoder() -> bool:
    """Whether the installed torchvision was built with its operations on image files."""
    return hasattr(torch.ops.image, "read_file") and hasattr(torch.ops.image, "decode_image")


class _Unread(torch.Tensor):
    """The bytes of a file, on their way from one function of torchvision's to another.

    Args:
        source: The file, looked through.
        size: In bytes.
        read: Reads what its path leads to.
        recorder: For which its image records.
    """

    source: Source
    read: Callable[[], torch.Tensor]
    recorder: Recorder

    @staticmethod
    def __new__(cls, source: Source, size: int, read: Callable[[], torch.Tensor], recorder: Recorder) -> Self:
        self: Self = make_wrapper_subclass(cls, (size,), dtype=torch.uint8)
        self.source, self.read, self.recorder = source, read, recorder
        return self

    def __init__(self, *arguments: Any) -> None:
        pass

    @classmethod
    def __torch_function__(
        cls, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if func is torch.ops.image.decode_image and len(args) == 3 and not kwargs:
            recorded = _record(*args)
            if recorded is not None:
                return recorded
        return cls.__torch_dispatch__(own_of(func), types, args, kwargs)

    @classmethod
    def __torch_dispatch__(  # type: ignore[override]
        cls, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        return func(*(item._content() if isinstance(item, cls) else item for item in args), **kwargs or {})

    def _content(self) -> torch.Tensor:
        self.recorder.others["decoded in another mode than the file's or RGB"] += 1
        try:
            return torch.frombuffer(bytearray(self.source.read()), dtype=torch.uint8)
        except OSError:  # it was changed since
            return self.read()


def _record(unread: _Unread, mode: int, apply_exif_orientation: bool = False) -> torch.Tensor | None:
    """Return what is recorded in place of a decoder's call; None if nothing is."""
    source, recorder = unread.source, unread.recorder
    channels = CHANNELS.get(mode, 0)
    if channels is None:
        channels = source.channels
    if apply_exif_orientation or channels < source.channels or not is_torch_plain():
        return None
    kind = "RGB" if channels == 3 else "L"
    trace = Trace(source, kind, (source.width, source.height), ())
    tensor = record(trace, chain_of(kind, (("decode_image",),)))
    if tensor is not None:
        recorder.opened(source)
    return tensor


def reads_files(current: Callable[[], Recorder | None]) -> Callable[[Any], Any]:
    """Return what makes the operation that reads a file one that may leave it unread.

    Args:
        current: Returns for which recorder the calling thread's images record, None if for none.
    """

    def make(function: Any) -> Any:
        def hook(path: Any) -> Any:
            recorder = current()
            if recorder is None or not _is_for_decoder(sys._getframe(1)) or not isinstance(path, str):
                return function(path)
            if not is_torch_function_enabled():  # who reads it would not be noticed
                return function(path)
            start = time.thread_time()
            try:
                source, size, why_not = _look(path)
            except (OSError, ValueError):  # torchvision says what is wrong
                return function(path)
            if source is None:
                recorder.others[why_not] += 1
                return function(path)
            source.outcome.looked = time.thread_time() - start
            source.keeper = recorder.kept
            return _Unread(source, size, functools.partial(function, path), recorder)

        return hook

    return make


def _is_for_decoder(frame: Any) -> bool:
    return frame.f_code is _READER and frame.f_back is not None and frame.f_back.f_code in _DECODERS


def _look(path: str) -> tuple[Source | None, int, str]:
    """Return the source that a path leads to and its size, or why torchvision has to look at it itself."""
    if not agrees():
        return None, 0, "the installed torchvision decodes files to other pixels"
    if os.fsencode(path) != path.encode():
        return None, 0, "a path in another encoding than torchvision's"
    with open_at_once(path) as file:
        source, why_not = source_of(file, path, None)
        if source is not None and source.mode == "P":
            return None, 0, "colours of a palette"
        if source is None or source.width > _WIDEST:
            return None, 0, why_not or "too many pixels"
        if source.format == "PNG" and not source.has_checksums():
            return None, 0, "irregular file"
        source.by_torchvision = True
        return source, os.fstat(file.fileno()).st_size, ""
