"""MixUp and CutMix of a batch that records: it goes on recording, and the threads that make its images mix them."""

from collections.abc import Callable
from typing import Any

from penstock.ops.operation import Mixes
from penstock.recording.tensors import is_recording

__all__ = ["mixes"]


def mixes(records: Mixes, function: Callable[..., Any]) -> Callable[..., Any]:
    """Return what stands before `transform` of one of torchvision's classes.

    Args:
        records: Given its parameters and a batch: how that is mixed.
        function: That method.
    """

    def hook(self: Any, inpt: Any, params: dict[str, Any]) -> Any:
        if is_recording(inpt) and inpt._lead and not inpt._chain.is_view and inpt is not params["labels"]:
            mix = records(params, inpt)
            if mix is not None:
                self._check_image_or_video(inpt, batch_size=params["batch_size"])
                return type(inpt)(inpt._traces, inpt._chain, inpt._lead, inpt._given, mixes=(*inpt._mixes, mix))
        return function(self, inpt, params)

    return hook
