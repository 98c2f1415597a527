"""What was done to an image's values, from `ToTensor` on.

Each of these functions looks at one value of one channel at a time. So their composition is a table of 256 values for
each channel, made by calling the functions themselves on a *strip*: an image one pixel high that holds the values 0
to 255 in every channel. A chain is such a composition; chains are made once in a process and then looked up.

How the result lies in memory, and whether it is new memory at all, is told by the same calls on a *sheet*, an image
of some pixels more. Those of a batch are called on batches of two strips and of two sheets.
"""

import contextlib
import copy
import functools
from collections.abc import Callable, Hashable, Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
from PIL import Image
from torchvision.transforms import functional as F

from penstock import _native, calls
from penstock.compat.torch import DisableTorchFunction
from penstock.conversion import CONVERSIONS, arithmetic, channels_of, strip_of
from penstock.delivery.tables import codes_of

__all__ = ["Chain", "Key", "Link", "Written", "apply", "as_at_first", "chain_of"]

Link = tuple[Hashable, ...]
Key = tuple[Link, ...]


def _in_longer_rows(tensor: torch.Tensor) -> torch.Tensor:
    """Return the same values as they lie in memory if the image was cropped out of a wider one."""
    *_, channels, _, width = tensor.shape
    longer = (*tensor.shape[:-1], width + 1)
    if tensor.stride() == (1, width * channels, channels):
        rows = torch.empty_strided(longer, (1, (width + 1) * channels, channels), dtype=tensor.dtype)
    else:
        rows = torch.empty(longer, dtype=tensor.dtype)
    return rows[..., :width].copy_(tensor)


def _as_batch(tensor: torch.Tensor) -> torch.Tensor:
    return torch.stack([tensor, tensor])


def _as_single(tensor: torch.Tensor) -> torch.Tensor:
    return tensor[0].clone()


# The functions by the names under which they are recorded, as they are before anything is hooked.
_FUNCTIONS: dict[str, Callable[..., Any]] = {
    **{conversion.name: conversion.function for conversion in CONVERSIONS},
    # Of one channel, too, whose stride `contiguous` would leave as it is.
    "contiguous": functools.partial(torch.clone, memory_format=torch.contiguous_format),
    "clone": torch.clone,
    # What torchvision decodes lies in memory as what it makes of Pillow's image does.
    "decode_image": F.pil_to_tensor,
    "view": _in_longer_rows,
    "stack": _as_batch,
    "select": _as_single,
    # Around images, whose own values it leaves alone.
    "margin": lambda tensor, _value: tensor.clone(),
    "call": calls.repeat,
}
_NORMALIZE = [conversion.name for conversion in CONVERSIONS if conversion.normalizes]
# Width and height of an image from which it is seen how a result lies in memory.
_SHEET = (3, 2)
# Chains that are kept; a program has a handful, unless it draws their numbers.
_MOST = 512


class Written(NamedTuple):
    """Another way to write a chain's values.

    Attributes:
        plan: That writes them.
        dtype: Of what is written.
        table: The values, if bytes are written.
    """

    plan: _native.Plan
    dtype: torch.dtype
    table: torch.Tensor | None


class Chain:
    """A composition of functions on an image's values.

    Attributes:
        mode: Of the image that it begins with, "L" or "RGB".
        key: The functions and their arguments, in order.
        dtype: Of the result.
        channels: Of the result.
        interleaved: Whether the result for one image lies in memory as Pillow's pixels do, channel by channel for
            each pixel.
        is_view: Whether it is part of another one, and there are gaps between its rows.
        values: The functions without those that only change how the result lies in memory.
        has_negative_zero: Whether one of the values is a negative zero.
        is_even: Whether the values are the same in all channels.
        margin: The bytes of the value of all that is around images; None if nothing is.
    """

    __slots__ = (
        *("_next", "_plan", "_returning", "_sheet", "_strip", "_written", "channels", "dtype", "has_negative_zero"),
        *("interleaved", "is_even", "is_view", "key", "margin", "mode", "values"),
    )

    def __init__(self, mode: str, key: Key, strip: torch.Tensor, sheet: torch.Tensor, values: Key) -> None:
        self.mode, self.key, self.values = mode, key, (mode, values)
        self.dtype, self.channels = strip.dtype, strip.shape[-3]
        self.interleaved = sheet.stride() == (1, _SHEET[0] * self.channels, self.channels)
        self.is_view = key[-1] == ("view",)
        self.has_negative_zero = self.dtype.is_floating_point and bool(((strip == 0) & strip.signbit()).any())
        self.margin: Any = next((link[1] for link in key if link[0] == "margin"), None)
        self._strip, self._sheet = strip, sheet
        rows = _table(strip)
        self.is_even = all(calls.bytes_of(row) == calls.bytes_of(rows[0]) for row in rows)
        self._next: dict[Link, Chain | None] = {}
        self._returning: set[Link] = set()
        self._plan: _native.Plan | None = None
        self._written: dict[tuple[torch.dtype, bool], Written | None] = {}

    def then(self, name: str, *arguments: Hashable) -> "Chain | None":
        """Return this chain and one function more; None if that raises, or does not look at single values.

        It is this one if the function changes neither the values nor how they lie in memory.
        """
        link = (name, *arguments)
        try:
            return self._next[link]
        except KeyError:
            pass
        if len(self._next) >= _MOST:
            self._next.clear()
            self._returning.clear()
        self._next[link] = longer = self._longer(link)
        return longer

    def returns(self, name: str, *arguments: Hashable) -> bool:
        """Whether a function, with which `then` was asked, returns the tensor itself that it is given."""
        return (name, *arguments) in self._returning

    def _longer(self, link: Link) -> "Chain | None":
        if self.margin is not None and link[0] != "stack":
            return None  # nothing is known of what it makes of margins
        with as_at_first():
            given = [copy.deepcopy(tensor) for tensor in (self._strip, self._sheet)]
        strip, sheet = (apply(tensor, link) for tensor in given)
        if strip is None or sheet is None:
            return None
        if link[0] == "call":
            with as_at_first():
                if not calls.is_exact(link[1:], self._strip, strip):
                    return None
        if sheet is given[1]:
            self._returning.add(link)
        elif sheet.untyped_storage().data_ptr() == given[1].untyped_storage().data_ptr():
            return None
        unchanged = strip.dtype == self.dtype and calls.bytes_of(_table(strip)) == calls.bytes_of(_table(self._strip))
        unchanged &= link[0] != "margin"
        if unchanged and sheet.stride() == self._sheet.stride():
            return self
        values = self.values[1] if unchanged else (*self.values[1], link)
        return _chain(self.mode, (*self.key, link), strip, sheet, values)

    @property
    def is_of_bytes(self) -> bool:
        """Whether the values are the image's bytes."""
        return self.values[1] == (("pil_to_tensor",),)

    @property
    def table(self) -> torch.Tensor:
        """The values that these functions make of all bytes, of shape (C, 256)."""
        return _table(self._strip)

    @property
    def plan(self) -> _native.Plan:
        """The plan that makes these values of pixels."""
        if self._plan is None:
            table, normalized = _table(self._strip), [link[1:3] for link in self.key if link[0] in _NORMALIZE]
            affine = arithmetic(table, normalized)  # type: ignore[arg-type]
            if self.margin is not None:
                value = torch.frombuffer(bytearray(self.margin), dtype=self.dtype)
                table = torch.cat([table, value.expand(self.channels, 1)], dim=1)
            self._plan = _native.Plan([], calls.bytes_of(table), self.channels, self.dtype.itemsize, affine, b"")
        return self._plan

    def written(self, dtype: torch.dtype, *, as_bytes: bool) -> "Written | None":
        """Return how the values can be written for who delivers them; None if as they are.

        Args:
            dtype: That they are to be of.
            as_bytes: Whether the bytes may be written that they are made of.
        """
        if self.margin is not None:
            return None
        if (dtype, as_bytes) not in self._written:
            table = _table(self._strip).to(dtype)
            codes = codes_of(table) if as_bytes and dtype.itemsize > 1 else None
            entries = table if codes is None else codes
            plan = _native.Plan([], calls.bytes_of(entries), self.channels, entries.element_size(), None, b"")
            same = codes is None and dtype == self.dtype
            made = Written(plan, entries.dtype, None if codes is None else table.contiguous())
            self._written[dtype, as_bytes] = None if same else made
        return self._written[dtype, as_bytes]

    def empty(self, height: int, width: int) -> torch.Tensor:
        """Return memory for the values of one image, as the functions would have taken it.

        Returns:
            Uninitialised, of shape (C, H, W), without gaps.
        """
        if self.key == (("pil_to_tensor",),):
            # Its memory is NumPy's.
            return torch.from_numpy(np.empty((height, width, self.channels), np.uint8)).permute(2, 0, 1)
        if self.key == (("decode_image",),):
            # A view of what the decoder wrote.
            return torch.empty((height, width, self.channels), dtype=torch.uint8).permute(2, 0, 1)
        if self.interleaved:
            strides = (1, width * self.channels, self.channels)
            return torch.empty_strided((self.channels, height, width), strides, dtype=self.dtype)
        return torch.empty((self.channels, height, width), dtype=self.dtype)

    def apply(self, image: Any) -> Any:
        """Call the functions on a real image."""
        for name, *arguments in self.key:
            image = _FUNCTIONS[name](image, *arguments)  # type: ignore[index]
        return image


_chains: dict[tuple[str, Key], Chain] = {}


def chain_of(mode: str, key: Key) -> Chain | None:
    """Return the chain of these functions for images of a mode; None if there is none."""
    if channels_of(mode) > 1:
        mode = "RGB"  # of which the values do not depend on what they stand for
    chain = _chains.get((mode, key))
    if chain is not None:
        return chain
    if len(key) > 1:
        shorter = chain_of(mode, key[:-1])
        chain = None if shorter is None else shorter.then(*key[-1])  # type: ignore[arg-type]
    else:
        strip, sheet = (apply(image, key[0]) for image in (strip_of(mode), Image.new(mode, _SHEET)))
        chain = None if strip is None or sheet is None else _chain(mode, key, strip, sheet, key)
    if chain is not None:
        if len(_chains) >= _MOST:
            _chains.clear()
        _chains[mode, key] = chain
    return chain


def _chain(mode: str, key: Key, strip: torch.Tensor, sheet: torch.Tensor, values: Key) -> Chain | None:
    width, height = _SHEET
    if strip.shape[-2:] != (1, 256) or sheet.shape[-2:] != (height, width) or strip.shape[:-2] != sheet.shape[:-2]:
        return None
    chain = Chain(mode, key, strip, sheet, values)
    in_order = sheet.stride() == torch.empty(sheet.shape).stride()
    return chain if in_order or chain.interleaved or chain.is_view else None


def _table(strip: torch.Tensor) -> torch.Tensor:
    """Return the values of a strip, of shape (C, 256)."""
    return (strip[0] if strip.ndim == 4 else strip).reshape(strip.shape[-3], 256)


def apply(strip: Any, link: Link) -> torch.Tensor | None:
    """Return what one of the functions makes of an image or a tensor, None if it is nothing that can be recorded."""
    name, *arguments = link
    try:
        with as_at_first():
            result = _FUNCTIONS[name](strip, *arguments)  # type: ignore[index]
    except Exception:
        return None
    if type(result) is not torch.Tensor or result.ndim not in (3, 4):
        return None
    if result.device.type != "cpu" or result.is_complex() or result.layout != torch.strided:
        return None
    if result.dtype.is_floating_point and result.dtype.itemsize == 1:
        return None  # torch itself does little with such numbers
    return result


@contextlib.contextmanager
def as_at_first(*, inference: bool = False, gradients: bool = False) -> Iterator[None]:
    """Have torch make tensors as it does where nothing was set, whatever the caller has set since.

    Args:
        inference: Whether they are tensors of the inference mode.
        gradients: Whether views are made where gradients are followed.
    """
    default = torch.get_default_dtype()
    with DisableTorchFunction(), torch.inference_mode(inference), torch.set_grad_enabled(gradients):
        if default is torch.float32:
            yield
            return
        torch.set_default_dtype(torch.float32)
        try:
            yield
        finally:
            torch.set_default_dtype(default)
