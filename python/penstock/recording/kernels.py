"""Kernels of torchvision's second generation, on recording tensors of bytes that were not converted before.

What they do is a step of the image's trace, with torch's arithmetic in place of Pillow's; of a batch, of each one's.
"""

import contextlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, cast

import torch

from penstock.compat.torchvision import must_return_subclass
from penstock.ops.operation import RecordsTensor
from penstock.recording.chain import Chain, as_at_first
from penstock.recording.memoryless import is_torch_plain
from penstock.recording.tensors import RecordedTensor, is_pasted, is_recording

if TYPE_CHECKING:
    from penstock.recording.sources import Trace

__all__ = ["kernel_recorded"]

# Height and width of an image from which it is seen how a result lies in memory; not too small for filters.
_SHEET = 32, 33
_layouts: dict[Any, str | None] = {}
_UNCONVERTED = ((("pil_to_tensor",),), (("decode_image",),))


def kernel_recorded(
    records: RecordsTensor,
    kernel: Callable[..., Any],
    *,
    kind: type[RecordedTensor] | None = None,
    stacked: bool = False,
) -> Callable[..., Any]:
    """Return what stands before a kernel: where the tensor records, the call is written down if it can be.

    Args:
        records: Writes it down.
        kernel: torchvision's.
        kind: Of the result, unless torchvision was told to give images of images; the tensor's own if None.
        stacked: Whether the images of a batch are written down as well.
    """
    # What depends on how the tensor lies in memory is told.
    goes_by_layout = getattr(records, "goes_by_layout", False)

    def hook(*arguments: Any, **options: Any) -> Any:
        # A tensor that is given by name is the kernel's.
        image, *args = arguments or (None,)
        results: list[Any] = [None]
        with contextlib.suppress(Exception):  # the kernel raises its own
            traces = _unconverted(image, stacked=stacked)
            given = {"interleaved": image._chain.interleaved} if goes_by_layout else {}
            results = [records(trace, *args, **options, **given) for trace in traces]
        if None not in results:
            made, (layout, *_) = zip(*results, strict=True)
            asked = _layout_of(kernel, image._chain, args, options) if layout == "asked" else layout
            # The images of a batch are in order already.
            chain = image._chain if image._lead else _chain_of(image._chain, asked)
            if chain is not None:
                made_as = type(image) if kind is None or must_return_subclass() else kind
                return made_as(cast("tuple[Trace, ...]", made), chain, image._lead)
        return kernel(*arguments, **options)

    return hook


def _chain_of(chain: Chain, layout: str | None) -> Chain | None:
    # What keeps an image's layout has it in order where there is one channel.
    if layout == "in order" or (layout == "kept" and chain.channels == 1):
        return chain.then("contiguous")
    return None if layout is None else chain


def _layout_of(kernel: Callable[..., Any], chain: Chain, args: Any, options: Any) -> str | None:
    """Return how a kernel has its result lie in memory, by a call on a small image; None if as no image does."""
    key = kernel, chain.interleaved, chain.channels
    if key not in _layouts:
        shape = (chain.channels, *_SHEET)
        strides = _strides(shape, interleaved=chain.interleaved)
        sheet = torch.empty_strided(shape, strides, dtype=torch.uint8).zero_()
        with as_at_first():
            made = kernel(sheet, *args, **options)
        _layouts[key] = None
        is_new = made.untyped_storage().data_ptr() != sheet.untyped_storage().data_ptr()
        if is_new and made.shape[:-2] == sheet.shape[:-2] and made.dtype == sheet.dtype:
            same = _strides(made.shape, interleaved=chain.interleaved)
            in_order = _strides(made.shape, interleaved=False)
            _layouts[key] = {in_order: "in order", same: "the same"}.get(made.stride())
    return _layouts[key]


def _strides(shape: Sequence[int], *, interleaved: bool) -> tuple[int, int, int]:
    channels, height, width = shape
    return (1, width * channels, channels) if interleaved else (height * width, width, 1)


def _unconverted(image: Any, *, stacked: bool) -> "Sequence[Trace]":
    """Return the traces of an image, or of a batch's images, whose bytes are as they were.

    Args:
        image: Anything.
        stacked: Whether it may be a batch.

    Raises:
        ValueError: If it is nothing of the kind.
    """
    if not is_recording(image) or image._chain.values[1] not in _UNCONVERTED or not is_torch_plain():
        raise ValueError
    if image._chain.is_view or is_pasted(image) or image._given or image._mixes:
        raise ValueError
    # A batch's images of one channel are interleaved ones to torch, and their strides say so.
    if image._lead and (not stacked or image._chain.channels == 1):
        raise ValueError
    traces: Sequence[Trace] = image._traces
    return traces
