"""What stands before the functions of torchvision that make tensors of images, and change their values."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torchvision import tv_tensors

from penstock.conversion import CONVERSIONS, Conversion
from penstock.recording.chain import chain_of
from penstock.recording.functions import change, extended, flip
from penstock.recording.images import is_recorded
from penstock.recording.loaded import is_loaded, over_pixels
from penstock.recording.memoryless import is_torch_plain
from penstock.recording.tensors import RecordedImage, RecordedTensor, alias, is_recording, record

__all__ = ["HOOKS", "KERNELS", "flips_images", "wraps_images"]

_IMAGE = tv_tensors.Image(torch.zeros(1, 1, 1))


def _makes_tensor(conversion: Conversion, *, image: bool) -> Callable[[Any], Any]:
    """Return what makes the hook of a function that makes a tensor of an image.

    Args:
        conversion: What the function does.
        image: Whether it makes an image of torchvision's.
    """
    key = ((conversion.name,),)

    def make(function: Any) -> Any:
        def hook(pic: Any) -> Any:
            tensor = None
            if is_recorded(pic) and is_torch_plain():
                pic.load()
                # An image whose file was closed by the user is Pillow's now.
                if is_recorded(pic):
                    tensor = record(pic._trace, chain_of(pic._mode, key), image=image)
            elif is_loaded(pic) and is_torch_plain():
                tensor = over_pixels(pic, lambda trace: record(trace, chain_of(trace.mode, key), image=image))
            if tensor is not None:
                return tensor
            if image and type(pic) is RecordedTensor and is_recording(pic):
                return alias(pic, RecordedImage)
            return function(pic)

        def hook_of_input(inpt: Any) -> Any:
            return hook(inpt)

        # As the functions have it.
        return hook_of_input if image else hook

    return make


def _normalizes(function: Any) -> Any:
    """Return what stands before version 1's `normalize`."""

    def hook(tensor: Any, mean: Any, std: Any, inplace: bool = False) -> Any:
        if type(tensor) is RecordedTensor and is_recording(tensor):
            result = _normalize(tensor, "normalize", mean, std, inplace)
            if result is not None:
                return result
        return function(tensor, mean, std, inplace)

    return hook


def _converts(function: Any) -> Any:
    """Return what stands before version 1's `convert_image_dtype`."""

    def hook(image: Any, dtype: torch.dtype = torch.float) -> Any:
        if type(image) is RecordedTensor and is_recording(image):
            result = image if dtype == image.dtype else extended(image, "convert_image_dtype", dtype)
            if result is not None:
                return result
        return function(image, dtype)

    return hook


def _normalize(tensor: RecordedTensor, name: str, mean: Any, std: Any, inplace: Any) -> Any:
    numbers = []
    for values in (mean, std):
        if type(values) in (torch.Tensor, np.ndarray) and values.ndim == 1:
            values = values.tolist()  # noqa: PLW2901 - exactly the same numbers
        if type(values) not in (tuple, list) or not all(type(value) in (int, float) for value in values):
            return None
        numbers.append(tuple(values))
    result = extended(tensor, name, *numbers)
    if result is None or not inplace:
        return result
    if not change(tensor, result):
        return None
    return alias(tensor, RecordedImage) if isinstance(tensor, RecordedImage) else tensor


def _normalizes_images(kernel: Any) -> Any:
    """Return what stands before a kernel of version 2's `normalize`."""

    def hook(image: Any, mean: Any, std: Any, inplace: bool = False) -> Any:
        result = _normalize(image, "normalize_image", mean, std, inplace) if is_recording(image) else None
        return kernel(image, mean=mean, std=std, inplace=inplace) if result is None else result

    return hook


def _converts_images(kernel: Any) -> Any:
    """Return what stands before a kernel of version 2's `to_dtype`."""

    def hook(image: Any, dtype: torch.dtype = torch.float, scale: bool = False) -> Any:
        result = None
        if is_recording(image):
            if dtype != image.dtype:
                result = extended(image, "to_dtype_image", dtype, scale)
            else:
                result = alias(image, RecordedImage) if isinstance(image, RecordedImage) else image
        return kernel(image, dtype=dtype, scale=scale) if result is None else result

    return hook


def wraps_images(function: Any) -> Any:
    """Return what stands before `tv_tensors.wrap`."""

    def hook(wrappee: Any, *, like: Any, **options: Any) -> Any:
        # A tensor that does not record becomes an image of torchvision's own, also of one that still does.
        like = _IMAGE if type(like) is RecordedImage and not is_recording(wrappee) else like
        return function(wrappee, like=like, **options)

    return hook


def flips_images(kernel: Any, *, horizontal: bool) -> Any:
    """Return what stands before a kernel of version 2's flips."""

    def hook(image: Any) -> Any:
        flipped = flip(image, RecordedImage, horizontal=horizontal)
        return kernel(image) if flipped is None else flipped

    return hook


# What stands before functions that change a tensor's values, by the conversion's name.
_BEFORE: dict[str, Callable[[Any], Any]] = {"normalize": _normalizes, "convert_image_dtype": _converts}
# What stands before the functions that convert, by where they are called.
HOOKS: dict[tuple[Any, str], Callable[[Any], Any]] = {
    call: _makes_tensor(conversion, image=call[1] == "to_image") if conversion.of_images else _BEFORE[conversion.name]
    for conversion in CONVERSIONS
    if conversion.of_images or conversion.name in _BEFORE
    for call in conversion.calls
}
# What stands before the kernels of those of version 2 that change tensors.
_BEFORE_KERNELS = {"normalize_image": _normalizes_images, "to_dtype_image": _converts_images}
KERNELS: dict[Any, Callable[[Any], Any]] = {
    getattr(owner, name): _BEFORE_KERNELS[conversion.name]
    for conversion in CONVERSIONS
    if conversion.name in _BEFORE_KERNELS
    for owner, name in conversion.calls
}
