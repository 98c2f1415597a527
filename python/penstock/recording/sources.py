"""Where a recording image comes from, a file that Pillow would get through, and what was done to it."""

import contextlib
import ctypes
import io
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from PIL import Image

from penstock import _native
from penstock.conversion import channels_of
from penstock.lowering.pillow import PLUGINS
from penstock.recording.chain import Chain, chain_of
from penstock.recording.decoders import decode
from penstock.recording.palettes import Palette
from penstock.recording.pastes import Paste, steps_of
from penstock.recording.pixels import Array, as_content, as_file, keep_whole, written
from penstock.records import NOBODY, Head, Steps, record_of
from penstock.system import held_over_forks

if TYPE_CHECKING:
    import weakref

__all__ = ["Outcome", "Source", "Trace", "content_of", "making", "of_pixels", "pack"]

# Margins of an image: left, top, right, bottom.
Frame = tuple[int, int, int, int]
# Pixels that are given are sent as they are, unless there are so many times fewer of what is made of them.
_FEWER = 2


# Held while something that records becomes real: another thread may touch it, too. Free in a forked child.
making = threading.RLock()
held_over_forks(making)


class Outcome:
    """What became of a file's images, for those who count when these are gone.

    Attributes:
        touched: What made one of them real, None if nothing did.
        kept: Whether one of them was made real because somebody kept it after its batch.
        filled: Whether one of them was written to memory of the user's, and went on recording.
        by_library: Whether the library decoded it when pixels were wanted of it here.
        views: How many images, none of them part of another one but the whole, were made of it here, or would have
            been if it had been decoded as a whole.
        looked: Processor seconds that looking through the file took.
        spent: Processor seconds that making such images took.
        drawn: Transforms that were drawn here instead of called, with a property `saves`: the processor seconds that
            calling them takes besides what they do to pixels.
    """

    __slots__ = ("by_library", "drawn", "filled", "kept", "looked", "spent", "touched", "views")

    def __init__(self) -> None:
        self.touched: str | None = None
        self.kept = self.filled = self.by_library = False
        self.views = 0
        self.looked = self.spent = 0.0
        self.drawn: tuple[Any, ...] = ()

    @property
    def is_touched(self) -> bool:
        """Whether an image of it became real where it was recorded."""
        return self.kept or self.touched is not None

    @property
    def is_made(self) -> bool:
        """Whether pixels of it were made where it was recorded."""
        return self.filled or self.is_touched


class Source:
    """A file that was looked through.

    Attributes:
        path: Absolute; empty if it is none that another process could open.
        content: All its bytes, if it is nowhere else, or may not stay where it is.
        identity: By which native code knows the file again; zeros if it does not.
        height: Of the image, in pixels.
        width: Of the image, in pixels.
        head: Its height, width, channels (1 or 3) and format.
        format: Pillow's name for it.
        mode: Pillow's, of the whole image: "L", "RGB" or "P".
        outcome: What became of its images.
        keeper: Where its images and tensors are listed, None if nowhere.
        file: The file, kept so that nothing that happens to its path changes the image; None if it is not.
        by_torchvision: Whether torchvision's decoder opens it where ours does not, instead of Pillow.
        carried: What the contents of a tensor's images, this one's first, have travelled as; None if none have.
        sent: Whether an image of it has gone with a batch.
        is_copied: Whether its pixels are a copy of those that Pillow has.
        is_shared: Whether it is decoded as a whole as soon as pixels are wanted of it, for several images of it will
            be made here.
        log: If it is watched, its images that were made or sent, what was done to their values, and what was sent.
    """

    __slots__ = (
        *("__weakref__", "_first", "_made", "_palette", "by_torchvision", "channels", "content", "outcome", "file"),
        *("carried", "format", "head", "height", "identity", "is_copied", "is_shared", "keeper", "log", "mode", "path"),
        *("sent", "width"),
    )

    def __init__(self, path: str, content: bytes | None, identity: bytes, seen: Head) -> None:
        self.path, self.content, self.identity = path, content, identity
        self.head = seen
        self.height, self.width, self.channels, kind = seen
        self.format, _, mode = kind.partition("/")
        self.mode = mode or ("RGB" if self.channels == 3 else "L")
        self.outcome = Outcome()
        self.keeper: list[weakref.ref[Any]] | None = None
        self.file: _native.OpenFile | None = None
        self.by_torchvision = self.sent = self.is_shared = self.is_copied = False
        # What was made of it here, by its mode and what was done to it.
        self._made: dict[tuple[str, Steps], Array] = {}
        self._first: Any = None
        self._palette: Palette | None = None
        self.log: list[tuple[Trace, Chain | None, Trace | None]] | None = None
        self.carried: Any = None

    @property
    def palette(self) -> Palette | None:
        """What the numbers of the whole image stand for, if it is of numbers."""
        if self._palette is None and self.mode == "P":
            self._palette = Palette.of_file(self.info)
        return self._palette

    @property
    def is_given(self) -> bool:
        """Whether its content is that of pixels, and no file's."""
        return self.format == "PPM"

    def fill(self, pixels: bytes) -> None:
        """Have these be the pixels of an image that is no file's."""
        self.content = as_content(self.width, self.height, pixels)

    def has_checksums(self) -> bool:
        """Return whether the checksums of this PNG are right."""
        return _native.has_checksums(self.read()) if self.file is None else self.file.has_checksums()

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
        if before is None and (file is not None or not self._made):
            self.content = self.read() if file is None else content_of(file)
        try:
            yield
        finally:
            self.content = before

    def open(self) -> Any:
        """Return a real image; if Pillow has opened it, it is not loaded."""
        if self.by_torchvision:
            return decode(self.read(), self.mode)
        if self.is_given:
            size, content = (self.width, self.height), self.read()
            return Image.frombytes(self.mode, size, content[-self.width * self.height * self.channels :])
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

    def info(self) -> Any:
        """Return an image of Pillow's for its `info` and palette, nothing else; the same one each time."""
        if self._first is None:
            self._first = self.header()
            self._first.fp = None
        return self._first

    def pixels(self, mode: str, steps: Steps, size: tuple[int, int]) -> Array:
        """Make an image here and now, out of what was made before where that is possible.

        Args:
            mode: Pillow's.
            steps: What is done to it.
            size: Its width and height after that.

        Returns:
            uint8 of shape (H, W) or (H, W, 3); nobody may write to it.

        Raises:
            Exception: What Pillow or torchvision raises for a file that has changed since it was looked through.
        """
        with making:
            if (mode, steps) not in self._made:
                plan = chain_of(mode, (("pil_to_tensor",),)).plan  # type: ignore[union-attr]
                shape = (size[1], size[0], 3) if channels_of(mode) > 1 else (size[1], size[0])
                # Channels first, where there are any.
                out = written(shape, lambda out: self.render(mode, steps, plan, out.T.swapaxes(-1, -2)))
                self._made[mode, steps] = out
                if not steps:
                    keep_whole(self, out.nbytes)
            return self._made[mode, steps]

    def render(self, mode: str, steps: Steps, plan: _native.Plan, out: np.ndarray[Any, Any], last: Steps = ()) -> None:
        """Make an image in given memory, of whatever there is.

        Args:
            mode: Pillow's.
            steps: What is done to it.
            plan: What is done to its values.
            out: Where it goes, of shape (C, H, W) and elements of the plan's size, whatever its strides.
            last: What is done there after all steps.
        """
        begun = self.begun(mode, steps)
        if begun is None or not begun[1]:
            self.outcome.views += 1
        if begun is None:
            if (self.is_shared or self.outcome.views > 1) and steps and not self.is_given:
                self.pixels(self.mode, (), (self.width, self.height))
                self.outcome.views -= 1  # that was no other one
            elif _native.render_image(self.read(), record_of(self.head, (*steps, *last)), plan, out) is None:
                return
            else:
                self._by_library()
            begun = self.mode, ()
        base = self._made[begun]
        head = base.shape[0], base.shape[1], 1 if base.ndim == 2 else 3, self.format
        rest = (*steps[len(begun[1]) :], *last)
        if (why := _native.render_image(base, record_of(head, rest), plan, out)) is not None:
            raise RuntimeError(f"pixels were not rendered: {why}")

    def begun(self, mode: str, steps: Steps) -> tuple[str, Steps] | None:
        """Return the most of these steps after which there is an image already, and its mode; None if there is none.

        What is gray may have been made of three channels or of one, which becomes one by a step.
        """
        if not self._made:
            return None
        kinds = dict.fromkeys((mode, self.mode, "RGB"))
        keys = ((kind, steps[:end]) for end in range(len(steps), -1, -1) for kind in kinds)
        return next((key for key in keys if key in self._made and _leads(key, mode, steps)), None)

    def _by_library(self) -> None:
        """Decode the whole image by the library."""
        self.outcome.by_library = True
        self._made[self.mode, ()] = pixels = np.asarray(self.open().convert(self.mode))
        if pixels.shape[:2] != (self.height, self.width):
            raise RuntimeError(f"the file {self.path!r} was replaced by one of another size while it was being loaded")
        keep_whole(self, pixels.nbytes)

    def forget(self) -> None:
        """Let go of the pixels that were made here."""
        self._made = {}


def of_pixels(mode: str, size: tuple[int, int], pixels: bytes, palette: Palette | None = None) -> "Trace":
    """Return the trace of an image that is no file's.

    Args:
        mode: Pillow's, "L", "RGB" or "P".
        size: Width and height.
        pixels: In rows, without gaps.
        palette: What they stand for, if the mode is "P".
    """
    width, height = size
    source = Source("", None, NOBODY, (height, width, len(mode), "PPM"))
    source.mode = mode
    source.fill(pixels)
    return Trace(source, mode, size, (), palette)


class Trace:
    """What was done to an image, as far as it was only recorded.

    Attributes:
        source: Where it comes from.
        mode: Pillow's, "L", "RGB", "P", "YCbCr" or "HSV".
        width: In pixels, after all steps.
        height: In pixels, after all steps.
        steps: Each step, as native code takes it.
        palette: What its pixels stand for, if its mode is "P".
        is_bare: Whether the last of what was done left nothing of the image's `info`.
        is_mapped: Whether the image is what Pillow makes over an array's memory, which it does not write to.
        tensors: Those that were recorded of it.
        pastes: What is written over the values of the tensor that it is of.
        frame: The constant margins of that tensor, which its chain names: left, top, right, bottom; None for none.
    """

    __slots__ = (
        *("frame", "height", "is_bare", "is_mapped", "mode", "palette", "pastes", "source", "steps", "tensors"),
        "width",
    )

    def __init__(
        self, source: Source, mode: str, size: tuple[int, int], steps: Steps, palette: Palette | None = None
    ) -> None:
        self.source, self.mode, self.steps, self.palette = source, mode, steps, palette
        self.width, self.height = size
        self.is_bare = self.is_mapped = False
        self.tensors: list[weakref.ref[Any]] = []
        self.pastes: tuple[Paste, ...] = ()
        self.frame: Frame | None = None

    @property
    def extent(self) -> tuple[int, int]:
        """Height and width of the tensor that it is of."""
        left, top, right, bottom = self.frame or (0, 0, 0, 0)
        return top + self.height + bottom, left + self.width + right

    @property
    def last(self) -> Steps:
        """What is done after all steps, to the tensor that it is of."""
        margins = () if self.frame is None else (_native.step("pad", *self.frame, "constant", 0),)
        return (*margins, *steps_of(self.pastes))

    def then(self, name: str, *operands: Any, size: tuple[int, int] | None = None) -> "Trace":
        """Return this trace and one step more, after which the image has this (width, height) if it is another."""
        step = _native.step(name, *operands)
        return Trace(self.source, self.mode, size or (self.width, self.height), (*self.steps, step), self.palette)

    def convert(self, mode: str) -> "Trace":
        """Take the channels of one mode for those of the other: one of three that are alike, or three of one.

        What was a number of a palette's colour is a value then.
        """
        return Trace(self.source, mode, (self.width, self.height), self.steps)

    def without_info(self) -> "Trace":
        """Return this trace as that of an image whose `info` is empty, as what Pillow makes of an array has it."""
        bare = Trace(self.source, self.mode, (self.width, self.height), self.steps, self.palette)
        bare.is_bare = True
        return bare

    def of_array(self) -> "Trace":
        """Return this trace as that of an image that Pillow makes of an array of NumPy's: over it, if it is gray."""
        made = self.without_info()
        made.is_mapped = self.mode == "L"
        return made

    def with_palette(self, palette: Palette | None) -> "Trace":
        """Return this trace with what its pixels stand for, if its mode is "P"."""
        trace = Trace(self.source, self.mode, (self.width, self.height), self.steps, palette)
        trace.is_bare = self.is_bare
        return trace

    def with_pastes(self, pastes: tuple[Paste, ...]) -> "Trace":
        """Return this trace as that of a tensor over whose values something is written."""
        trace = Trace(self.source, self.mode, (self.width, self.height), self.steps, self.palette)
        trace.pastes = pastes
        return trace

    def framed(self, frame: Frame) -> "Trace":
        """Return this trace as that of a tensor with constant margins: left, top, right, bottom."""
        left, top, _, _ = frame
        trace = self.with_pastes(
            tuple(paste._replace(top=paste.top + top, left=paste.left + left) for paste in self.pastes)
        )
        trace.frame = frame
        return trace

    def recolored(self, change: Callable[[Any], Any]) -> "Trace":
        """Return this trace with the palette, if it has one, that a function of Pillow's gives to an image."""
        return self if self.palette is None else self.with_palette(self.palette.then(change))

    def pixels(self) -> Array:
        """Make the image here and now, as Pillow's pixels lie in memory.

        Returns:
            uint8 of shape (H, W) or (H, W, 3), to which nobody may write.
        """
        return self.source.pixels(self.mode, self.steps, (self.width, self.height))

    def image(self) -> Image.Image:
        """Return the image as a real one of Pillow's."""
        size, pixels = (self.width, self.height), np.ascontiguousarray(self.pixels())
        if self.palette is not None:
            return self.palette.image(size, pixels)
        return Image.frombytes(self.mode, size, pixels)

    def values(self, chain: Chain) -> torch.Tensor:
        """Make what a chain makes of the image, lying in memory as the library's tensor does."""
        if chain.is_view:
            seen: torch.Tensor = chain.apply(self.image())
            return seen
        made = chain.empty(self.height, self.width)
        self.write(chain, made)
        return made

    def write(self, chain: Chain, out: torch.Tensor) -> None:
        """Make what a chain makes of the image in given memory.

        Args:
            chain: What is done to its values.
            out: A plain tensor of the result's shape and type, no two elements of which share memory.
        """
        size, strides = chain.dtype.itemsize, out.stride()
        extent = 1 + sum((length - 1) * stride for length, stride in zip(out.shape, strides, strict=True))
        # NumPy does not know all types, and torch would not resize memory that it has given to NumPy itself.
        whole = memoryview((ctypes.c_char * (size * extent)).from_address(out.data_ptr()))
        steps = [size * stride for stride in strides]
        elements: np.ndarray[Any, Any] = np.ndarray(tuple(out.shape), f"u{size}", whole, strides=steps)
        self.source.render(self.mode, self.steps, chain.plan, elements, self.last)

    def at_hand(self) -> "Trace":
        """Return the same image, of its pixels if there are those that it is made of."""
        if self.source.begun(self.mode, self.steps) is None:
            return self
        content, head = as_file(self.pixels())
        trace = Trace(Source("", content, NOBODY, head), self.mode, (self.width, self.height), (), self.palette)
        trace.pastes, trace.frame = self.pastes, self.frame
        return trace

    def to_send(self, chain: Chain) -> "Trace":
        """Return what another process is told of it: the same, or the pixels, if there are those it is made of.

        Args:
            chain: What is done there to its values.
        """
        source, sent = self.source, self.at_hand()
        if sent is self and source.is_given and source.height * source.width > _FEWER * self.height * self.width:
            self.pixels()
            sent = self.at_hand()
        if sent is self and source.outcome.is_made:
            source.outcome.views += 1
        if source.log is not None:
            source.log.append((self, chain, sent))
        return sent


def _leads(made: tuple[str, Steps], mode: str, steps: Steps) -> bool:
    """Whether what is left of some steps makes an image of a mode of what there is."""
    rest = steps[len(made[1]) :]
    # Of numbers another mode is made by a step as well.
    return channels_of(made[0]) in (1, channels_of(mode)) or any(
        _native.operands_of(step)[0] == "channel" for step in rest
    )


def pack(traces: Sequence[Trace]) -> bytes:
    """Return what native code needs to know of some images."""
    return b"".join(
        [record_of(trace.source.head, (*trace.steps, *trace.last), trace.source.identity) for trace in traces]
    )


def content_of(fp: Any) -> bytes:
    """Return all that is in an open file, which stays where it is."""
    position = fp.tell()
    try:
        fp.seek(0)
        content: bytes = fp.read()
    finally:
        fp.seek(position)
    return content
