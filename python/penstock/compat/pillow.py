"""The private names of Pillow."""

import types
from pathlib import Path
from typing import Any

import PIL
from PIL import Image

from penstock.compat.names import FILES, RECORDING, Names

__all__ = ["ENHANCE", "ID", "NAMES", "OPEN", "PLAIN", "READONLY", "copy_info", "fromarray", "is_pillows"]

NAMES = Names("Pillow", "pillow")
_fetch, _expect = NAMES.fetch, NAMES.expect

# Which plugin opens which format, and in which order they are asked.
OPEN: dict[str, Any] = _fetch("PIL.Image", "OPEN", FILES, RECORDING, instead={})
ID: list[str] = _fetch("PIL.Image", "ID", FILES, RECORDING, instead=[])

# What all enhancers have in common.
ENHANCE: Any = _fetch("PIL.ImageEnhance", "_Enhance", RECORDING)

# How an image keeps its pixels: those of Pillow 11 and newer have one attribute by which all code reaches them.
_expect("PIL.Image:Image", "_im _mode _size", RECORDING)
# What a file that is open, or was loaded, knows.
_expect("PIL.ImageFile:ImageFile", "_exclusive_fp decoderconfig", RECORDING)
_expect("PIL.PngImagePlugin:PngImageFile", "_PngImageFile__idat _fp _text png", RECORDING)
_expect("PIL.PngImagePlugin:PngStream", "im_text", RECORDING)


def _plain() -> dict[str, Any]:
    """Return what `Image.__init__` sets, and images that it did not make have."""
    attributes = dict(vars(Image.Image()))
    return {name: value for name, value in attributes.items() if name not in ("_im", "_mode", "_size", "info")}


PLAIN = _plain()
# It was `readonly` up to version 11.0.
READONLY: str = next((name for name in PLAIN if name.endswith("readonly")), "_readonly")
_expect("PIL.Image:Image", READONLY, RECORDING)
# As `_new` of Pillow copies it: lists in it are copied too from version 13 on, whose method this is.
copy_info: Any = getattr(Image.Image, "_copy_info", lambda image: image.info.copy())
# As it is before anything is hooked.
fromarray: Any = Image.fromarray
_FILES = str(Path(PIL.__file__).parent)


def is_pillows(function: Any) -> bool:
    """Whether a function is Pillow's own, and none that somebody has put into its place."""
    return (
        isinstance(function, types.FunctionType)
        and function.__code__.co_filename.startswith(_FILES)
        and not hasattr(function, "__wrapped__")
    )
