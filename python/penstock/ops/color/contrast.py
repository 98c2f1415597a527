"""Contrast: every value mixed with the mean of the image's gray values.

Of tensors the mean is torch's sum of as many numbers as there are pixels, which is rounded where these are many, in an
order that goes by torch's threads. And where torch fuses the addition of the mean, it does not for some of the last
values in memory, of the tensor or of each thread's part of it.
"""

from typing import Any

import numpy as np
import torch
from PIL import ImageEnhance
from torchvision.transforms import functional as F
from torchvision.transforms.v2 import functional as F2

from penstock import _native, agreement
from penstock.compat.torchvision import tensor_functional
from penstock.ops.arithmetic import LIBRARIES, noise, rendered
from penstock.ops.color.adjust import Adjustment
from penstock.ops.color.floats import float_replays
from penstock.ops.opaque import Opaque
from penstock.ops.operation import Building, RecordsTensor, Trace
from penstock.ops.parameters import factor_of, library_of

__all__ = ["CONTRAST", "contrast", "contrast_arithmetic", "sums_of"]

# Up to so many pixels torch's sum of gray values is exact in single precision, in whatever order it adds them.
_MOST_PIXELS = (2**24 - 1) // 255
# Values of which torch has one thread do all, and fuses all but some of what is left behind the last sixteen.
_ALONE, _AT_A_TIME, _LEFT_FUSED = 1 << 15, 16, 4
_FUNCTIONS = {"torch1": F.adjust_contrast, "torch2": F2.adjust_contrast}
# Widths of images that leave each number of values behind the last sixteen.
_WIDTHS = range(30, 46)


contrast = Adjustment("contrast", "adjust_contrast", (0.0, 0.37, 1.0, 1.9), bare=True)


@agreement.probe(
    "torch adds in the known order",
    "contrast of tensors",
    otherwise=None,
    state=("threads", "deterministic algorithms"),
    examples=[("torch1", 1), ("torch2", 1)],
)
def _order_agrees(library: str, threads: int) -> bool:
    """Whether torch, with so many threads, rounds means and mixtures where it is known to.

    If it has one, nothing is asked that would start others.
    """
    if torch.get_default_dtype() is not torch.float32:
        raise agreement.NotNowError("torchvision mixes bytes in the default dtype")
    if contrast.arithmetic(library) is None:
        return False
    numbers = np.random.default_rng(0).random(_ALONE - 1, np.float32)
    if _native.cascade_sum(numbers, 1) != torch.from_numpy(numbers).sum(dtype=torch.float32).item():
        return False
    pixels = noise()
    images = [pixels, *(pixels[:1, :width] for width in _WIDTHS)]
    if threads > 1:
        if torch.get_num_threads() != threads:
            raise agreement.NotNowError("torch has another number of threads")
        images.append(np.tile(pixels, (9, 5, 1)))
    return all(_is_known(library, threads, np.ascontiguousarray(image)) for image in images)


def _is_known(library: str, threads: int, pixels: Any) -> bool:
    image = torch.from_numpy(pixels).permute(2, 0, 1)
    arithmetic = contrast.arithmetic(library)
    for tensor in (image, image.contiguous()):
        for factor in (0.37, 1.9):
            step = _summed(factor, arithmetic, threads, interleaved=tensor is image)
            theirs = _FUNCTIONS[library](tensor, factor).permute(1, 2, 0).numpy()
            if not np.array_equal(rendered(pixels, [step]), theirs):
                return False
    return True


def _summed(factor: float, arithmetic: str, threads: int, *, interleaved: bool) -> bytes:
    return _native.step("summed_contrast", factor, arithmetic, threads, interleaved, False)


def sums_of(building: Building) -> tuple[int, int]:
    """Return what contrast of tensors depends on besides their values: channels, and torch's threads."""
    return building.channels, building.threads


def contrast_arithmetic(building: Building, transform: Any) -> str:
    """Return the native name of a transform's arithmetic of contrast; Opaque if it is not known."""
    arithmetic = contrast.arithmetic_for(building, transform)
    if building.is_tensor:
        if not _order_agrees(library_of(building, transform), building.threads):
            raise Opaque("the installed torch adds gray values up in an order that is not known")
        if arithmetic == "torch2" and not building.is_laid:
            raise Opaque("how an earlier transform lays the tensor in memory is not known, where torch fuses additions")
    return arithmetic


def _records(library: str) -> RecordsTensor:
    plain = contrast.records_tensor(library)

    def records(trace: Trace, contrast_factor: Any, *, interleaved: bool) -> Any:
        threads, pixels = torch.get_num_threads(), trace.width * trace.height
        arithmetic = contrast.arithmetic(library)
        fused, values = arithmetic == "torch2", pixels * len(trace.mode)
        alike = not fused or (values % _AT_A_TIME <= _LEFT_FUSED and (values <= _ALONE or threads == 1))
        if pixels <= _MOST_PIXELS and alike:
            return plain(trace, contrast_factor)
        if arithmetic is None or not _order_agrees(library, threads):
            return None
        layout = interleaved, False
        return trace.then("summed_contrast", factor_of(contrast_factor), arithmetic, threads, *layout), "asked"

    records.goes_by_layout = True  # type: ignore[attr-defined]
    return records


def _replay(image: Any, factor: float, arithmetic: str, _threads: int, interleaved: int, _transposed: int) -> Any:
    tensor = F.pil_to_tensor(image)
    library = "torch1" if arithmetic in LIBRARIES["torch1"] else "torch2"
    return F.to_pil_image(_FUNCTIONS[library](tensor if interleaved else tensor.contiguous(), factor))


CONTRAST = contrast.operation(
    enhancers={ImageEnhance.Contrast: contrast.records},
    replays={"contrast": contrast.replay, "summed_contrast": _replay, **float_replays("contrast_floats")},
    tensor_calls={(tensor_functional, "adjust_contrast"): _records("torch1")},
    kernels={F2.adjust_contrast: _records("torch2")},
)
