"""What Pillow opens is looked through: whose file it is, and whether Pillow would get through it.

A file that fails must fail where it fails today. So a file is looked through, by Rust, when it is opened; only one
that Pillow opens and loads without an exception becomes a source, any other one is Pillow's there and then.
"""

import io
import os
from typing import Any

from PIL import ImageFile

from penstock import _native
from penstock.lowering.pillow import most_pixels
from penstock.recording.sources import Source, content_of
from penstock.records import NOBODY
from penstock.system import KNOWS_FILES

__all__ = ["OPENED", "source_of"]

# Formats by Pillow's names.
OPENED = ("JPEG", "PNG")


def source_of(fp: Any, filename: Any, file_format: str | None) -> tuple[Source | None, str]:
    """Return the source that was opened, or why Pillow has to look at it itself.

    Args:
        fp: An open file, as Pillow's plugins are given it.
        filename: Its path, if Pillow opened it.
        file_format: The plugin's; None if any will do.
    """
    if ImageFile.LOAD_TRUNCATED_IMAGES:
        return None, "ImageFile.LOAD_TRUNCATED_IMAGES is set"
    if (
        KNOWS_FILES
        and type(fp) is io.BufferedReader
        and isinstance(path := filename or getattr(fp.raw, "name", None), str)
    ):
        stays = bool(filename or _is_at(path, fp)) and not path.startswith(("/proc/", "/dev/"))
        found = _native.look_at_file(fp.fileno(), stays)
        if isinstance(found, str):
            return None, found
        seen, identity, file = found
        source = Source(path if path.startswith("/") else os.path.abspath(path), None, identity, seen)  # noqa: PTH100
        source.file = file
    else:
        content = fp.getvalue() if type(fp) is io.BytesIO else _content_of_object(fp)
        if content is None:
            return None, "not opened from a path or from bytes"
        if (head := _native.look_through(content)) is None:
            return None, "irregular file"
        source = Source("", content, NOBODY, head)
    if file_format not in (None, source.format):
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


def _content_of_object(fp: Any) -> bytes | None:
    """Return all that can be read from somebody's object; None if it cannot, or not as Pillow would later.

    What does not say whether it is closed may be, when Pillow comes to read it.
    """
    if not isinstance(getattr(fp, "closed", None), bool):
        return None
    try:
        content = content_of(fp)
    except Exception:  # Pillow meets it where it comes to it, if it does
        return None
    return content if type(content) is bytes else None
