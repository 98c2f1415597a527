"""What was done to a picture's values, from `ToTensor` on.

Each of these functions looks at one value of one channel at a time. So their composition is a table of 256 values for
each channel, made by calling the functions themselves on a *strip*: a picture one pixel high that holds the values 0
to 255 in every channel. A chain is such a composition; chains are made once in a process and then looked up.
"""

import copy
import functools
from collections.abc import Callable, Hashable
from typing import Any

import torch
from PIL import Image
from torchvision.transforms import functional as F
from torchvision.transforms.v2 import functional as F2

from penstock import _native
from penstock.lowering.strip import arithmetic, strip_of

__all__ = ["Chain", "chain_of"]

Link = tuple[Hashable, ...]
Key = tuple[Link, ...]


def _in_longer_rows(tensor: torch.Tensor) -> torch.Tensor:
    """Return the same values as they lie in memory if the picture was cropped out of a wider one."""
    channels, height, width = tensor.shape
    interleaved = tensor.stride() == (1, width * channels, channels)
    strides = (1, (width + 1) * channels, channels) if interleaved else (height * (width + 1), width + 1, 1)
    return torch.empty_strided((channels, height, width + 1), strides, dtype=tensor.dtype)[..., :width].copy_(tensor)


# The functions by the names under which they are recorded, as they are before anything is hooked.
_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "to_tensor": F.to_tensor,
    "pil_to_tensor": F.pil_to_tensor,
    "convert_image_dtype": F.convert_image_dtype,
    "normalize": F.normalize,
    "to_dtype_image": F2.to_dtype_image,
    "normalize_image": F2.normalize_image,
    # Of one channel, too, whose stride `contiguous` would leave as it is.
    "contiguous": functools.partial(torch.clone, memory_format=torch.contiguous_format),
    "clone": torch.clone,
    # What torchvision decodes lies in memory as what it makes of Pillow's picture does.
    "decode_image": F.pil_to_tensor,
    "view": _in_longer_rows,
}
# Functions that change no value.
_LAYOUT = ("contiguous", "clone", "view")
_NORMALIZE = ("normalize", "normalize_image")
# Width and height of a picture from which it is seen how a result lies in memory.
_SHEET = (3, 2)
# Chains that are kept; a program has a handful, unless it draws their numbers.
_MOST = 4096


class Chain:
    """A composition of functions on a picture's values.

    Attributes:
        mode: Of the picture that it begins with, "L" or "RGB".
        key: The functions and their arguments, in order.
        dtype: Of the result.
        channels: Of the result.
        interleaved: Whether the result for one picture lies in memory as Pillow's pixels do, channel by channel for
            each pixel.
        is_view: Whether it is part of another one, and there are gaps between its rows.
        values: The functions without those that only change how the result lies in memory.
    """

    __slots__ = (
        *("_next", "_plan", "_sheet", "_strip", "channels", "dtype", "interleaved", "is_view", "key", "mode"),
        "values",
    )

    def __init__(self, mode: str, key: Key, strip: torch.Tensor, sheet: torch.Tensor) -> None:
        self.mode, self.key = mode, key
        self.dtype, self.channels = strip.dtype, strip.shape[0]
        self.interleaved = sheet.stride() == (1, _SHEET[0] * self.channels, self.channels)
        self.is_view = key[-1] == ("view",)
        self.values = mode, tuple(link for link in key if link[0] not in _LAYOUT)
        self._strip, self._sheet = strip, sheet
        self._next: dict[Link, Chain | None] = {}
        self._plan: _native.Plan | None = None

    def then(self, name: str, *arguments: Hashable) -> "Chain | None":
        """Return this chain and one function more; None if that raises, or does not look at single values."""
        link = (name, *arguments)
        try:
            return self._next[link]
        except KeyError:
            pass
        if len(self._next) >= _MOST:
            self._next.clear()
        made = [_apply(copy.deepcopy(tensor), link) for tensor in (self._strip, self._sheet)]
        longer = _chain(self.mode, (*self.key, link), *made)
        self._next[link] = longer
        return longer

    @property
    def plan(self) -> _native.Plan:
        """The plan that makes these values of pixels."""
        if self._plan is None:
            table = self._strip.contiguous().view(self.channels, -1)
            normalized = [link[1:3] for link in self.key if link[0] in _NORMALIZE]
            entries = table.view(torch.uint8).numpy().tobytes()
            affine = arithmetic(table, normalized)  # type: ignore[arg-type]
            self._plan = _native.Plan([], entries, self.channels, self.dtype.itemsize, affine, b"")
        return self._plan

    def apply(self, image: Any) -> Any:
        """Call the functions on a real picture."""
        for name, *arguments in self.key:
            image = _FUNCTIONS[name](image, *arguments)  # type: ignore[index]
        return image


_chains: dict[tuple[str, Key], Chain] = {}


def chain_of(mode: str, key: Key) -> Chain | None:
    """Return the chain of these functions for pictures of a mode; None if there is none."""
    chain = _chains.get((mode, key))
    if chain is not None:
        return chain
    if len(key) > 1:
        shorter = chain_of(mode, key[:-1])
        chain = None if shorter is None else shorter.then(*key[-1])  # type: ignore[arg-type]
    else:
        made = [_apply(picture, key[0]) for picture in (strip_of(mode), Image.new(mode, _SHEET))]
        chain = _chain(mode, key, *made)
    if chain is not None:
        if len(_chains) >= _MOST:
            _chains.clear()
        _chains[mode, key] = chain
    return chain


def _chain(mode: str, key: Key, strip: torch.Tensor | None, sheet: torch.Tensor | None) -> Chain | None:
    if strip is None or sheet is None or strip.shape[1:] != (1, 256):
        return None
    chain = Chain(mode, key, strip, sheet)
    width, height = _SHEET
    known = chain.interleaved or chain.is_view or sheet.stride() == (width * height, width, 1)
    return chain if known else None


def _apply(strip: Any, link: Link) -> torch.Tensor | None:
    name, *arguments = link
    try:
        with torch.no_grad():
            result = _FUNCTIONS[name](strip, *arguments)  # type: ignore[index]
    except Exception:
        return None
    if type(result) is not torch.Tensor or result.ndim != 3:
        return None
    if result.device.type != "cpu" or result.is_complex() or result.layout != torch.strided:
        return None
    return result
