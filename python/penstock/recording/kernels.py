"""Kernels of torchvision's second generation, on recording tensors of bytes that were not converted before.

What they do is a step of the picture's trace, with torch's arithmetic in place of Pillow's.
"""

import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from penstock.ops.operation import RecordsTensor
from penstock.recording.chain import Chain
from penstock.recording.tensors import is_recording

if TYPE_CHECKING:
    from penstock.recording.sources import Trace

__all__ = ["kernel_recorded"]

_UNCONVERTED = ((("pil_to_tensor",),), (("decode_image",),))


def kernel_recorded(records: RecordsTensor, kernel: Callable[..., Any]) -> Callable[..., Any]:
    """Return what stands before a kernel: where the tensor records, the call is written down if it can be."""

    def hook(image: Any, *args: Any, **options: Any) -> Any:
        if _is_unconverted(image):
            result = None
            with contextlib.suppress(Exception):  # the kernel raises its own
                result = records(image._traces[0], *args, **options)
            if result is not None:
                trace, layout = result
                chain = _in_order(image._chain) if layout == "in order" else _kept(image._chain)
                if chain is not None:
                    return type(image)((cast("Trace", trace),), chain, False)
        return kernel(image, *args, **options)

    return hook


def _in_order(chain: Chain) -> Chain | None:
    return chain.then("contiguous")


def _kept(chain: Chain) -> Chain | None:
    """Return the chain of a result that lies as a picture does, unless there is one channel."""
    return chain if chain.channels > 1 else _in_order(chain)


def _is_unconverted(image: Any) -> bool:
    if not is_recording(image) or image._batched:
        return False
    chain = image._chain
    return chain.values[1] in _UNCONVERTED and not chain.is_view
