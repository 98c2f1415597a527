"""Which file an exception is about."""

import io
import os
from typing import Any

from PIL import ImageFile

__all__ = ["path_of"]


def path_of(error: BaseException) -> str | None:
    """Return the path of the file that could not be loaded; None if neither the exception nor its frames know it.

    Pillow's exceptions do not name a file that was cut short, but the functions that they went through have it open.
    """
    if (named := _text(getattr(error, "filename", None))) is not None:
        return named
    frames = []
    traceback = error.__traceback__
    while traceback is not None:
        frames.append(traceback.tb_frame)
        traceback = traceback.tb_next
    for frame in reversed(frames):
        for value in [*frame.f_locals.values()]:
            if (found := _path_of_file(value)) is not None:
                return found
    return None


def _path_of_file(value: Any) -> str | None:
    if isinstance(value, ImageFile.ImageFile):
        # Not by the image's own look-up: one that records would become a real one.
        known = vars(value)
        return _text(known.get("filename")) or _path_of_file(known.get("fp"))
    return _text(getattr(value, "name", None)) if isinstance(value, io.IOBase) else None


def _text(path: Any) -> str | None:
    try:
        return os.fsdecode(path) or None
    except TypeError:  # no path, or the number of an open file
        return None
