"""Resizes of recording tensors: torchvision's of version 2, of pictures whose values were not converted before.

They are steps of the picture's trace, with torch's arithmetic in place of Pillow's.
"""

from collections.abc import Callable
from typing import Any

from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional as F2

from penstock.compat.torchvision import compute_resized_output_size
from penstock.lowering.report import Opaque
from penstock.lowering.resampling import mode_of, tensor_filter
from penstock.recording.chain import Chain
from penstock.recording.sources import TORCH, TORCH_MODES, Trace
from penstock.recording.tensors import is_recording

__all__ = ["KERNELS"]

_UNCONVERTED = ((("pil_to_tensor",),), (("decode_image",),))
_NUMBERS = {("corner" if mode is InterpolationMode.NEAREST else mode.value): k for k, mode in TORCH_MODES.items()}


def _resized(kind: Any, trace: Trace, chain: Chain | None, size: Any, options: tuple[Any, Any, Any]) -> Any:
    """Return the recording tensor that a resize makes, None if it cannot be recorded."""
    interpolation, max_size, antialias = options
    if chain is None:
        return None
    try:
        mode = mode_of(interpolation, strings=True)
        antialias = True if mode is InterpolationMode.NEAREST else antialias
        name = tensor_filter(mode, antialias, version=2)
        height, width = compute_resized_output_size((trace.height, trace.width), size=size, max_size=max_size)
    except (Opaque, TypeError, ValueError, IndexError):
        return None
    same = (height, width) == (trace.height, trace.width)
    # How a result with one row or column lies in memory is decided by more than its chain.
    if same or not all(type(length) is int and 1 < length < 1 << 24 for length in (height, width)):
        return None
    return kind((trace.then((1, height, width, _NUMBERS[name], TORCH), (width, height)),), chain, False)


def _resizes(kernel: Any) -> Any:
    def hook(
        image: Any,
        size: Any,
        interpolation: Any = InterpolationMode.BILINEAR,
        max_size: Any = None,
        antialias: Any = True,
    ) -> Any:
        result = None
        if _is_unconverted(image):
            result = _resized(type(image), image._traces[0], _kept(image), size, (interpolation, max_size, antialias))
        if result is not None:
            return result
        return kernel(image, size=size, interpolation=interpolation, max_size=max_size, antialias=antialias)

    return hook


def _crops_and_resizes(kernel: Any) -> Any:
    def hook(  # noqa: PLR0917 - torchvision's own
        image: Any,
        top: Any,
        left: Any,
        height: Any,
        width: Any,
        size: Any,
        interpolation: Any = InterpolationMode.BILINEAR,
        antialias: Any = True,
    ) -> Any:
        result = None
        if _is_unconverted(image) and all(type(value) is int for value in (top, left, height, width)):
            trace = image._traces[0]
            inside = 0 <= top < top + height <= trace.height and 0 <= left < left + width <= trace.width
            if inside and height > 1 and width > 1:
                cropped = trace.crop(left, top, left + width, top + height)
                # What was cropped out of wider rows does not lie as a picture does; what was not keeps its layout.
                chain = _kept(image) if width == trace.width else image._chain.then("contiguous")
                result = _resized(type(image), cropped, chain, size, (interpolation, None, antialias))
        if result is not None:
            return result
        options = {"size": size, "interpolation": interpolation, "antialias": antialias}
        return kernel(image, top=top, left=left, height=height, width=width, **options)

    return hook


def _kept(image: Any) -> Chain | None:
    """Return the chain of a resized picture: torch keeps a layout as Pillow's, unless there is one channel."""
    chain: Chain = image._chain
    return chain if chain.channels > 1 else chain.then("contiguous")


def _is_unconverted(image: Any) -> bool:
    if not is_recording(image) or image._batched:
        return False
    chain = image._chain
    return chain.values[1] in _UNCONVERTED and not chain.is_view


KERNELS: dict[Any, Callable[[Any], Any]] = {F2.resize: _resizes, F2.resized_crop: _crops_and_resizes}
