"""Pillow's images of files, recording: what can be known of the file is answered from its header."""

import io
import weakref
from typing import Any

from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile

from penstock import agreement
from penstock.compat.pillow import READONLY
from penstock.recording.causes import cause
from penstock.recording.images import LikePillows, Pixels, Recording, named_as_pillows, touch, while_recording
from penstock.recording.sources import Source, Trace

__all__ = ["open_recorded"]


class _LikePillowsFiles(LikePillows, type(JpegImageFile)):  # type: ignore[misc]
    """The same, for files."""


class _RecordedFile(Recording):
    """A file that Pillow would have opened; closed once it is loaded, as Pillow does."""

    # What refers to the open file: whoever asks for it reads the file himself.
    _of_open: tuple[str, ...] = ("fp", "tile", "_fp")
    # What loading changes.
    _of_loaded: tuple[str, ...] = ()

    @while_recording
    def load(self) -> Any:
        """Close the file as Pillow would by now."""
        if not self._is_loaded:
            attributes = self.__dict__
            opened = attributes.get("_opened")
            if opened is not None and opened.closed:
                self._become_pillows()
                return self.load()
            attributes["_is_loaded"] = True
            attributes.pop("_opened", None)
            for name in self._of_loaded:
                attributes.pop(name, None)
            if opened is not None and attributes.get("_exclusive_fp"):
                opened.close()
            attributes["fp"], attributes["tile"], attributes["map"] = None, [], None
            attributes[READONLY] = 0
        return Pixels(self)

    def __getattr__(self, name: str) -> Any:
        if self._is_loaded and name in self._of_loaded:
            touch(self)
            return getattr(self, name)
        if name in _attributes_of(self._stands_for):
            if name in self._of_open:
                if not self._trace.source.outcome.is_made:
                    self._trace.source.outcome.touched = cause()
                self._become_pillows()
            else:
                self._answer()
            return getattr(self, name)
        return self._other(name)

    def __exit__(self, *args: object) -> None:
        # A `with` block keeps this method, also if the image has become real in it.
        if isinstance(self, _RecordedFile):
            if self._is_loaded:
                return
            self._become_pillows()
        self.__exit__(*args)

    def _answer(self) -> None:
        """Take what Pillow finds in the header."""
        header = self._trace.source.header()
        changed = self._of_loaded if self._is_loaded else ()
        for name, value in header.__dict__.items():
            if name != "_im" and name not in self._of_open and name not in changed:
                self.__dict__.setdefault(name, value)

    def _become_pillows(self) -> None:
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
        """Have Pillow's image read the file that was opened."""
        header.fp = opened

    @staticmethod
    def _end(header: Any) -> None:
        """Change what Pillow's image keeps of its file as loading does."""


class _RecordedJpeg(_RecordedFile, JpegImageFile, metaclass=_LikePillowsFiles):  # type: ignore[metaclass]
    _stands_for = JpegImageFile


class _RecordedPng(_RecordedFile, PngImageFile, metaclass=_LikePillowsFiles):  # type: ignore[metaclass]
    _stands_for = PngImageFile
    _of_open: tuple[str, ...] = ("fp", "tile", "_fp", "png")
    _of_loaded: tuple[str, ...] = ("png", "_text", "_PngImageFile__idat")

    @staticmethod
    def _hand_over(header: Any, opened: Any) -> None:
        header.fp = header._fp = header.png.fp = opened

    @staticmethod
    def _end(header: Any) -> None:
        header._text = header.png.im_text
        header.png, header._PngImageFile__idat = None, 0


class _RecordedIndices(_RecordedPng):
    # Its palette is decoded when it is loaded.
    _of_open = (*_RecordedPng._of_open, "palette")
    _of_loaded = (*_RecordedPng._of_loaded, "palette")


_FILES: dict[str, type[_RecordedFile]] = {"JPEG": _RecordedJpeg, "PNG": _RecordedPng, "PNG/P": _RecordedIndices}

for _kind in _FILES.values():
    named_as_pillows(_kind)


@agreement.probe(
    "Pillow's plugins tell what they keep of a file",
    "attributes of images that record",
    examples=[(JpegImageFile,), (PngImageFile,)],
)
def _attributes_of(plugin: Any) -> frozenset[str]:
    """Return the names of what Pillow keeps of a file that one of its plugins has opened."""
    buffer = io.BytesIO()
    Image.new("RGB", (1, 1)).save(buffer, plugin.format)
    buffer.seek(0)
    return frozenset(vars(plugin(buffer)))


def open_recorded(source: Source, fp: Any, filename: Any) -> Any:
    """Return the image that stands for a file that was looked through."""
    kind = _FILES[source.head[3]]
    image = kind.__new__(kind)
    attributes = image.__dict__
    mode, size = source.mode, (source.width, source.height)
    attributes["_trace"], attributes["_is_loaded"] = Trace(source, mode, size, (), source.palette), False
    attributes["_mode"], attributes["_size"] = mode, size
    attributes["_opened"], attributes["filename"] = fp, filename if filename is not None else ""
    if source.keeper is not None:
        source.keeper.append(weakref.ref(image))
    return image
