"""Image processors of transformers: images that record come to them as tensors that record.

Their `process_image` makes an array of an image, and of that a tensor, channel after channel. It takes tensors too, so
an image of three colours is made one by torchvision's `pil_to_tensor`, which is written down, and that is what it is
given. That this comes to the same is asked of the installed version; what else it is given is its own affair.
"""

import os
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torchvision.transforms import functional as F

from penstock import agreement
from penstock.recording.images import is_recorded
from penstock.recording.loaded import is_loaded

__all__ = ["processor", "takes_images"]

_MODULE, _CLASS = "transformers.image_processing_backends", "TorchvisionBackend"


def processor() -> Any:
    """Return transformers' class of processors that use torchvision; None if it is not imported, or another one."""
    module, package = sys.modules.get(_MODULE), sys.modules.get("transformers")
    function = getattr(getattr(module, _CLASS, None), "process_image", None)
    if not isinstance(function, types.FunctionType) or hasattr(function, "__wrapped__"):
        return None
    folder = str(Path(str(getattr(package, "__file__", ""))).parent) + os.sep
    return getattr(module, _CLASS) if function.__code__.co_filename.startswith(folder) else None


def takes_images(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return what stands before `process_image`."""

    def hook(self: Any, image: Any, *arguments: Any, **options: Any) -> Any:
        # Of one channel, a tensor of an array has other strides.
        is_known = (is_recorded(image) or is_loaded(image)) and image.mode == "RGB" and not arguments
        if is_known and takes_tensors(function):
            return function(self, F.pil_to_tensor(image), **_for_tensors(options))
        return function(self, image, *arguments, **options)

    return hook


def _for_tensors(options: dict[str, Any]) -> dict[str, Any]:
    """Return what it is told besides, where it would find out for itself what an image is."""
    return {**options, "do_convert_rgb": None, "input_data_format": "channels_first"}


@agreement.probe(
    "transformers' processors make the same of an image and of its tensor",
    "images that record, given to image processors",
    otherwise=False,
    examples=(),
)
def takes_tensors(function: Callable[..., Any]) -> bool:
    """Whether `process_image` makes the same of an image and of its tensor."""
    # With rows or columns that might be channels, and without.
    for height, width, converts in ((5, 4, True), (3, 5, None), (3, 3, False), (1, 6, None)):
        image = Image.fromarray(np.arange(height * width * 3, dtype=np.uint8).reshape(height, width, 3))
        options = {"do_convert_rgb": converts}
        theirs = function(None, image, **options)
        ours = function(None, F.pil_to_tensor(image), **_for_tensors(options))
        if not torch.equal(theirs, ours) or (theirs.dtype, theirs.stride()) != (ours.dtype, ours.stride()):
            return False
    return True
